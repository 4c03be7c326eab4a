from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from understudy.errors import MissingInputError, UnreadableError
from understudy.plate.reader import probe, read_frame, read_frames
from understudy.plate.sequence import open_plate

COUNT = 30


def write_movie(
    path: Path,
    codec: str,
    pixel_format: str,
    rate: Fraction,
    *,
    count: int = COUNT,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    grey: int | None = None,
) -> Path:
    """A movie whose frame n is a flat grey of 8 n, or all of one grey."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = 64, 48
        stream.pix_fmt = pixel_format
        for target in (container.metadata, stream.metadata):
            target.update(metadata or {})
        for number in range(1, count + 1):
            flat = np.full((48, 64, 3), level(number) if grey is None else grey, np.uint8)
            picture = av.VideoFrame.from_ndarray(flat, format="rgb24")
            container.mux(stream.encode(picture.reformat(format=pixel_format)))
        container.mux(stream.encode())
    return path


def level(number: int) -> int:
    return 8 * number


def measured(frame: Any) -> float:
    return float(frame.rgb.mean() * 255)


MOVIES = [
    ("a.mov", "prores_ks", "yuv422p10le", Fraction(24000, 1001), None),
    ("b.mp4", "libx264", "yuv420p", Fraction(25), {"g": "12", "bf": "3"}),
    ("open.mp4", "libx264", "yuv420p", Fraction(24), {"g": "8", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}),
    ("c.mkv", "ffv1", "gbrp16le", Fraction(24), None),
    ("d.mxf", "mpeg2video", "yuv420p", Fraction(25), {"g": "12", "bf": "2", "b": "20M"}),
    ("e.avi", "mpeg4", "yuv420p", Fraction(30000, 1001), None),
    ("f.gif", "gif", "gray", Fraction(10), None),
    ("g.webm", "libvpx", "yuv420p", Fraction(25), {"auto-alt-ref": "1", "lag-in-frames": "16"}),
    ("h.m4v", "libx264", "yuv420p", Fraction(25), {"bf": "2"}),
    ("i.ts", "libx264", "yuv420p", Fraction(25), {"g": "12", "bf": "2"}),
    ("j.mts", "mpeg2video", "yuv420p", Fraction(25), {"g": "12", "bf": "2", "b": "20M"}),
    ("k.mpg", "mpeg2video", "yuv420p", Fraction(25), {"g": "12", "bf": "2", "b": "20M"}),
    ("l.wmv", "wmv2", "yuv420p", Fraction(25), {"b": "20M"}),
    ("m.flv", "flv", "yuv420p", Fraction(25), {"b": "20M"}),
    ("n.FLV", "libx264", "yuv420p", Fraction(25), {"bf": "2"}),
]


@pytest.mark.parametrize("movie", MOVIES, ids=[movie[0] for movie in MOVIES])
def test_every_frame_is_the_right_one_in_any_order(tmp_path: Path, movie: tuple[Any, ...]) -> None:
    name, codec, pixels, rate, options = movie
    plate = open_plate(str(write_movie(tmp_path / name, codec, pixels, rate, options=options)))
    assert plate.kind == "movie"
    assert plate.frames == tuple(range(1, COUNT + 1))
    assert probe(plate).fps == (rate.numerator, rate.denominator)
    order = [*plate.frames, 30, 1, 17, 16, 18, 2, 29, 9, 8, 7]
    frames = list(read_frames(plate, order))
    assert [frame.number for frame in frames] == order
    assert [round(measured(frame) / 8) for frame in frames] == order
    assert frames[0].rgb.dtype == np.float32
    assert frames[0].rgb.shape == (48, 64, 3)
    assert round(measured(read_frame(plate, 23)) / 8) == 23


def test_a_lossless_movie_has_its_exact_levels(tmp_path: Path) -> None:
    plate = open_plate(str(write_movie(tmp_path / "a.mov", "qtrle", "rgb24", Fraction(24))))
    for frame in read_frames(plate):
        np.testing.assert_array_equal(frame.rgb, np.float32(level(frame.number)) / np.float32(255))


@pytest.mark.parametrize(
    "case",
    [
        (96, "yuv420p", 2, 0.299, 0.114),
        (720, "yuv420p", 2, 0.2126, 0.0722),
        (96, "yuv420p", 1, 0.2126, 0.0722),
        (720, "yuv420p", 6, 0.299, 0.114),
        (96, "yuv420p10le", 9, 0.2627, 0.0593),
        (720, "yuv422p10le", 2, 0.2126, 0.0722),
    ],
)
@pytest.mark.parametrize("is_full_range", [False, True])
def test_video_levels_and_matrices_follow_the_standards(
    tmp_path: Path, case: tuple[Any, ...], is_full_range: bool
) -> None:
    height, pixel_format, tag, kr, kb = case
    codes = 120, 90, 170
    scale = 4 if "10" in pixel_format else 1
    picture = av.VideoFrame(160, height, pixel_format)
    for plane, code in zip(picture.planes, codes, strict=True):
        values = np.full(plane.buffer_size // (2 if scale == 4 else 1), code * scale)
        plane.update(values.astype(np.uint16 if scale == 4 else np.uint8).tobytes())
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, height, pixel_format
        stream.codec_context.color_range = picture.color_range = 2 if is_full_range else 1
        stream.codec_context.colorspace = picture.colorspace = tag
        container.mux(stream.encode(picture))
        container.mux(stream.encode())
    # ITU-R BT.601, BT.709 and BT.2020: the luma weights, and codes from 16 to 235 or over the full range.
    low, span, chroma_span = (0, 255, 255) if is_full_range else (16, 219, 224)
    top = (256 * scale - 1) / scale / 255 if is_full_range else 1.0
    luma = (codes[0] - low) / (span * top)
    blue, red = ((code - 128) / (chroma_span * top) for code in codes[1:])
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    expected = [r, (luma - kr * r - kb * b) / (1 - kr - kb), b]
    frame = read_frame(open_plate(str(tmp_path / "a.mkv")), 1)
    np.testing.assert_allclose(frame.rgb[height // 2, 80], expected, atol=0.3 / 255)


def test_white_video_is_one(tmp_path: Path) -> None:
    for name, codec, pixels in (("a.mov", "prores_ks", "yuv422p10le"), ("b.avi", "ffv1", "gray")):
        path = write_movie(tmp_path / name, codec, pixels, Fraction(24), count=1, grey=255)
        frame = read_frame(open_plate(str(path)), 1)
        assert frame.rgb.max() == pytest.approx(1.0, abs=1e-3), name
        assert frame.rgb.max() <= 1.0


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path, rng: np.random.Generator) -> None:
    codes = rng.integers(0, 65535, (48, 64, 3), dtype=np.uint16, endpoint=True)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gbrp16le"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(codes, format="rgb48le").reformat(format="gbrp16le")))
        container.mux(stream.encode())
    frame = read_frame(open_plate(str(tmp_path / "a.mkv")), 1)
    np.testing.assert_array_equal(np.rint(frame.rgb * 65535), codes)


def test_timecode_counts_on(tmp_path: Path) -> None:
    path = write_movie(
        tmp_path / "a.mov", "prores_ks", "yuv422p10le", Fraction(24), metadata={"timecode": "01:00:00:20"}
    )
    plate = open_plate(str(path))
    assert probe(plate).timecode == (0x01000020, 0)
    assert read_frame(plate, 6).header.timecode == (0x01000101, 0)


def test_frames_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4", "libx264", "yuv420p", Fraction(24), count=5)
    assert open_plate(str(path), "2-4").frames == (2, 3, 4)
    with pytest.raises(MissingInputError, match="Frames 6-8"):
        open_plate(str(path), "4-8")
    with pytest.raises(MissingInputError, match="no frame 9; it has 5"):
        read_frame(open_plate(str(path)), 9)


@pytest.mark.parametrize("keep", [0.0, 0.05, 0.5, 0.95])
def test_a_truncated_movie_is_an_error(tmp_path: Path, keep: float) -> None:
    path = write_movie(tmp_path / "a.mp4", "mpeg4", "yuv420p", Fraction(24), options={"movflags": "faststart"})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(UnreadableError, match=r"a\.mp4"):
        open_plate(str(path))


def test_closing_early_frees_the_movie(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4", "mpeg4", "yuv420p", Fraction(24))
    frames = read_frames(open_plate(str(path)), ahead=2)
    next(frames)
    frames.close()
    path.unlink()
    assert not path.exists()
