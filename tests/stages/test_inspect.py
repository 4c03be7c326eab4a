from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from made_shots import picture, write_frame, write_shot
from PIL import Image
from understudy.errors import MissingInputError, UnreadableError, UsageError
from understudy.events import Events
from understudy.extraction.shot import prepare
from understudy.plate.reader import read_frame
from understudy.settings import InspectSettings, PlateOptions
from understudy.stages.inspect import run


def described(plate: str, **settings: Any) -> dict[str, Any]:
    return json.loads(json.dumps(run(InspectSettings(plate=plate, **settings), Events()), allow_nan=False))


@pytest.fixture(autouse=True)
def built_in_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)
    monkeypatch.delenv("BLENDER_OCIO", raising=False)


def test_a_sequence_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = write_shot(tmp_path / "shot", [[]] * 5)
    monkeypatch.chdir(tmp_path)
    report = described("shot/shot.####.exr")
    assert report["plate"] == pattern  # absolute, whatever was typed
    assert (report["movie"], report["dtype"], report["fps"], report["timecode"]) == (False, "half", None, None)
    assert (report["first"], report["last"], report["count"], report["missing"]) == (1001, 1005, 5, "")
    assert report["frames"] == "1001-1005"
    assert (report["width"], report["height"], report["data_window"]) == (320, 200, [0, 0, 320, 200])
    assert (report["colour_space"], report["colour_reason"]) == (
        "Linear Rec.709 (sRGB)",
        "colorInteropID lin_rec709_scene",
    )
    assert (report["scene_linear"], report["working_space"]) == (True, "ACEScg")


def test_gaps_are_told_and_are_no_failure(tmp_path: Path) -> None:
    pattern = write_shot(tmp_path, [[]] * 9)
    for number in (1003, 1004, 1007):
        (tmp_path / f"shot.{number}.exr").unlink()
    report = described(pattern)
    assert report["missing"] == "1003-1004,1007"
    assert (report["first"], report["last"], report["count"]) == (1001, 1009, 6)
    assert report["frames"] == "1001-1002,1005-1006,1008-1009"


def test_the_gaps_of_a_range_are_those_that_it_asks_for(tmp_path: Path) -> None:
    pattern = write_shot(tmp_path, [[]] * 6)
    (tmp_path / "shot.1002.exr").unlink()
    report = described(pattern, frames="1001-1009x2,1002")
    assert (report["count"], report["missing"]) == (3, "1002,1007,1009")


def test_windows_are_told_from_the_display_window_s_corner(tmp_path: Path) -> None:
    write_frame(tmp_path / "a.1001.exr", picture(40, 30, []), origin=(-4, 6), display=(64, 48))
    report = described((tmp_path / "a.1001.exr").as_posix())
    assert (report["width"], report["height"], report["data_window"]) == (64, 48, [-4, 6, 36, 36])


def test_rate_and_timecode_are_those_of_the_file(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(8, 6, 3, oiio.FLOAT)
    spec.attribute("framesPerSecond", oiio.TypeRational, (24000, 1001))
    spec.attribute("smpte:TimeCode", oiio.TypeTimeCode, (0x01020304, 0))
    buffer = oiio.ImageBuf(spec)
    assert buffer.write(str(tmp_path / "a.0007.exr")), buffer.geterror()
    report = described((tmp_path / "a.0007.exr").as_posix())
    assert (report["fps"], report["timecode"], report["dtype"]) == ([24000, 1001], "01:02:03:04", "float")
    assert (report["first"], report["frames"]) == (7, "7")


def test_a_picture_for_screens_is_told_to_be_no_scene_linear_one(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.0001.png"), np.zeros((6, 8, 3), np.uint8))
    report = described((tmp_path / "a.0001.png").as_posix())
    assert report["scene_linear"] is False and "sRGB" in report["colour_space"]


def test_what_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        described((tmp_path / "no.####.exr").as_posix())
    pattern = write_shot(tmp_path, [[]])
    with pytest.raises(MissingInputError, match="2001"):
        described(pattern, frames="2001-2003")
    with pytest.raises(UsageError):
        described(pattern, frames="one")


def test_what_a_file_says_of_its_picture_is_told(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(8, 6, 6, "half")
    spec.channelnames = ("ViewLayer.Combined.R", "ViewLayer.Combined.G", "ViewLayer.Combined.B", "N.R", "N.G", "N.B")
    spec.attribute("PixelAspectRatio", 2.0)
    buffer = oiio.ImageBuf(spec)
    assert buffer.write(str(tmp_path / "a.0001.exr")), buffer.geterror()
    report = described((tmp_path / "a.0001.exr").as_posix())
    assert (report["layer"], report["layers"]) == ("ViewLayer.Combined", ["N", "ViewLayer.Combined"])
    assert (report["view"], report["views"], report["pixel_aspect"]) == (None, [], 2.0)
    assert report["notes"] == ["Its picture is the layer ViewLayer.Combined."]
    assert described((tmp_path / "a.0001.exr").as_posix(), layer="N")["layer"] == "N"
    with pytest.raises(UsageError, match="no layer of colour 'sky'"):
        described((tmp_path / "a.0001.exr").as_posix(), layer="sky")


def test_a_frame_of_another_size_is_named(tmp_path: Path) -> None:
    pattern = write_shot(tmp_path, [[]] * 6)
    write_frame(tmp_path / "shot.1004.exr", picture(64, 48, []))
    said = f"Frame 1004 of {pattern} is 64 x 48 pixels, but frame 1001 is 320 x 200 pixels."
    assert described(pattern)["notes"] == [said]
    with pytest.raises(UnreadableError) as refused:  # whoever works on the frames must not begin
        prepare(PlateOptions(plate=pattern), Events())
    assert refused.value.message == said
    assert len(prepare(PlateOptions(plate=pattern, frames="1001-1003,1005-1006"), Events()).plate.frames) == 5


def test_a_frame_of_another_layer_or_aspect_is_named(tmp_path: Path) -> None:
    def write(number: int, prefix: str, aspect: float) -> None:
        spec = oiio.ImageSpec(8, 6, 3, "half")
        spec.channelnames = tuple(f"{prefix}{name}" for name in "RGB")
        spec.attribute("PixelAspectRatio", aspect)
        buffer = oiio.ImageBuf(spec)
        assert buffer.write(str(tmp_path / f"a.{number}.exr")), buffer.geterror()

    pattern = (tmp_path / "a.%04d.exr").as_posix()
    for number, prefix, aspect in ((1001, "", 1.0), (1002, "", 1.0), (1003, "beauty.", 1.0), (1004, "", 2.0)):
        write(number, prefix, aspect)
    (layer,) = described(pattern)["notes"]
    assert (
        layer
        == f"Frame 1003 of {pattern} has its picture in the layer beauty, but frame 1001 has its picture in the main layer."
    )
    (aspect,) = described(pattern, frames="1001-1002,1004")["notes"]
    assert aspect == f"Frame 1004 of {pattern} has pixels of the aspect 2, but frame 1001 has pixels of the aspect 1."


def test_straight_alpha_is_multiplied_in_light_and_only_in_what_is_written(tmp_path: Path) -> None:
    straight = np.array([[(200, 120, 60, 255), (200, 120, 60, 51)]], np.uint8)
    Image.fromarray(straight).save(tmp_path / "a.0001.png")
    shot = prepare(PlateOptions(plate=(tmp_path / "a.0001.png").as_posix()), Events())
    frame = read_frame(shot.plate, 1)
    np.testing.assert_array_equal(frame.rgb[0, 1], frame.rgb[0, 0])  # as it is seen
    light = shot.working(frame.rgb)[0, 0]
    np.testing.assert_allclose(shot.written(frame)[0], [light, light * 0.2], rtol=1e-3)


def test_a_movie_has_no_layers_to_choose(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    for asked in ("layer", "view"):
        with pytest.raises(UsageError, match="no layers and views"):
            described((tmp_path / "a.mov").as_posix(), **{asked: "left"})
