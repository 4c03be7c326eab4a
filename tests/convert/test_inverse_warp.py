from __future__ import annotations

import numpy as np
import pytest
import torch
from understudy.convert.inverse_warp import Placer
from understudy.imaging.affine import apply, invert
from understudy.imaging.region import Region, region_of
from understudy.imaging.resample import warp
from understudy.model.log_curve import encode


def similarity(scale: float, degrees: float, size: int, centre: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn, (size / 2 - turn @ centre)[:, None]], axis=1)


def painting(height: int, width: int, x0: float = 0, y0: float = 0) -> np.ndarray:
    """A smooth picture given by a formula of its pixel centres, (H, W, 3), highlights included."""
    x = (np.arange(width) + 0.5 + x0)[None, :]
    y = (np.arange(height) + 0.5 + y0)[:, None]
    planes = [0.5 + 0.4 * np.sin(x / 11 + y / 17), 2 + 1.5 * np.cos(x / 13) * np.sin(y / 9), np.exp((x + y) / 80) / 4]
    return np.stack([plane + 0 * x + 0 * y for plane in planes], axis=-1).astype(np.float32)


def laid(crop: np.ndarray, matrix: np.ndarray, region: Region) -> np.ndarray:
    codes = encode(torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1))))
    return Placer(matrix, crop.shape[0], region).light(codes)


def softly(matte: np.ndarray, matrix: np.ndarray, region: Region) -> np.ndarray:
    return Placer(matrix, matte.shape[0], region).soft(torch.from_numpy(matte)[None])[0]


@pytest.mark.parametrize(("scale", "degrees"), [(1.0, 0), (1.0, 23.0), (0.61, -31.0), (1.9, 12.0), (2.7, 77.0)])
def test_a_perfect_prediction_returns_to_the_very_place_it_came_from(scale, degrees):
    size, width, height = 128, 160, 140
    matrix = similarity(scale, degrees, size, (80.3, 69.6))
    picture = painting(height, width)
    region = region_of([matrix], size, width, height)
    placed = laid(warp(picture, matrix, size), matrix, region)
    original = picture[region.rows, region.columns]
    # Away from the crop's border and the frame's: there the resampler repeats edges.
    x, y = np.meshgrid(np.arange(region.width) + 0.5 + region.x, np.arange(region.height) + 0.5 + region.y)
    spot = apply(matrix, np.stack([x, y], -1).reshape(-1, 2)).reshape(*x.shape, 2)
    inner = ((spot > 3) & (spot < size - 3)).all(-1) & (x > 4) & (x < width - 4) & (y > 4) & (y < height - 4)
    assert inner.sum() > 500
    error = np.abs(placed - original)[inner] / (original[inner] + 0.1)
    assert error.max() < 0.012 and error.mean() < 0.002
    shifted = np.abs(placed[:, 1:] - original[:, :-1])[inner[:, 1:]] / (original[:, :-1][inner[:, 1:]] + 0.1)
    assert shifted.mean() > 10 * error.mean()  # one pixel beside is far worse


def test_st_is_the_place_in_the_crop_counted_from_the_bottom_left_at_centres():
    size = 64
    matrix = similarity(0.8, 30.0, size, (60, 60))
    region = region_of([matrix], size, 120, 120)
    placed = Placer(matrix, size, region)
    for row, column in ((60, 70), (50, 44), (75, 61)):
        x, y = apply(matrix, np.array([[column + 0.5, row + 0.5]]))[0]
        u, v = placed.st[row - region.y, column - region.x]
        assert (u, v) == pytest.approx((x / size, 1 - y / size), abs=1e-5)
    assert placed.st.dtype == np.float32
    assert not placed.st[~placed.inside].any()
    corner = apply(invert(matrix), np.array([[0.5, size - 0.5]]))[0]  # the bottom left pixel of the crop
    row, column = int(corner[1]) - region.y, int(corner[0]) - region.x
    assert placed.st[row, column].max() < 3 / size


def test_the_identity_puts_each_pixel_of_the_crop_on_its_pixel():
    size = 16
    matrix = np.array([[1.0, 0, 0], [0, 1, 0]])
    crop = painting(size, size)
    placed = laid(crop, matrix, Region(0, 0, size, size))
    np.testing.assert_allclose(placed[2:-2, 2:-2], crop[2:-2, 2:-2], rtol=3e-3)
    placer = Placer(matrix, size, Region(0, 0, size, size))
    np.testing.assert_allclose(placer.st[0, 0], [0.5 / size, 1 - 0.5 / size], atol=1e-6)
    assert placer.inside.all() and (placer.coverage == 1).all()


def test_a_face_far_larger_than_its_model_is_reduced_without_aliasing():
    """A crop of 4 pixels to the plate's one: stripes of a crop pixel come out grey."""
    size = 128
    matrix = similarity(4.0, 0.0, size, (16, 16))
    matte = (np.indices((size, size)).sum(0) % 2).astype(np.float32)
    np.testing.assert_allclose(softly(matte, matrix, Region(0, 0, 32, 32))[4:-4, 4:-4], 0.5, atol=0.02)


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.0])
def test_the_matte_keeps_its_area_and_stays_within_the_crop(scale):
    size = 96
    matrix = similarity(scale, 20.0, size, (150, 150))
    centre = np.arange(size) + 0.5 - size / 2
    matte = np.clip(30.5 - np.hypot(centre[:, None], centre[None]), 0, 1).astype(np.float32)
    region = region_of([matrix], size, 300, 300)
    assert softly(matte, matrix, region).sum() == pytest.approx(np.pi * 30**2 / scale**2, rel=0.01)
    full = softly(np.ones((size, size), np.float32), matrix, region)
    assert full.sum() == pytest.approx((size / scale) ** 2, rel=0.01)
    assert full.min() == 0 and full.max() == 1
    np.testing.assert_allclose(full, Placer(matrix, size, region).coverage, atol=1e-5)


def test_a_region_is_the_part_of_the_frame_that_the_crop_covers():
    matrix = similarity(1.0, 0.0, 20, (10, 30))
    assert region_of([matrix], 20, 100, 100) == Region(0, 20, 20, 20)
    assert region_of([similarity(1.0, 0.0, 20, (4, 95))], 20, 100, 100) == Region(0, 85, 14, 15)
    assert region_of([similarity(1.0, 0.0, 20, (-30, 50))], 20, 100, 100) is None


def test_a_highlight_beyond_what_a_prediction_can_mean_is_held():
    crop = np.full((16, 16, 3), 500.0, np.float32)
    placed = laid(crop, np.array([[1.0, 0, 0], [0, 1, 0]]), Region(0, 0, 16, 16))
    assert placed.max() <= 64.1


def test_a_region_holds_all_crops_that_are_asked_for_and_joins_another():
    near, far = similarity(1.0, 0.0, 20, (10, 30)), similarity(1.0, 0.0, 20, (40, 35))
    both = region_of([near, far], 20, 100, 100)
    assert both == Region(0, 20, 50, 25)
    assert region_of([near], 20, 100, 100).union(region_of([far], 20, 100, 100)) == both
    assert Region(2, 50, 20, 45).grown(8, 100, 100) == Region(0, 42, 30, 58)


def test_a_part_of_a_region_has_the_pixels_of_the_whole():
    matrix = np.array([[0.31, 0.04, -12.0], [-0.04, 0.31, 3.5]])
    region = Region(40, 10, 120, 90)
    whole = Placer(matrix, 32, region)
    rows, columns = part = slice(16, 61), slice(33, 100)
    inner = region.part(part)
    assert inner == Region(73, 26, 67, 45)
    placed = whole.over(inner)
    codes = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(placed.light(codes), whole.light(codes)[rows, columns])
    np.testing.assert_array_equal(placed.soft(codes), whole.soft(codes)[:, rows, columns])
    np.testing.assert_array_equal(placed.st, whole.st[rows, columns])
