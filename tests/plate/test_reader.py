from __future__ import annotations

import struct
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest
from exr_oracle import bits, every_half, rgb_channels, write_exr
from PIL import Image, ImageOps
from understudy.errors import MissingInputError, UnreadableError
from understudy.plate import reader
from understudy.plate.frame import Frame, Typed, Window
from understudy.plate.reader import probe, read_channel, read_frame, read_frames
from understudy.plate.sequence import Plate, open_plate


def tiles_of(width: int, height: int) -> OpenEXR.TileDescription:
    tiles = OpenEXR.TileDescription()
    tiles.xSize, tiles.ySize = width, height
    return tiles


def read(path: Path) -> Frame:
    plate = open_plate(str(path))
    return read_frame(plate, plate.frames[0])


def test_every_half_arrives_bit_for_bit(tmp_path: Path) -> None:
    pixels = every_half()
    frame = read(write_exr(tmp_path / "a.exr", rgb_channels(pixels)))
    assert frame.rgb.dtype == np.float16
    assert frame.header.dtype == "half"
    np.testing.assert_array_equal(bits(frame.rgb), bits(pixels))


def test_floats_arrive_bit_for_bit(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 1 << 32, (33, 21, 3), dtype=np.uint32).view(np.float32)
    frame = read(write_exr(tmp_path / "a.exr", rgb_channels(pixels)))
    assert frame.rgb.dtype == np.float32
    assert frame.header.dtype == "float"
    np.testing.assert_array_equal(bits(frame.rgb), bits(pixels))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (7, 3), (129, 257)])
def test_any_size_works(tmp_path: Path, rng: np.random.Generator, size: tuple[int, int]) -> None:
    pixels = rng.random((*size, 3)).astype(np.float16)
    frame = read(write_exr(tmp_path / "a.exr", rgb_channels(pixels)))
    np.testing.assert_array_equal(frame.rgb, pixels)
    assert frame.size == (size[1], size[0])


def test_tiles_read_as_scanlines_do(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.random((100, 70, 3)).astype(np.float16)
    path = write_exr(tmp_path / "a.exr", rgb_channels(pixels), type=OpenEXR.tiledimage, tiles=tiles_of(32, 16))
    assert OpenEXR.File(str(path)).header()["type"] == OpenEXR.tiledimage
    np.testing.assert_array_equal(read(path).rgb, pixels)


def test_windows_give_the_origin(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.random((20, 30, 3)).astype(np.float16)
    path = write_exr(
        tmp_path / "a.exr",
        rgb_channels(pixels),
        dataWindow=((-5, 3), (24, 22)),
        displayWindow=((10, 10), (73, 57)),
    )
    frame = read(path)
    assert frame.header.data == Window(-5, 3, 30, 20)
    assert frame.header.display == Window(10, 10, 64, 48)
    assert frame.origin == (-15, -7)
    np.testing.assert_array_equal(frame.rgb, pixels)


def test_channels_are_found_by_name(tmp_path: Path, rng: np.random.Generator) -> None:
    names = ["A", "B", "G", "R", "Z", "albedo.R", "albedo.G", "albedo.B", "a.first"]
    planes = {name: rng.random((9, 8)).astype(np.float16) for name in names}
    path = write_exr(tmp_path / "a.exr", planes)
    frame = read(path)
    for index, name in enumerate("RGB"):
        np.testing.assert_array_equal(frame.rgb[..., index], planes[name])
    assert frame.alpha is not None
    np.testing.assert_array_equal(frame.alpha, planes["A"])
    np.testing.assert_array_equal(read_channel(path, "albedo.G"), planes["albedo.G"].astype(np.float32))
    assert read_channel(path, "a.first").dtype == np.float32


def test_mixed_types_keep_the_colour_half(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = every_half()
    depth = rng.random((256, 256)).astype(np.float32)
    frame = read(write_exr(tmp_path / "a.exr", {**rgb_channels(pixels), "Z": depth, "A": depth}))
    np.testing.assert_array_equal(bits(frame.rgb), bits(pixels))
    assert frame.alpha is not None
    assert frame.alpha.dtype == np.float16


def test_the_part_with_the_colour_is_read_and_others_by_channel(tmp_path: Path, rng: np.random.Generator) -> None:
    depth, pixels = rng.random((8, 9)).astype(np.float32), rng.random((8, 9, 3)).astype(np.float16)
    parts = [
        OpenEXR.Part({"name": "depth"}, {"depth.Z": depth}),
        OpenEXR.Part({"name": "rgba"}, {name: plane.copy() for name, plane in rgb_channels(pixels).items()}),
    ]
    OpenEXR.File(parts).write(str(tmp_path / "a.exr"))
    np.testing.assert_array_equal(read(tmp_path / "a.exr").rgb, pixels)
    np.testing.assert_array_equal(read_channel(tmp_path / "a.exr", "depth.Z"), depth)
    with pytest.raises(UnreadableError, match=r"no channel mask\.face; it has depth\.Z, R, G, B"):
        read_channel(tmp_path / "a.exr", "mask.face")


def test_a_picture_without_colour_names_what_it_has(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write_exr(tmp_path / "a.exr", {"normal.x": rng.random((4, 4)).astype(np.float16)})
    with pytest.raises(UnreadableError, match=r"a\.exr has no channels R, G and B; it has normal\.x"):
        read(path)


def test_luminance_is_grey(tmp_path: Path, rng: np.random.Generator) -> None:
    plane = rng.random((4, 5)).astype(np.float16)
    frame = read(write_exr(tmp_path / "a.exr", {"Y": plane}))
    np.testing.assert_array_equal(frame.rgb, np.stack([plane] * 3, axis=-1))


def test_the_header_tells_rate_time_and_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    spec = oiio.ImageSpec(4, 4, 3, "half")
    spec.attribute("framesPerSecond", oiio.TypeDesc("rational"), (24000, 1001))
    spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01020304, 5))
    spec.attribute("PixelAspectRatio", 2.0)
    spec.attribute("colorInteropID", "lin_ap1_scene")
    spec.attribute("reelName", "A001")
    spec.attribute("captureRate", oiio.TypeDesc("rational"), (48, 1))
    target = oiio.ImageOutput.create(str(path))
    target.open(str(path), spec)
    target.write_image(np.zeros((4, 4, 3), np.float16))
    target.close()
    # OpenEXR, not OpenImageIO, says that the file is what the test means it to be.
    assert OpenEXR.File(str(path)).header()["framesPerSecond"] == Fraction(24000, 1001)
    header = probe(open_plate(str(path)))
    assert header.fps == (24000, 1001)
    assert header.timecode == (0x01020304, 5)
    assert header.pixel_aspect == 2.0
    assert header.interop_id == "lin_ap1_scene"
    assert header.attributes["reelName"] == "A001"
    assert header.attributes["captureRate"] == Typed("rational", (48, 1))
    assert not {"compression", "framesPerSecond", "colorInteropID"} & set(header.attributes)
    assert read(path).header == header


@pytest.mark.parametrize(
    ("name", "dtype", "top"),
    [("a.png", np.uint8, 255), ("a.png", np.uint16, 65535), ("a.tif", np.uint8, 255), ("a.tif", np.uint16, 65535)],
)
def test_integer_pictures_become_fractions_of_white(
    tmp_path: Path, rng: np.random.Generator, name: str, dtype: Any, top: int
) -> None:
    pixels = rng.integers(0, top, (11, 13, 3), dtype=dtype, endpoint=True)
    cv2.imwrite(str(tmp_path / name), pixels[..., ::-1])
    frame = read(tmp_path / name)
    assert frame.rgb.dtype == np.float32
    assert frame.header.dtype == "half"
    np.testing.assert_allclose(frame.rgb, pixels / top, rtol=0, atol=1e-7)


def test_float_tiff_keeps_its_values(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = (rng.standard_normal((11, 13, 3)) * 100).astype(np.float32)
    cv2.imwrite(str(tmp_path / "a.tif"), pixels[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    frame = read(tmp_path / "a.tif")
    assert frame.header.dtype == "float"
    np.testing.assert_array_equal(frame.rgb, pixels)


def test_jpeg_and_grey_png(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = np.kron(rng.integers(0, 255, (4, 4, 3), dtype=np.uint8), np.ones((16, 16, 1), np.uint8))
    cv2.imwrite(str(tmp_path / "a.jpg"), pixels)
    decoded = cv2.imread(str(tmp_path / "a.jpg"))[..., ::-1]
    np.testing.assert_allclose(read(tmp_path / "a.jpg").rgb, decoded / 255, atol=3 / 255)
    cv2.imwrite(str(tmp_path / "b.png"), pixels[..., 0])
    np.testing.assert_allclose(read(tmp_path / "b.png").rgb, pixels[..., [0, 0, 0]] / 255, atol=1e-7)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_stand_upright(tmp_path: Path, orientation: int) -> None:
    y, x = np.mgrid[:32, :48]
    photo = Image.fromarray(np.stack([x * 5, y * 7, x + y], axis=-1).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo.save(tmp_path / "a.jpg", quality=100, subsampling=0, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg"))) / 255
    frame = read(tmp_path / "a.jpg")
    assert frame.rgb.shape == upright.shape
    np.testing.assert_allclose(frame.rgb, upright, atol=3 / 255)
    assert (frame.header.data.width, frame.header.data.height) == frame.size


def write_dpx(path: Path, pixels: np.ndarray[Any, Any]) -> None:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 3, "uint16")
    spec.attribute("oiio:BitsPerSample", 10)
    spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01020304, 0))
    spec.attribute("dpx:FrameRate", 23.976)
    target = oiio.ImageOutput.create(str(path))
    target.open(str(path), spec)
    target.write_image(pixels)
    target.close()


def test_dpx_with_ten_bits(tmp_path: Path, rng: np.random.Generator) -> None:
    codes = rng.integers(0, 1023, (10, 12, 3), endpoint=True)
    write_dpx(tmp_path / "a.dpx", (codes / 1023).astype(np.float32))
    # The oracle is the format itself (SMPTE 268M): three ten-bit codes from the top of each 32-bit word.
    content = (tmp_path / "a.dpx").read_bytes()
    order = ">u4" if content[:4] == b"SDPX" else "<u4"
    words = np.frombuffer(content[-12 * 10 * 4 :], order).reshape(10, 12)
    stored = np.stack([words >> shift & 1023 for shift in (22, 12, 2)], axis=-1)
    frame = read(tmp_path / "a.dpx")
    np.testing.assert_allclose(frame.rgb, stored / 1023, atol=2e-5)
    assert frame.header.fps == (24000, 1001)
    assert frame.header.timecode == (0x01020304, 0)
    assert frame.header.dtype == "half"


@pytest.mark.parametrize("name", ["scanlines.exr", "tiles.exr", "a.dpx", "a.tif", "a16.tif", "a.png", "a.jpg"])
def test_a_truncated_picture_is_an_error_and_never_black(tmp_path: Path, rng: np.random.Generator, name: str) -> None:
    path = tmp_path / name
    pixels = rng.random((64, 80, 3)).astype(np.float32)
    if path.suffix == ".exr":
        tiles = {"type": OpenEXR.tiledimage, "tiles": tiles_of(32, 32)} if name == "tiles.exr" else {}
        write_exr(path, rgb_channels(pixels.astype(np.float16)), **tiles)
    elif path.suffix == ".dpx":
        write_dpx(path, pixels)
    elif name == "a.tif":
        cv2.imwrite(str(path), pixels, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    else:
        cv2.imwrite(
            str(path), (pixels * (65535 if "16" in name else 255)).astype(np.uint16 if "16" in name else np.uint8)
        )
    whole = path.read_bytes()
    read(path)
    # The last bytes of a PNG are its end mark, which no pixel needs.
    for length in (0, 7, 100, 400, len(whole) // 3, len(whole) // 2, len(whole) - 200, len(whole) - 20):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableError, match=path.name):
            read(path)


def test_damaged_pixels_and_other_files_are_unreadable(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write_exr(tmp_path / "a.exr", rgb_channels(rng.random((64, 80, 3)).astype(np.float16)))
    damaged = bytearray(path.read_bytes())
    damaged[-2000:-1000] = bytes(1000)
    path.write_bytes(damaged)
    with pytest.raises(UnreadableError, match=r"a\.exr"):
        read(path)
    for name in ("notes.txt", "notes.exr", "notes.png", "notes.mov"):
        (tmp_path / name).write_text("not a picture\n" * 50)
        with pytest.raises(UnreadableError, match=name):
            read(tmp_path / name)
    with pytest.raises(MissingInputError, match=r"gone\.exr"):
        read_frame(Plate("gone", (tmp_path / "gone.exr").as_posix(), "still", (1,)), 1)


@pytest.mark.parametrize("size", [(80, 6400), (80000, 60000), (2**31 - 2, 2**31 - 2), (-5, 3)])
def test_a_header_that_claims_an_absurd_size_is_unreadable(
    tmp_path: Path, rng: np.random.Generator, size: tuple[int, int]
) -> None:
    path = write_exr(tmp_path / "a.exr", rgb_channels(rng.random((64, 80, 3)).astype(np.float16)))
    content = path.read_bytes()
    at = content.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    path.write_bytes(content[:at] + struct.pack("<4i", 0, 0, size[0] - 1, size[1] - 1) + content[at + 16 :])
    with pytest.raises(UnreadableError, match=r"a\.exr"):
        read(path)


@pytest.fixture
def shot(tmp_path: Path) -> Plate:
    for frame in range(1001, 1013):
        write_exr(tmp_path / f"a.{frame}.exr", rgb_channels(np.full((4, 4, 3), frame - 1000, np.float16)))
    return open_plate(str(tmp_path / "a.####.exr"))


def test_frames_come_in_order_whoever_finishes_first(shot: Plate, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = reader.read_picture

    def uneven(path: Path, number: int, layer: str | None, view: str | None) -> Frame:
        time.sleep(0.02 if number % 2 else 0.0)
        return straight(path, number, layer, view)

    monkeypatch.setattr(reader, "read_picture", uneven)
    frames = list(read_frames(shot, workers=3))
    assert [frame.number for frame in frames] == list(shot.frames)
    assert [float(frame.rgb[0, 0, 0]) for frame in frames] == list(range(1, 13))
    assert [frame.number for frame in read_frames(shot, [1005, 1002, 1005])] == [1005, 1002, 1005]


def test_reading_ahead_is_bounded_and_stops_with_the_consumer(shot: Plate, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    straight = reader.read_picture

    def noted(path: Path, number: int, layer: str | None, view: str | None) -> Frame:
        begun.append(number)
        return straight(path, number, layer, view)

    monkeypatch.setattr(reader, "read_picture", noted)
    before = threading.active_count()
    frames = read_frames(shot, workers=2, ahead=3)
    next(frames)
    next(frames)
    time.sleep(0.1)
    assert len(begun) <= 2 + 3
    frames.close()
    assert threading.active_count() == before
    count = len(begun)
    time.sleep(0.05)
    assert len(begun) == count


def test_an_error_surfaces_at_its_frame(shot: Plate) -> None:
    shot.path(1004).write_bytes(b"")
    frames = read_frames(shot, ahead=8)
    assert [next(frames).number for _ in range(3)] == [1001, 1002, 1003]
    with pytest.raises(UnreadableError, match=r"a\.1004\.exr"):
        next(frames)


def test_the_rendered_shots_read_as_openexr_reads_them(synthetic: Path) -> None:
    plate = open_plate(str(synthetic / "full" / "plate.####.exr"))
    frame = read_frame(plate, 1001)
    channels = OpenEXR.File(str(plate.path(1001)), separate_channels=True).channels()
    for index, name in enumerate("RGB"):
        np.testing.assert_array_equal(bits(frame.rgb[..., index]), bits(channels[name].pixels))
    mask = read_channel(plate.path(1001), "mask.face")
    np.testing.assert_array_equal(mask, channels["mask.face"].pixels.astype(np.float32))
    assert frame.header.fps == (24, 1)
    assert frame.header.interop_id == "lin_rec709_scene"
