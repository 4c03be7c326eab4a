from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from numpy.typing import NDArray
from understudy.errors import ColourError, UnreadableError
from understudy.plate.colour import BUILT_IN, ColourManager
from understudy.plate.reader import probe, read_frame
from understudy.plate.sequence import open_plate

ONE = 1 << 16


@cache
def built_in() -> ColourManager:
    return ColourManager(BUILT_IN, "built-in")


def upright(width: int = 48, height: int = 80) -> NDArray[np.uint8]:
    """Grey with a red top left corner and a blue top edge beside it: no two of the eight orientations look alike."""
    picture = np.full((height, width, 3), 90, np.uint8)
    picture[:16, :16] = 220, 20, 20
    picture[:16, 32:] = 20, 20, 220
    return picture


def write(path: Path, pictures: Sequence[NDArray[np.uint8]], times: Sequence[int] = (), **codec: Any) -> Path:
    """A movie of ``pictures``, at ``times`` in 1/24 s where they are given; ``codec`` are attributes of the encoder."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1" if path.suffix == ".mkv" else "libx264", rate=24, options={"crf": "1"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for name, value in codec.items():
            setattr(stream.codec_context, name, value)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv444p", dst_colorspace=codec.get("colorspace")
            )
            frame.pts, frame.time_base = times[index] if times else index, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a b c d of the display matrix into the first track header of a QuickTime file (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 8 + 20 + 16
    a, b, c, d = matrix
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


# What a matrix does to (x, y), and what a camera that writes it had stored of an upright picture.
MATRICES = [
    ((0, ONE, -ONE, 0), np.rot90, "turned by 90 degrees"),
    ((-ONE, 0, 0, -ONE), lambda p: np.rot90(p, 2), "turned by 180 degrees"),
    ((0, -ONE, ONE, 0), lambda p: np.rot90(p, 3), "turned by 270 degrees"),
    ((-ONE, 0, 0, ONE), lambda p: p[:, ::-1], "mirrored"),
    ((ONE, 0, 0, -ONE), lambda p: p[::-1], "mirrored"),
    ((0, ONE, ONE, 0), lambda p: p.swapaxes(0, 1), "mirrored and turned"),
    ((0, -ONE, -ONE, 0), lambda p: p.swapaxes(0, 1)[::-1, ::-1], "mirrored and turned"),
]


@pytest.mark.parametrize(("matrix", "stored", "said"), MATRICES, ids=[said + str(m) for m, _, said in MATRICES])
def test_a_movie_stands_as_its_display_matrix_says(tmp_path: Path, matrix: Any, stored: Any, said: str) -> None:
    picture = upright()
    path = turned(write(tmp_path / "a.mov", [np.ascontiguousarray(stored(picture))] * 2), matrix)
    plate = open_plate(str(path))
    frame, header = read_frame(plate, 2), probe(plate)
    assert frame.size == (header.display.width, header.display.height) == (48, 80)
    np.testing.assert_allclose(frame.rgb * 255, picture, atol=4)
    assert said in header.notes[0]


def test_an_upright_movie_says_nothing(tmp_path: Path) -> None:
    plate = open_plate(str(write(tmp_path / "a.mov", [upright()] * 4)))
    np.testing.assert_allclose(read_frame(plate, 1).rgb * 255, upright(), atol=4)
    assert probe(plate).notes == () and probe(plate).encoding is None


def test_an_angle_that_is_no_quarter_turn_is_refused(tmp_path: Path) -> None:
    slant = round(ONE * 0.5**0.5)
    plate = open_plate(str(turned(write(tmp_path / "a.mov", [upright()]), (slant, slant, -slant, slant))))
    with pytest.raises(UnreadableError, match="no quarter turn"):
        probe(plate)


def test_a_turned_movie_s_pixels_are_as_wide_as_they_were_high(tmp_path: Path) -> None:
    stored = np.ascontiguousarray(np.rot90(upright()))
    path = turned(write(tmp_path / "a.mov", [stored], sample_aspect_ratio=Fraction(4, 3)), (0, ONE, -ONE, 0))
    assert probe(open_plate(str(path))).pixel_aspect == pytest.approx(3 / 4)


# Grey of code 0.6. PQ: SMPTE ST 2084, in units of 100 cd/m2; HLG: ITU-R BT.2100, at 1000 cd/m2, with its system gamma.
def pq(code: float) -> float:
    root = code ** (1 / 78.84375)
    return float(100 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125))


def hlg(code: float) -> float:
    scene = (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return float(10 * scene**1.2)


TAGS = [
    (9, 16, "Rec.2100-PQ - Display", pq(153 / 255)),
    (9, 18, "Rec.2100-HLG - Display", hlg(153 / 255)),
    (12, 16, "ST2084-P3-D65 - Display", pq(153 / 255)),
    (12, 13, "sRGB Encoded P3-D65", 0.31855),
    (9, 14, "Rec.1886 Rec.2020 - Display", 0.6**2.4),
    (1, 4, "Gamma 2.2 Encoded Rec.709", 0.6**2.2),
    (1, 8, "Linear Rec.709 (sRGB)", 0.6),
    (1, 1, "sRGB Encoded Rec.709 (sRGB)", 0.31855),
]


@pytest.mark.parametrize(("primaries", "transfer", "space", "light"), TAGS)
def test_a_movie_s_colours_are_what_its_tags_say(
    tmp_path: Path, primaries: int, transfer: int, space: str, light: float
) -> None:
    grey = np.full((48, 64, 3), 153, np.uint8)
    plate = open_plate(
        str(write(tmp_path / "a.mkv", [grey], color_primaries=primaries, color_trc=transfer, colorspace=1))
    )
    colours = built_in()
    found = colours.input_space(plate, probe(plate), None)
    assert found.name == space
    np.testing.assert_allclose(colours.to_working(read_frame(plate, 1).rgb, found.name)[20, 20], light, rtol=0.02)
    assert colours.input_space(plate, probe(plate), "acescg").name == "ACEScg"  # the artist's word comes first


def test_high_range_is_never_taken_for_an_ordinary_picture(tmp_path: Path) -> None:
    (tmp_path / "small.ocio").write_text(
        "ocio_profile_version: 1\nroles:\n  scene_linear: lin_rec709\ndisplays:\n  s:\n"
        "    - !<View> {name: v, colorspace: srgb_tx}\ncolorspaces:\n"
        "  - !<ColorSpace>\n    name: lin_rec709\n  - !<ColorSpace>\n    name: srgb_tx\n"
    )
    grey = np.full((48, 64, 3), 153, np.uint8)
    plate = open_plate(str(write(tmp_path / "a.mkv", [grey], color_primaries=9, color_trc=16)))
    with pytest.raises(ColourError, match=r"PQ transfer and BT\.2020 primaries"):
        ColourManager((tmp_path / "small.ocio").as_posix(), "test").input_space(plate, probe(plate), None)


def test_fields_are_told(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mpg.mkv"), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme", "top": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(upright(64, 48), format="rgb24")))
        container.mux(stream.encode())
    assert "interlaced" in probe(open_plate(str(tmp_path / "a.mpg.mkv"))).notes[0]


def test_a_variable_rate_is_told_and_every_picture_is_one_frame(tmp_path: Path) -> None:
    pictures = [np.full((48, 64, 3), 40 * n, np.uint8) for n in range(1, 6)]
    plate = open_plate(str(write(tmp_path / "a.mkv", pictures, times=[0, 1, 2, 7, 8])))
    assert plate.frames == (1, 2, 3, 4, 5)
    assert [round(float(read_frame(plate, n).rgb.mean() * 255) / 40) for n in (5, 1, 4, 2, 3)] == [5, 1, 4, 2, 3]
    assert "rate varies" in probe(plate).notes[0]


def test_cover_art_is_no_picture_of_the_movie(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=24)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        container.mux(cover.encode())
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(upright(64, 48), format="rgb24")))
        container.mux(stream.encode())
    plate = open_plate(str(path))
    assert plate.frames == (1, 2, 3) and read_frame(plate, 1).size == (64, 48)


def test_which_of_several_streams_is_taken_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for width in (32, 64):
            stream = container.add_stream("ffv1", rate=24)
            stream.width, stream.height, stream.pix_fmt = width, 48, "yuv444p"
            stream.disposition = Disposition.default if width == 64 else Disposition(0)
            streams.append(stream)
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(upright(stream.width, 48), format="rgb24")))
        for stream in streams:
            container.mux(stream.encode())
    plate = open_plate(str(path))
    assert read_frame(plate, 1).size == (64, 48)
    assert probe(plate).notes == ("Of its 2 picture streams, number 1 is taken.",)


def test_alpha_that_is_left_out_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("prores_ks", rate=24, options={"profile": "4444"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva444p10le"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(upright(64, 48), format="rgb24")))
        container.mux(stream.encode())
    assert probe(open_plate(str(path))).notes == ("Its alpha is left out.",)
