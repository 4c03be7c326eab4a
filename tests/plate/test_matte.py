from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image
from understudy.errors import MissingInputError, UnreadableError, UsageError
from understudy.plate.frame import Header, Window
from understudy.plate.matte import Matte, laid_over, split_channel

HEADER = Header(Window(0, 0, 6, 4), Window(0, 0, 6, 4))


def write(path: Path, channels: dict[str, np.ndarray]) -> Path:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: values.astype(np.float32) for name, values in channels.items()}).write(str(path))
    return path


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("truth.####.exr", ("truth.####.exr", None)),
        ("truth.####.exr:mask.face", ("truth.####.exr", "mask.face")),
        ("/shots/truth.%04d.exr:A", ("/shots/truth.%04d.exr", "A")),
        (r"C:\shots\truth.####.exr", (r"C:\shots\truth.####.exr", None)),
        (r"C:\shots\truth.####.exr:mask.face", (r"C:\shots\truth.####.exr", "mask.face")),
        ("C:/shots/truth.exr:A", ("C:/shots/truth.exr", "A")),
        ("C:truth.exr", ("C:truth.exr", None)),
        ("truth.exr:", ("truth.exr:", None)),
    ],
)
def test_a_channel_is_what_follows_the_colon(spec: str, expected: tuple[str, str | None]) -> None:
    assert split_channel(spec) == expected


def test_the_named_channel_is_the_weight(tmp_path: Path) -> None:
    values = np.linspace(-0.5, 1.5, 24).reshape(4, 6).astype(np.float32)
    values[0, 0] = np.nan
    write(tmp_path / "m.0007.exr", {"mask.face": values, "A": np.ones((4, 6))})
    matte = Matte.open(f"{tmp_path}/m.####.exr:mask.face", (7,))
    np.testing.assert_array_equal(matte.weights(7, HEADER, HEADER.display), np.clip(np.nan_to_num(values), 0, 1))


@pytest.mark.parametrize(("names", "chosen"), [(("Z", "R", "A"), "A"), (("R", "Y"), "Y"), (("B", "G", "R"), "R")])
def test_without_a_name_it_is_alpha_or_the_first_colour(names: tuple[str, ...], chosen: str, tmp_path: Path) -> None:
    path = write(tmp_path / "m.exr", {name: np.full((4, 6), 0.5 if name == chosen else 0.1) for name in names})
    assert np.all(Matte.open(str(path), (1,)).weights(1, HEADER, HEADER.display) == 0.5)


def test_a_grey_png_serves_all_frames(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6), 51, np.uint8)).save(tmp_path / "garbage.png")
    matte = Matte.open(str(tmp_path / "garbage.png"), (1001, 1002))
    np.testing.assert_allclose(matte.weights(1002, HEADER, HEADER.display), 0.2, atol=1e-6)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_integers_are_parts_of_their_maximum_whatever_a_screen_would_make_of_them(tmp_path, depth, suffix) -> None:
    values = np.random.default_rng(3).integers(0, np.iinfo(depth).max, (4, 6), depth, endpoint=True)
    cv2.imwrite(str(tmp_path / f"m.0012.{suffix}"), values)
    found = Matte.open(f"{tmp_path}/m.####.{suffix}", (12,)).weights(12, HEADER, HEADER.display)
    np.testing.assert_allclose(found, values / np.float64(np.iinfo(depth).max), atol=1e-7)


def test_floats_of_a_tiff_are_weights_and_single_bits_are_all_or_nothing(tmp_path) -> None:
    values = np.random.default_rng(6).random((4, 6), np.float32)
    Image.fromarray(values).save(tmp_path / "float.tif")
    Image.fromarray(values > 0.5).save(tmp_path / "bits.tif")
    for name, expected in (("float", values), ("bits", values > 0.5)):
        found = Matte.open(f"{tmp_path}/{name}.tif", (1,)).weights(1, HEADER, HEADER.display)
        np.testing.assert_array_equal(found, expected.astype(np.float32))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_colour_channel_is_not_multiplied_by_the_alpha_beside_it(tmp_path, suffix) -> None:
    pixels = np.random.default_rng(4).integers(0, 255, (4, 6, 4), np.uint8, endpoint=True)
    Image.fromarray(pixels, "RGBA").save(tmp_path / f"m.{suffix}")
    for index, name in enumerate("RGBA"):
        found = Matte.open(f"{tmp_path}/m.{suffix}:{name}", (1,)).weights(1, HEADER, HEADER.display)
        np.testing.assert_allclose(found, pixels[..., index] / 255, atol=1e-6)


def test_a_matte_cut_to_what_is_not_black_lies_where_its_own_windows_say(tmp_path: Path) -> None:
    """As compositors write it: a data window inside the display window; here both start elsewhere than the plate's."""
    values = np.random.default_rng(5).random((2, 3), np.float32)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    header["dataWindow"] = (np.array([102, 51], np.int32), np.array([104, 52], np.int32))
    header["displayWindow"] = (np.array([100, 50], np.int32), np.array([105, 53], np.int32))
    OpenEXR.File(header, {"A": values}).write(str(tmp_path / "m.exr"))
    plate = Header(Window(9, 9, 8, 7), Window(10, 10, 6, 4))
    expected = np.zeros((4, 6), np.float32)
    expected[1:3, 2:5] = values
    matte = Matte.open(str(tmp_path / "m.exr"), (1,))
    np.testing.assert_array_equal(matte.weights(1, plate, plate.display), expected)
    np.testing.assert_array_equal(matte.weights(1, plate, plate.data), np.pad(expected, ((1, 2), (1, 1))))


def test_no_usable_channel_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "m.exr", {"mask.face": np.ones((4, 6)), "mask.hand": np.ones((4, 6))})
    with pytest.raises(UsageError, match=r"no channel A, Y or R") as raised:
        Matte.open(str(path), (1,))
    assert raised.value.hint.endswith(":mask.face.")
    with pytest.raises(UnreadableError, match=r"mask\.face, mask\.hand"):
        Matte.open(f"{path}:mask.nose", (1,)).weights(1, HEADER, HEADER.display)


def test_a_matte_without_all_frames_is_told(tmp_path: Path) -> None:
    for frame in (1, 2):
        write(tmp_path / f"m.{frame:04d}.exr", {"A": np.ones((4, 6))})
    with pytest.raises(MissingInputError, match="Frame 3") as raised:
        Matte.open(f"{tmp_path}/m.####.exr", (2, 3))
    assert "every frame" in raised.value.hint


def test_a_matte_of_another_size_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "m.exr", {"A": np.ones((4, 5))})
    with pytest.raises(UsageError, match=r"5 x 4 pixels, but frame 9 is 6 x 4"):
        Matte.open(str(path), (9,)).weights(9, HEADER, HEADER.display)


def test_the_first_frame_is_told_whose_matte_is_of_another_size(tmp_path: Path) -> None:
    for frame in (7, 8, 9):
        write(tmp_path / f"m.{frame:04d}.exr", {"A": np.ones((4, 6 if frame == 7 else 5))})
    with pytest.raises(UsageError, match=r"m\.0008\.exr is 5 x 4 pixels, but frame 8 is 6 x 4"):
        Matte.open(f"{tmp_path}/m.####.exr", (7, 8, 9)).check(HEADER, (7, 8, 9))


def test_a_matte_over_the_data_window_is_placed(tmp_path: Path) -> None:
    header = Header(Window(12, 11, 2, 1), Window(10, 10, 6, 4))
    path = write(tmp_path / "m.exr", {"A": np.full((1, 2), 0.5)})
    expected = np.zeros((4, 6), np.float32)
    expected[1, 2:4] = 0.5
    np.testing.assert_array_equal(Matte.open(str(path), (1,)).weights(1, header, header.display), expected)


@pytest.mark.parametrize("data", [Window(-2, -1, 12, 9), Window(3, 2, 2, 1), Window(-3, 2, 5, 4), Window(9, 9, 2, 2)])
def test_a_data_window_is_laid_over_the_display(data: Window) -> None:
    display = Window(0, 0, 6, 4)
    pixels = np.random.default_rng(2).random((data.height, data.width, 3))
    expected = np.zeros((4, 6, 3))
    for y in range(data.height):
        for x in range(data.width):
            if 0 <= y + data.y < 4 and 0 <= x + data.x < 6:
                expected[y + data.y, x + data.x] = pixels[y, x]
    np.testing.assert_array_equal(laid_over(pixels, data, display), expected)


def test_single_pixels_that_are_no_coverage_make_neither_holes_nor_dots(tmp_path: Path) -> None:
    sound = np.zeros((40, 50), np.float32)
    sound[10:30, 10:40] = 1
    values = sound.copy()
    for place, value in {(15, 15): np.nan, (20, 20): -np.inf, (5, 5): np.inf, (35, 45): 65504, (0, 0): 1000}.items():
        values[place] = value
    values[25, 25:27] = -300
    header = Header(Window(0, 0, 50, 40), Window(0, 0, 50, 40))
    found = Matte.open(str(write(tmp_path / "m.exr", {"A": values})), (1,)).weights(1, header, header.display)
    np.testing.assert_array_equal(found, sound)
    ints = np.where(sound > 0, 255.0, 0).astype(np.float32)  # larger numbers all over are somebody's other scale
    found = Matte.open(str(write(tmp_path / "n.exr", {"A": ints})), (1,)).weights(1, header, header.display)
    np.testing.assert_array_equal(found, sound)
