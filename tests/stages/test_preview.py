"""One frame to look at: the pixels of conversion, and no more work than what has changed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_people import MadeShot, bits, channel, make_model, make_shot, read_exr, write_exr
from understudy.convert import shot_measures
from understudy.convert.aligner import Aligner
from understudy.convert.cache import LatestCache
from understudy.convert.network_renderer import NetworkRenderer
from understudy.errors import FacesetError, Interrupted, MissingInputError, ModelError, NoFaceError, UsageError
from understudy.events import Events, Recorder
from understudy.extraction import shot as shots
from understudy.faceset.store import Faceset
from understudy.plate.matte import Matte
from understudy.settings import ConvertSettings, PreviewSettings
from understudy.stages import convert, preview


@pytest.fixture
def model(tmp_path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def shot(tmp_path) -> MadeShot:
    return make_shot(tmp_path / "shot", 4, faceless=(2,))


def settings(shot: MadeShot, trained: Path, folder: Path, number: int = 1001, **changes: Any) -> PreviewSettings:
    values: dict[str, Any] = {"plate": shot.pattern, "model": trained, "faceset": shot.faceset, "out": folder}
    values |= {"frame": number, "device": "cpu", "convert_batch": 2, "occlusion": "none"}
    return PreviewSettings(**{**values, **changes})


def colours(path: Path | str, names: str = "RGB") -> np.ndarray:
    return np.stack([channel(Path(path), name) for name in names], axis=-1)


def as_converted(wanted: PreviewSettings, folder: Path) -> Path:
    """The frame as the convert stage writes it with the same options."""
    shared = {name: getattr(wanted, name) for name in ConvertSettings.model_fields if hasattr(wanted, name)}
    out = f"{folder.as_posix()}/out.####.exr"
    convert.run(ConvertSettings(**{**shared, "frames": str(wanted.frame), "out": out}), Events())
    return folder / f"out.{wanted.frame}.exr"


OPTIONS: list[dict[str, Any]] = [
    {},
    {"feather": 0.15, "erode": 1.5, "matte": "hull"},
    {"opacity": 0.6, "relight": 0.3, "relight_reach": 0.1, "matte": "learned"},
    {"colour_match": "none", "convert_batch": 3},
]


def test_the_composite_is_the_one_that_conversion_writes(tmp_path, shot, model):
    kept = LatestCache()
    for index, changes in enumerate(OPTIONS):
        wanted = settings(shot, model, tmp_path / "look", 1002, **changes)
        report = preview.run(wanted, Events(), kept)
        path = as_converted(wanted, tmp_path / str(index))
        files = report["files"]
        np.testing.assert_array_equal(bits(colours(files["composite"], "RGBA")), bits(colours(path, "RGBA")))
        np.testing.assert_array_equal(bits(colours(files["plate"])), bits(colours(shot.plate(1002))))
        matte = bits(channel(path, "matte.A"))
        for name in "RGB":
            np.testing.assert_array_equal(bits(channel(Path(files["matte"]), name)), matte)
            np.testing.assert_array_equal(bits(channel(Path(files["swap"]), name)), bits(channel(path, f"swap.{name}")))
        assert np.any(colours(files["composite"]) != colours(files["plate"]))


def test_it_says_what_it_wrote_and_where(tmp_path, shot, model, monkeypatch):
    recorder = Recorder()
    monkeypatch.chdir(tmp_path)
    report = preview.run(settings(shot, model, Path("look")), Events(recorder), LatestCache())
    assert report.pop("seconds") > 0
    folder = tmp_path / "look"
    assert report == {
        "frame": 1001,
        "face": True,
        "width": 112,
        "height": 96,
        "files": {name: str(folder / f"{name}.1001.exr") for name in ("composite", "plate", "matte", "swap")},
        "colour_space": "Linear Rec.709 (sRGB)",
    }
    assert recorder.of("preview")[-1]["path"] == report["files"]["composite"]
    for name, channels in {"composite": "ABGR", "plate": "ABGR", "matte": "BGR", "swap": "ABGR"}.items():
        (part,) = read_exr(folder / f"{name}.1001.exr").parts
        assert sorted(part.channels) == sorted(channels)
        assert all(one.pixels.dtype == np.float16 for one in part.channels.values())
        assert part.header["colorInteropID"] == ("data" if name == "matte" else "lin_rec709_scene")
        assert part.header["understudy/model_steps"] == 7


def test_the_pictures_have_the_display_window_and_half_floats_whatever_the_plate_has(tmp_path, model):
    def spoil(image: np.ndarray, index: int) -> None:
        image[0, 100], image[0, 101] = 1e6, np.nan  # more than a half float holds; no number

    windows = {
        "dataWindow": (np.array([-8, 4], np.int32), np.array([103, 99], np.int32)),
        "displayWindow": (np.array([0, 0], np.int32), np.array([119, 107], np.int32)),
    }
    shot = make_shot(tmp_path / "float", 1, origin=(-8, 4), dtype=np.float32, spoil=spoil, **windows)
    wanted = settings(shot, model, tmp_path / "look")
    report = preview.run(wanted, Events(), LatestCache())
    assert (report["width"], report["height"]) == (120, 108)
    whole = colours(as_converted(wanted, tmp_path / "whole"))  # flat: over both windows, so 8 columns more at the left
    found = colours(report["files"]["composite"])
    assert read_exr(Path(report["files"]["composite"])).parts[0].header["dataWindow"][1].tolist() == [119, 107]
    np.testing.assert_array_equal(found[4, 92], np.float16([65504] * 3))
    assert np.isnan(found[4, 93]).all()
    whole[4, 100] = 65504
    np.testing.assert_array_equal(found, whole[:, 8:].astype(np.float16))


def test_a_frame_without_a_face_is_the_plate(tmp_path, shot, model):
    report = preview.run(settings(shot, model, tmp_path / "look", 1003), Events(), LatestCache())
    assert report["face"] is False
    np.testing.assert_array_equal(bits(colours(report["files"]["composite"])), bits(colours(shot.plate(1003))))
    assert not colours(report["files"]["matte"]).any() and not colours(report["files"]["swap"], "RGBA").any()


def test_a_display_referred_plate_is_shown_in_the_working_space(tmp_path, shot, model):
    folder = tmp_path / "png"
    folder.mkdir()
    for frame in shot.frames:
        linear = np.clip(colours(shot.plate(frame)).astype(np.float32), 0, 1)
        coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        cv2.imwrite(str(folder / f"shot.{frame}.png"), np.rint(coded[..., ::-1] * 255).astype(np.uint8))
    faceset, original = Faceset.create(tmp_path / "faces", {}), Faceset.open(shot.faceset)
    for face in original.faces():
        faceset.add(replace(face, plate=(folder / "shot.%04d.png").as_posix()), original.read(face))
    changes = {"plate": f"{folder.as_posix()}/shot.####.png", "faceset": tmp_path / "faces"}
    wanted = settings(shot, model, tmp_path / "look", **changes)
    report = preview.run(wanted, Events(), LatestCache())
    assert report["colour_space"] == "ACEScg"
    composite = report["files"]["composite"]
    assert read_exr(Path(composite)).parts[0].header["colorInteropID"] == "lin_ap1_scene"
    np.testing.assert_array_equal(bits(colours(composite)), bits(colours(as_converted(wanted, tmp_path / "whole"))))


@pytest.fixture
def work(monkeypatch) -> Counter[str]:
    """Counts what is done while previews are made."""
    done: Counter[str] = Counter()

    def spied(owner: Any, name: str, said: str) -> None:
        straight: Callable[..., Any] = getattr(owner, name)

        def spy(*arguments: Any, **options: Any) -> Any:
            done[said] += 1
            return straight(*arguments, **options)

        monkeypatch.setattr(owner, name, spy)

    spied(preview, "load_model", "model")
    spied(preview.ColourManager, "__init__", "colour")
    spied(shots, "read_frame", "frame")
    spied(preview.Faceset, "open", "faceset")
    spied(shot_measures, "measure_light", "light")
    spied(shot_measures.Predictor, "_pass", "network")
    return done


EVERYTHING = {
    "model": 1,
    "colour": 1,
    "frame": 4,
    "faceset": 1,
    "light": 1,
    "network": 3,
}  # two faces at a time: the frame's, and the three of the shot, whose frames are read for the grain


def test_other_edges_and_colours_cost_no_network_and_no_reading(tmp_path, shot, model, work):
    kept = LatestCache()

    def cost(**changes: Any) -> dict[str, int]:
        work.clear()
        preview.run(settings(shot, model, tmp_path / "look", **changes), Events(), kept)
        return dict(work)

    cv2.imwrite(str(tmp_path / "hand.png"), np.zeros((96, 112), np.uint8))
    assert cost() == EVERYTHING
    assert cost() == {}
    for changes in (
        {"feather": 0.2}, {"erode": 4.0}, {"opacity": 0.5}, {"relight": 0.2}, {"relight_reach": 0.2},
        {"matte": "hull"}, {"colour_match": "none"}, {"holdout": str(tmp_path / "hand.png")}, {"out": tmp_path / "there"},
    ):  # fmt: skip
        assert cost(**changes) == {}, changes
    assert cost(frame=1002) == {"frame": 1, "network": 1}
    assert cost(frame=1003) == {"frame": 1}  # nobody is there
    assert cost(frame=1002, convert_batch=3) == {"frame": 4, "light": 1, "network": 2}
    assert cost(frame=1002, ocio="ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4", convert_batch=3) == {
        "colour": 1,
        "frame": 3,
        "light": 1,
        "network": 2,
    }


def test_files_that_are_renewed_are_read_again_and_only_those(tmp_path, shot, model, work):
    kept = LatestCache()

    def again() -> tuple[dict[str, int], np.ndarray]:
        work.clear()
        report = preview.run(settings(shot, model, tmp_path / "look"), Events(), kept)
        return dict(work), colours(report["files"]["composite"])

    _, first = again()
    weights = model / "model.safetensors"
    before = weights.stat().st_mtime_ns
    make_model(model)  # the same size, the same weights, another time
    os.utime(weights, ns=(before, before + 1_000_000))
    cost, same = again()
    assert cost == {"model": 1, "frame": 3, "light": 1, "network": 3}
    np.testing.assert_array_equal(first, same)
    plate = shot.plate(1001)
    write_exr(plate, colours(plate) * np.float16(2))
    cost, brighter = again()
    assert cost == {"frame": 1, "network": 1}
    assert brighter.mean() > 1.5 * first.mean()
    faceset = Faceset.open(shot.faceset)
    work.clear()
    faceset.remove([face for face in faceset.faces() if face.frame == 1004])
    cost, _ = again()
    assert cost == {"frame": 2, "light": 1, "network": 2}


def test_the_plate_is_written_once_and_again_when_its_file_is_gone_or_another(tmp_path, shot, model):
    kept = LatestCache()
    files = preview.run(settings(shot, model, tmp_path / "out"), Events(), kept)["files"]
    plate, composite = Path(files["plate"]), Path(files["composite"])
    first, before = plate.read_bytes(), (plate.stat().st_mtime_ns, composite.stat().st_mtime_ns)
    preview.run(settings(shot, model, tmp_path / "out", feather=0.2), Events(), kept)
    assert plate.stat().st_mtime_ns == before[0] and composite.stat().st_mtime_ns != before[1]
    for spoil in (plate.unlink, lambda: plate.write_bytes(b"")):
        spoil()
        preview.run(settings(shot, model, tmp_path / "out"), Events(), kept)
        assert plate.stat().st_size == len(first)
    other = preview.run(settings(shot, model, tmp_path / "other"), Events(), kept)["files"]
    assert Path(other["plate"]).is_file()


def test_after_a_failure_the_next_call_is_right(tmp_path, shot, model, work):
    kept = LatestCache()
    wanted = settings(shot, model, tmp_path / "look")
    preview.run(wanted, Events(), kept)
    weights = model / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:500])
    with pytest.raises(ModelError, match="damaged"):
        preview.run(wanted, Events(), kept)
    weights.write_bytes(whole)
    work.clear()
    assert preview.run(wanted, Events(), kept)["face"] is True
    assert work["model"] == 1
    plate = shot.plate(1001)
    plate.unlink()
    with pytest.raises(MissingInputError, match="1001"):
        preview.run(wanted, Events(), kept)


@pytest.mark.parametrize(("owner", "step"), [(Aligner, "_hidden"), (NetworkRenderer, "raw")])
def test_a_failure_beside_is_told_once_and_not_kept(tmp_path, shot, model, monkeypatch, owner, step):
    kept, wanted = LatestCache(), settings(shot, model, tmp_path / "look")
    with monkeypatch.context() as patch:

        def fail(*_: Any) -> None:
            raise MemoryError("no room")

        patch.setattr(owner, step, fail)
        with pytest.raises(MemoryError, match="no room"):
            preview.run(wanted, Events(), kept)
    assert preview.run(wanted, Events(), kept)["face"]


def test_what_cannot_be_previewed_is_told(tmp_path, shot, model):
    def refused(**changes: Any) -> Any:
        return preview.run(settings(shot, model, tmp_path / "look", **changes), Events(), LatestCache())

    with pytest.raises(FacesetError, match="needs the faces of the plate") as raised:
        refused(faceset=None)
    assert "Find the faces first" in raised.value.hint
    with pytest.raises(FacesetError, match="no faceset"):
        refused(faceset=tmp_path / "nowhere")
    with pytest.raises(ModelError, match="no trained model"):
        refused(model=tmp_path / "nowhere")
    with pytest.raises(MissingInputError, match="Frame 1009"):
        refused(frame=1009)
    with pytest.raises(NoFaceError, match="track:7"):
        refused(face="track:7")
    with pytest.raises(NoFaceError, match="at 1, 1"):
        refused(face="point:1001,1,1")
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((9, 9), np.uint8))
    with pytest.raises(UsageError, match="9 x 9 pixels"):
        refused(roto=str(tmp_path / "small.png"))
    with pytest.raises(Interrupted):
        preview.run(settings(shot, model, tmp_path / "look"), Events(stop=lambda: True), LatestCache())
    assert not (tmp_path / "look").exists()


def test_a_holdout_is_read_once_and_again_when_it_is_drawn_anew(tmp_path, shot, model, monkeypatch):
    kept, made = LatestCache(), Counter[str]()
    weights, coloured = Matte.weights, NetworkRenderer.coloured
    monkeypatch.setattr(Matte, "weights", lambda *rest: made.update(["read"]) or weights(*rest))
    monkeypatch.setattr(NetworkRenderer, "coloured", lambda *rest: made.update(["coloured"]) or coloured(*rest))
    hand = tmp_path / "hand.png"

    def drawn(value: int) -> None:
        cv2.imwrite(str(hand), np.full((96, 112), value, np.uint8))

    def matte(**changes: Any) -> tuple[float, dict[str, int]]:
        made.clear()
        wanted = settings(shot, model, tmp_path / "look", holdout=str(hand), **changes)
        return float(colours(preview.run(wanted, Events(), kept)["files"]["matte"]).max()), dict(made)

    drawn(0)
    whole, cost = matte()
    assert whole > 0.5 and cost == {"read": 1, "coloured": 1}
    assert matte(feather=0.2)[1] == {}
    drawn(255)
    hidden, cost = matte()
    assert hidden == 0 and cost == {"read": 1, "coloured": 1}
