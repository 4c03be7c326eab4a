from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest
from made_deliveries import MADE_OF, MadeDelivery, Planes, delivered_planes, disc, plate_planes, write
from made_people import make_model, make_shot
from PIL import Image
from understudy.cli import main
from understudy.errors import Interrupted, MissingInputError, OutputError, UsageError
from understudy.events import Events, Recorder
from understudy.plate import sequence
from understudy.plate.colour import ColourManager
from understudy.plate.frame import Header, Window
from understudy.plate.layers import Layer, write_layers
from understudy.settings import ConvertSettings, QcSettings
from understudy.stages import convert
from understudy.stages.qc.delivery import run


@pytest.fixture(scope="module", autouse=True)
def one_configuration() -> Iterator[None]:
    """The configuration is loaded once: that takes longer than to judge these small frames."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ColourManager, "discover", functools.cache(ColourManager.discover))
        yield


@pytest.fixture
def made(tmp_path: Path) -> MadeDelivery:
    return MadeDelivery.make(tmp_path / "shot")


def check(made: MadeDelivery, *sinks: Recorder, **options: Any) -> dict[str, Any]:
    return run(QcSettings(**{"sequence": made.pattern, "plate": made.plate, **options}), Events(*sinks))


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {one["check"]: one["verdict"] for one in report["checks"]}


def result(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in report["checks"] if one["check"] == name)


def bad(report: dict[str, Any]) -> dict[str, tuple[str, list[int]]]:
    """What does not pass, with the frames that are to blame."""
    return {
        one["check"]: (one["verdict"], one["worst"]) for one in report["checks"] if one["verdict"] in ("fail", "warn")
    }


def test_a_sound_delivery_passes_every_check_and_writes_its_page(made: MadeDelivery, tmp_path: Path) -> None:
    recorder = Recorder()
    report = check(made, recorder, json_file=tmp_path / "qc.json", min_width=64)
    assert set(verdicts(report).values()) == {"pass"}
    assert report["verdict"] == "pass" and report["checked"] == 6
    assert json.loads((tmp_path / "qc.json").read_text()) == report
    page = made.folder / "out_qc" / "qc.html"
    assert report["page"] == str(page)
    html = page.read_text()
    assert "passes every check" in html and "data:image/png;base64," in html
    assert not re.search(r"(src|href)=\"(?!data:)", html)  # it stands alone
    assert recorder.of("progress")[-1]["done"] == 6
    figures = report["frames"][1]
    assert figures["matte"] == pytest.approx(float(disc().astype(np.float64).sum()), abs=0.01)
    assert figures["flicker"] == pytest.approx(1, abs=0.1)
    assert figures["bytes"] == made.path(1002).stat().st_size


def test_frames_that_were_made_of_other_things_than_the_rest_are_told(made: MadeDelivery) -> None:
    """What may animate, and each frame's own files, differ from frame to frame; a model may not."""
    made.spoil(1002, **{MADE_OF: '{"model":"a","opacity":0.5,"plate":"c"}'})
    assert result(check(made), "made of")["verdict"] == "pass"
    made.spoil(1004, **{MADE_OF: '{"model":"z","opacity":1.0,"plate":"b"}'})
    made.spoil(1005, **{MADE_OF: None})
    made.spoil(1006, **{MADE_OF: "no JSON {"})
    report = check(made)
    assert bad(report) == {"made of": ("warn", [1004, 1005, 1006])}
    assert "made with another model than frame 1001" in result(report, "made of")["told"]
    assert check(made, strict=True)["verdict"] == "fail"
    for frame in made.frames:
        made.spoil(frame, **{MADE_OF: None})
    assert result(check(made), "made of")["verdict"] == "not checked"


def nan_in_raw(planes: Planes) -> None:
    planes["raw.G"][20, 30] = np.nan


def one_bit(planes: Planes) -> None:
    planes["G"].view(np.uint16)[3, 2] ^= 1


def float_main(planes: Planes) -> None:
    for name in "RGBA":
        planes[name] = planes[name].astype(np.float32)


def no_occlusion(planes: Planes) -> None:
    del planes["occlusion.A"]


def one_more(planes: Planes) -> None:
    planes["extra.Z"] = planes["matte.A"]


def half_st(planes: Planes) -> None:
    planes["st.u"] = planes["st.u"].astype(np.float16)


def matte_twice(planes: Planes) -> None:
    for name in "RGB":
        planes[f"swap.{name}"] = (planes[f"swap.{name}"] * planes["matte.A"]).astype(np.float16)


def matte_above_one(planes: Planes) -> None:
    planes["matte.A"][20, 32] = planes["swap.A"][20, 32] = 1.25
    for name in "RGB":
        face = planes[f"raw.{name}"][20, 32].astype(np.float32)
        planes[f"swap.{name}"][20, 32] = face * 1.25
        planes[name][20, 32] = (face / 1.04) + 1.25 * (face - face / 1.04)


def colour_outside(planes: Planes) -> None:
    planes["swap.B"][1, 1] = 0.5


def another_alpha(planes: Planes) -> None:
    planes["swap.A"][20, 32] = 0.5


@pytest.mark.parametrize(
    ("change", "blamed", "told"),
    [
        (nan_in_raw, {"finite"}, r"raw\.G is NaN at pixel \(30, 20\)"),
        (one_bit, {"untouched"}, r"G is [\d.]+ at pixel \(2, 3\), outside the matte, and [\d.]+ in the plate"),
        (float_main, {"types", "half"}, "R is float, not half as in the plate"),
        (no_occlusion, {"layers"}, r"occlusion\.A is missing"),
        (one_more, {"layers"}, r"extra\.Z, which frame 1001 has not"),
        (half_st, {"types"}, r"st\.u is half, not float"),
        (matte_twice, {"composite"}, r"swap \+ \(1 - matte\) \* plate is [\d.]+ in [RGB] at pixel .*, the composite"),
        (matte_above_one, {"matte"}, r"matte\.A is 1\.25 at pixel \(32, 20\), not within 0 and 1"),
        (another_alpha, {"premultiplied"}, r"swap\.A is 0\.5 at pixel \(32, 20\), but matte\.A 1"),
        (colour_outside, {"premultiplied"}, r"swap\.B is 0\.5 at pixel \(1, 1\), where the matte is 0"),
    ],
)
def test_spoilt_pixels_are_blamed_on_their_check_and_frame(made: MadeDelivery, change, blamed, told) -> None:
    made.spoil(1003, change)
    report = check(made)
    assert bad(report) == {name: ("fail", [1003]) for name in blamed}
    assert report["verdict"] == "fail"
    sentences = [result(report, name)["told"] for name in blamed]
    assert any(re.search(f"^Frame 1003: .*{told}", sentence) for sentence in sentences), sentences


@pytest.mark.parametrize(
    ("header", "blamed", "told"),
    [
        ({"colorInteropID": "acescct_ap1_scene"}, {"colour tag": "fail", "linear": "fail"}, "acescct_ap1_scene"),
        ({"colorInteropID": None}, {"colour tag": "fail"}, "does not tell its colour space"),
        ({"framesPerSecond": None}, {"rate": "fail"}, "does not tell its frame rate"),
        ({"smpte:TimeCode": None}, {"timecode": "fail"}, "no timecode"),
    ],
)
def test_headers_that_are_no_delivery(made: MadeDelivery, header, blamed, told) -> None:
    made.spoil(1003, **header)
    report = check(made)
    assert bad(report) == {name: (verdict, [1003]) for name, verdict in blamed.items()}
    assert told in result(report, next(iter(blamed)))["told"]


def test_lossy_compression(made: MadeDelivery) -> None:
    made.spoil(1003, compression="b44")
    report = check(made)
    assert bad(report)["lossless"] == ("fail", [1003])
    assert result(report, "lossless")["told"] == "Frame 1003: its compression b44 is lossy."


def test_a_frame_of_another_size_or_place(made: MadeDelivery) -> None:
    made.spoil(1002, lambda planes: planes.update({name: plane[:30] for name, plane in planes.items()}))
    report = check(made)
    assert bad(report)["windows"] == ("fail", [1002])
    assert "64 x 30 at (0, 0), the plate's 64 x 40" in result(report, "windows")["told"]


def test_a_matte_of_another_size_than_its_composite(made: MadeDelivery) -> None:
    """In parts, the one of the matte lost its lower half."""
    for frame in made.frames:
        write_parts(made, frame)
    assert verdicts(check(made))["windows"] == "pass"
    write_parts(made, 1004, matte_rows=20)
    report = check(made)
    assert bad(report)["windows"] == ("fail", [1004])
    assert "the data window of matte is 64 x 20 at (0, 0)" in result(report, "windows")["told"]


def write_parts(made: MadeDelivery, frame: int, matte_rows: int | None = None) -> None:
    """The frame in the profile ``parts``; or the matte in a window of its own, by OpenEXR."""
    planes = delivered_planes(frame)
    if matte_rows is None:
        layers = []
        for layer in ("", "swap", "raw", "delta", "matte", "occlusion", "st", "confidence"):
            names = [name for name in planes if name.rpartition(".")[0] == layer]
            channels = tuple(name.rpartition(".")[2] for name in names)
            layers.append(Layer(layer, channels, np.stack([planes[name] for name in names], axis=-1)))
        window = Window(0, 0, 64, 40)
        header = Header(window, window, fps=(24, 1), timecode=(0x01000000 + frame - 1001, 0))
        write_layers(made.path(frame), layers, header, profile="parts", interop_id="lin_rec709_scene")
        return
    parts = []
    for layer in ("", "swap", "raw", "delta", "matte", "occlusion", "st", "confidence"):
        rows = matte_rows if layer == "matte" else 40
        channels = {
            name: np.ascontiguousarray(plane[:rows])
            for name, plane in planes.items()
            if name.rpartition(".")[0] == layer
        }
        box = (np.array([0, 0], np.int32), np.array([63, rows - 1], np.int32))
        display = (np.array([0, 0], np.int32), np.array([63, 39], np.int32))
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        parts.append(OpenEXR.Part({**header, "dataWindow": box, "displayWindow": display}, channels, layer or "rgba"))
    OpenEXR.File(parts).write(str(made.path(frame)))


def test_missing_truncated_and_strange_files_are_told_apart(made: MadeDelivery) -> None:
    made.path(1002).unlink()
    whole = made.path(1003).read_bytes()
    made.path(1003).write_bytes(whole[: len(whole) * 2 // 3])
    made.path(1005).write_bytes(b"no picture")
    report = check(made)
    found = bad(report)
    assert found == {"frames": ("fail", [1002]), "files": ("fail", [1003, 1005])}
    assert report["checked"] == 3
    assert result(report, "files")["told"] == "Frame 1003: it ends before its last pixel."
    made.spoil(1003)
    assert result(check(made), "files")["told"] == "Frame 1005: it is no EXR file."


def test_frames_are_counted_against_the_plate_or_else_by_their_gaps(made: MadeDelivery) -> None:
    made.path(1006).unlink()
    assert bad(check(made))["frames"] == ("fail", [1006])
    assert "frames" not in bad(check(made, frames="1001-1005"))
    made.path(1003).unlink()
    assert bad(check(made, plate=None))["frames"] == ("fail", [1003])
    (made.folder / "plate" / "plate.1004.exr").unlink()
    assert bad(check(made, frames=None))["frames"] == ("fail", [1003, 1006, 1004])


def test_without_the_plate_what_needs_it_is_not_checked(made: MadeDelivery) -> None:
    report = check(made, plate=None)
    left_out = {name for name, verdict in verdicts(report).items() if verdict == "not checked"}
    assert left_out == {"untouched", "flicker", "edge", "width"}
    assert report["plate"] is None and report["verdict"] == "pass"
    assert "--plate" in result(report, "untouched")["told"]


def test_the_composite_is_checked_by_its_delta_where_there_is_no_plate(made: MadeDelivery) -> None:
    made.spoil(1003, matte_twice)
    assert bad(check(made, plate=None)) == {"composite": ("fail", [1003])}


def test_the_plate_that_the_files_name_is_found_one_folder_above(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for frame in (1001, 1002):
        write(tmp_path / f"plate.{frame}.exr", plate_planes(frame), frame)
        write(folder / f"o.{frame}.exr", delivered_planes(frame), frame, **{"understudy/plate": "../x/plate.%04d.exr"})
    report = run(QcSettings(sequence=f"{folder}/o.####.exr"), Events())
    assert report["plate"] == f"{tmp_path.as_posix()}/plate.%04d.exr"
    assert verdicts(report)["untouched"] == "pass"


def test_what_the_plate_itself_holds_is_no_fault(made: MadeDelivery) -> None:
    """NaN and infinity in the plate outside the matte and inside it: they stay, and do not count."""
    plate, planes = plate_planes(1004), delivered_planes(1004)
    for (y, x), value in {(2, 2): np.nan, (20, 32): np.inf}.items():
        plate["R"][y, x] = planes["R"][y, x] = value
        planes["swap.R"][y, x] = planes["delta.R"][y, x] = 0
    write(made.folder / "plate" / "plate.1004.exr", plate, 1004)
    write(made.path(1004), planes, 1004)
    assert bad(check(made)) == {}
    # Who does not know the plate cannot tell.
    assert bad(check(made, plate=None)) == {"finite": ("fail", [1004])}


def test_a_face_without_a_matte_is_a_warning_which_strict_makes_a_failure(made: MadeDelivery) -> None:
    write(made.path(1003), delivered_planes(1003, matte=np.zeros_like(disc())), 1003)
    report = check(made)
    assert bad(report) == {"empty": ("warn", [1003])}
    assert report["verdict"] == "warn"
    assert bad(check(made, strict=True)) == {"empty": ("fail", [1003])}


def test_a_single_flash_fails_by_flicker(made: MadeDelivery) -> None:
    write(made.path(1004), delivered_planes(1004, gain=1.6), 1004)
    report = check(made, max_edge=100)
    assert bad(report) == {"flicker": ("fail", [1004, 1005])} or bad(report) == {"flicker": ("fail", [1005, 1004])}
    assert report["frames"][3]["flicker"] > 2.4
    assert "flicker" not in bad(check(made, max_flicker=20, max_edge=100))


def test_flicker_of_the_whole_shot_fails_although_no_frame_flashes(made: MadeDelivery) -> None:
    """The new face has half as much grain again, on every frame alike."""
    for frame in made.frames:
        planes, matte = delivered_planes(frame), disc().astype(np.float32)
        smooth = np.linspace(0.1, 0.5, 64)[None]
        for name, plate in plate_planes(frame).items():
            under = plate.astype(np.float32)
            face = smooth + 1.5 * (under - smooth)
            planes[name] = np.where(matte > 0, (under + matte * (face - under)).astype(np.float16), plate)
            planes[f"swap.{name}"] = (face * matte).astype(np.float16)
            planes[f"delta.{name}"] = (matte * (face - under)).astype(np.float16)
        write(made.path(frame), planes, frame)
    report = check(made)
    assert result(report, "flicker")["verdict"] == "fail"
    assert report["flicker"] == pytest.approx(1.4, abs=0.1)  # 1.5 in the middle, less where the disc is soft
    assert "1.2 times is allowed" in result(report, "flicker")["told"]


def test_a_hard_edge_of_another_colour_fails_and_a_soft_one_does_not(made: MadeDelivery) -> None:
    hard = (disc() > 0.5).astype(np.float16)
    for frame in made.frames:
        write(made.path(frame), delivered_planes(frame, gain=1.5, matte=hard), frame)
    report = check(made)
    assert list(bad(report)) == ["edge"]
    assert report["frames"][0]["edge"] > report["frames"][0]["edge_of_plate"] + 4


def test_too_narrow_a_picture(made: MadeDelivery) -> None:
    report = check(made, min_width=3840)
    assert list(bad(report)) == ["width"]
    assert result(report, "width")["told"] == "Frame 1001: it is 64 pixels wide, not 3840."


def test_timecode_that_does_not_go_on_without_a_plate_is_a_warning(made: MadeDelivery) -> None:
    write(made.path(1004), delivered_planes(1004), 1001)
    assert bad(check(made)) == {"timecode": ("fail", [1004])}
    assert bad(check(made, plate=None)) == {"timecode": ("warn", [1004])}


def test_other_peoples_files_are_judged_in_sentences(tmp_path: Path) -> None:
    """Only depth, in one channel."""
    for frame in (1, 2):
        write(tmp_path / f"z.{frame:04d}.exr", {"Z": np.ones((8, 8), np.float32)}, 1001)
    report = run(QcSettings(sequence=f"{tmp_path}/z.####.exr"), Events())
    assert "R, G, B, A and 15 more are missing" in result(report, "layers")["told"]
    assert verdicts(report)["composite"] == "not checked"


@pytest.mark.parametrize("name", ["plate.1001.png", "plate.1001.exr"])
def test_a_plate_that_is_not_linear_is_compared_in_the_working_space(tmp_path: Path, name: str) -> None:
    """The delivery has its pixels, and the tag, of the working space."""
    codes = np.random.default_rng(3).integers(60, 200, (40, 64, 3), np.uint8)
    if name.endswith("png"):
        Image.fromarray(codes).save(tmp_path / name)
    else:
        planes = {channel: (codes[..., index] / 255).astype(np.float16) for index, channel in enumerate("RGB")}
        write(tmp_path / name, planes, 1001, colorInteropID="srgb_rec709_scene")
    encoded = np.asarray(oiio.ImageBuf(str(tmp_path / name)).get_pixels("float"))
    linear = ColourManager.discover().to_working(encoded, "sRGB - Texture").astype(np.float16)
    planes = delivered_planes(1001, matte=np.zeros_like(disc()))
    planes |= {channel: linear[..., index] for index, channel in enumerate("RGB")} | {"confidence.Y": planes["matte.A"]}
    write(tmp_path / "o.1001.exr", planes, 1001, colorInteropID="lin_ap1_scene")
    settings = QcSettings(sequence=f"{tmp_path}/o.1001.exr", plate=f"{tmp_path}/{name}")
    report = run(settings, Events())
    assert verdicts(report)["untouched"] == "pass" and bad(report) == {}
    planes["R"][0, 0] += np.float16(0.01)
    write(tmp_path / "o.1001.exr", planes, 1001, colorInteropID="lin_rec709_scene")
    assert list(bad(run(settings, Events()))) == ["colour tag", "untouched"]


def test_no_frames_no_folder_and_no_exr_sequence_are_mistakes(made: MadeDelivery, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(MissingInputError, match="No file matches"):
        check(made, sequence=f"{made.folder.as_posix()}/nothing.####.exr")
    with pytest.raises(MissingInputError, match="9000"):
        check(made, frames="9000")
    with pytest.raises(MissingInputError, match="does not exist"):
        check(made, plate=f"{tmp_path}/nowhere/p.####.exr")
    (tmp_path / "p.1001.png").write_bytes(b"")
    with pytest.raises(UsageError, match="no EXR sequence"):
        check(made, sequence=f"{tmp_path}/p.####.png")

    def refused(folder: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sequence.Path, "iterdir", refused)
    with pytest.raises(MissingInputError, match="Permission denied"):
        check(made)


def test_what_cannot_be_written_is_told_before_a_frame_is_read(made: MadeDelivery, tmp_path: Path) -> None:
    recorder = Recorder()
    for options in ({"out": made.path(1001)}, {"json_file": made.folder}):
        with pytest.raises(OutputError, match="not a f"):
            check(made, recorder, **options)
    assert recorder.of("progress") == []


def test_what_is_converted_passes_in_both_profiles(tmp_path: Path) -> None:
    """A face of another colour, over a frame without a face too; nothing but its edge may be found fault with."""
    shot, model = make_shot(tmp_path / "plate", 3, faceless=(1,)), make_model(tmp_path / "model")
    values = {"plate": shot.pattern, "model": model, "faceset": shot.faceset, "device": "cpu", "occlusion": "none"}
    for profile in ("flat", "parts"):
        out = f"{tmp_path.as_posix()}/{profile}/out.####.exr"
        convert.run(ConvertSettings(**values, out=out, profile=profile), Events())
        report = run(QcSettings(sequence=out, plate=shot.pattern, max_edge=100, max_flicker=100), Events())
        assert {name: told for name, told in bad(report).items() if name not in _UNTOLD_BY_PLATE} == {}
        assert verdicts(report)["composite"] == verdicts(report)["untouched"] == "pass"
        assert report["frames"][1]["matte"] == 0 < report["frames"][0]["matte"]


_UNTOLD_BY_PLATE = {"rate", "timecode", "colour tag"}  # what the plate made for tests does not tell


def test_a_damaged_frame_of_the_plate_is_told_as_one(made: MadeDelivery) -> None:
    path = made.folder / "plate" / "plate.1003.exr"
    path.write_bytes(path.read_bytes()[:900])
    report = check(made)
    assert bad(report) == {"frames": ("warn", [1003])}
    assert "no whole picture" in json.dumps(report)


def test_it_stops_on_request_and_writes_nothing(made: MadeDelivery) -> None:
    with pytest.raises(Interrupted):
        run(QcSettings(sequence=made.pattern, plate=made.plate), Events(stop=lambda: True))
    assert not (made.folder / "out_qc").exists()


def test_the_command_says_pass_or_fail_by_its_exit_code(made: MadeDelivery, tmp_path: Path, capsys) -> None:
    arguments = ["qc", made.pattern, "--plate", made.plate, "--json", str(tmp_path / "q.json"), "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert "6 frames read: 21 pass, 1 not checked." in capsys.readouterr().out
    made.spoil(1003, one_bit)
    assert main(arguments) == 14
    told = capsys.readouterr()
    assert "out.%04d.exr does not pass: untouched." in told.err
    assert max(map(len, told.out.splitlines()[1:-1])) <= 80
    assert json.loads((tmp_path / "q.json").read_text())["verdict"] == "fail"
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"stage": "qc", "settings": {"sequence": made.pattern, "plate": made.plate}}))
    assert main(["run", str(job)]) == 14
