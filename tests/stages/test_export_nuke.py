from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluated_nuke import RGB, evaluate, parsed
from understudy.cli import main
from understudy.convert.inverse_warp import PlacedFace, Placer
from understudy.convert.layers.compose import compose
from understudy.errors import ExitCode, Interrupted, MissingInputError, OutputError, UnreadableError, UsageError
from understudy.events import Events, Recorder
from understudy.imaging.region import Region
from understudy.plate.frame import Header, Window
from understudy.plate.layers import Layer, write_layers
from understudy.settings import ExportNukeSettings
from understudy.stages import run

DISPLAY = Window(0, 0, 32, 20)
OVERSCAN = Window(-2, -1, 36, 22)
SPACE = "Linear Rec.709 (sRGB)"


def _write(folder: Path, frame: int, profile: Any, extra: list[Layer]) -> None:
    """A frame of a plate with overscan, and the same frame converted."""
    rng = np.random.default_rng(frame)
    pixels = rng.uniform(-0.2, 40, (OVERSCAN.height, OVERSCAN.width, 3)).astype(np.float16)
    region = Region(6, 4, 14, 12)
    placer = Placer(np.array([[1.1, 0.2, -8.0], [-0.2, 1.1, -2.0]]), 16, region)
    light = [rng.uniform(0, 20, (12, 14, 3)).astype(np.float32) for _ in range(2)]
    matte = rng.uniform(0, 1, (12, 14)).astype(np.float32)
    face = PlacedFace(region, *light, matte, np.zeros_like(matte), placer.st, placer.inside, 0.5)
    header = Header(OVERSCAN, DISPLAY, fps=(24000, 1001))
    told = {"header": header, "interop_id": "lin_rec709_scene"}
    write_layers(folder / f"plate.{frame}.exr", [Layer("", ("R", "G", "B"), pixels)], profile="flat", **told)
    layers = [*compose(pixels, None, face), *extra]
    about = {"colour_space": SPACE}
    write_layers(folder / "shots" / f"out.{frame}.exr", layers, profile=profile, attributes=about, **told)


@pytest.fixture(scope="module", params=["flat", "parts"])
def made(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "shots").mkdir()
    inverse = Layer("st_inv", ("u", "v"), np.zeros((4, 4, 2), np.float32))
    for frame in range(1001, 1005):
        _write(folder, frame, request.param, [inverse])
    return folder


@pytest.fixture
def shot(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "shot"))


def export(shot: Path, **changes: Any) -> dict[str, Any]:
    values = {
        "result": f"{shot}/shots/out.####.exr",
        "out": shot / "comps" / "comp.nk",
        "plate": f"{shot}/plate.####.exr",
    }
    return run(ExportNukeSettings.model_validate(values | changes), Events())


def test_the_script_finds_its_files_and_rebuilds_the_composite(shot: Path) -> None:
    report = export(shot)
    assert report == {
        "file": str(shot / "comps" / "comp.nk"),
        "result": "../shots/out.%04d.exr",
        "plate": "../plate.%04d.exr",
        "frames": "1001-1004",
        "fps": "24000/1001",
        "colour_space": SPACE,
    }
    moved = shot.with_name("elsewhere")
    shot.rename(moved)  # the paths start at the script, so that all of it may move
    node = evaluate((moved / "comps" / "comp.nk").read_text("utf-8"), moved / "comps", 1003)
    for name in RGB:
        main, rebuilt = node("result")[name], node("rebuild")[name]
        assert main.shape == (20, 32) and np.ptp(main) > 10
        np.testing.assert_allclose(rebuilt, main, rtol=2e-3, atol=0.02)
        assert (rebuilt == main)[node("result")["matte.alpha"] == 0].all()
    assert node("plate_to_aligned")["rgba.red"].shape == (20, 32)


def test_without_a_plate_the_result_is_all_it_needs(shot: Path) -> None:
    assert export(shot, plate=None)["plate"] is None
    for file in shot.glob("plate.*"):
        file.unlink()
    node = evaluate((shot / "comps" / "comp.nk").read_text("utf-8"), shot / "comps", 1001)
    np.testing.assert_allclose(node("rebuild")["rgba.red"], node("result")["rgba.red"], rtol=2e-3, atol=0.02)


def test_frames_and_colour_space_are_set(shot: Path) -> None:
    assert export(shot, frames="1002-1003")["frames"] == "1002-1003"
    script = parsed((shot / "comps" / "comp.nk").read_text("utf-8"))
    assert [script.root().get(name) for name in ("first_frame", "last_frame", "fps")] == ["1002", "1003", "23.97602398"]
    for read in ("result", "plate"):
        node = script.find(read)
        assert [node.get(name) for name in ("first", "last", "raw")] == ["1002", "1003", "true"]
        assert node.get_string("colorspace") == SPACE
        assert not node.knob("on_error")


def test_a_gap_is_an_error_unless_it_is_to_be_left_black(shot: Path) -> None:
    (shot / "shots" / "out.1002.exr").unlink()
    with pytest.raises(MissingInputError, match=r"Frame 1002 of .*out.%04d.exr is missing") as told:
        export(shot)
    assert "--missing skip" in told.value.hint
    assert not (shot / "comps").exists()
    assert export(shot, missing="skip")["frames"] == "1001,1003-1004"
    script = parsed((shot / "comps" / "comp.nk").read_text("utf-8"))
    assert script.find("result").get("on_error") == script.find("plate").get("on_error") == "black"
    (shot / "plate.1003.exr").unlink()
    with pytest.raises(MissingInputError, match=r"Frame 1003 of .*plate"):
        export(shot, frames="1003-1004")
    assert export(shot, frames="1003-1004", missing="skip")["frames"] == "1003-1004"


def test_what_is_not_there_or_no_conversion_is_refused(shot: Path) -> None:
    with pytest.raises(MissingInputError, match="No file matches"):
        export(shot, result=f"{shot}/shots/nothing.####.exr")
    with pytest.raises(UnreadableError, match=r"plate.1001.exr has no channels A, delta.B, .*layers of a conversion"):
        export(shot, result=f"{shot}/plate.####.exr")
    with pytest.raises(UsageError, match=r"comp\.txt does not end in \.nk"):
        export(shot, out=shot / "comp.txt")
    (shot / "file").write_text("")
    with pytest.raises(OutputError, match=r"comp.nk could not be written"):
        export(shot, out=shot / "file" / "comp.nk")
    assert not (shot / "comps").exists()


def test_another_plate_is_refused(shot: Path) -> None:
    small = Window(0, 0, 16, 10)
    pixels = np.ones((10, 16, 3), np.float16)
    for frame in range(1001, 1005):
        header = Header(small, small)
        path = shot / f"small.{frame}.exr"
        write_layers(path, [Layer("", ("R", "G", "B"), pixels)], header, profile="flat", interop_id=None)
        shutil.copy(shot / "plate.1004.exr", shot / f"other.{frame}.exr")
    with pytest.raises(UsageError, match=r"small.* is 16 x 10 pixels .*but that of .*out.* is 32 x 20"):
        export(shot, plate=f"{shot}/small.####.exr")
    with pytest.raises(UsageError, match="they differ outside the matte") as told:
        export(shot, plate=f"{shot}/other.####.exr")
    assert "Leave --plate out" in told.value.hint
    assert not (shot / "comps").exists()


def test_a_movie_is_no_plate_for_it(shot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shot / "plate.mov").write_bytes(b"")
    monkeypatch.setattr("understudy.plate.movies.movie.count_frames", lambda path: 2000)
    with pytest.raises(UsageError, match="is a movie"):
        export(shot, plate=f"{shot}/plate.mov", frames="1001")


def test_files_on_another_drive_keep_their_whole_path(shot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_way(path: Any, start: Any = None) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", no_way)
    assert export(shot)["result"] == (shot / "shots" / "out.%04d.exr").as_posix()


def test_it_tells_how_far_it_is_and_stops_when_asked(shot: Path) -> None:
    recorder = Recorder()
    settings = ExportNukeSettings(result=f"{shot}/shots/out.####.exr", out=shot / "comp.nk")
    run(settings, Events(recorder))
    assert [event["done"] for event in recorder.of("progress")] == [1, 2, 3, 4]
    with pytest.raises(Interrupted):
        run(settings, Events(stop=lambda: True))


def test_the_command_prints_where_the_script_is(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "nuke", f"{shot}/shots/out.####.exr", "--out", f"{shot}/comp.nk"]) == ExitCode.OK
    assert "1001-1004" in capsys.readouterr().out
    assert main(["export", "nuke", f"{shot}/none.####.exr", "--out", f"{shot}/b.nk"]) == ExitCode.MISSING_INPUT
