"""Crops against closed forms: exact places, no aliasing, no half-pixel slip."""

import numpy as np
import pytest
from understudy.face.geometry import invert
from understudy.face.resample import coverage, warp


def ramp(width: int, height: int) -> np.ndarray:
    """A picture whose value is its own position, pixel centres at +0.5."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x, y], axis=-1).astype(np.float32)


def similarity(scale: float, degrees: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn, np.array(shift)[:, None]], axis=1)


@pytest.mark.parametrize("scale", [0.13, 0.5, 1.0, 2.7])
@pytest.mark.parametrize("degrees", [0.0, 17.0])
def test_every_crop_pixel_shows_the_place_that_the_matrix_names(scale, degrees):
    picture, size = ramp(400, 300), 24
    matrix = similarity(scale, degrees, (12 - scale * 200, 12 - scale * 150))
    inverse = invert(matrix)
    positions = ramp(size, size).reshape(-1, 2) @ inverse[:, :2].T + inverse[:, 2]
    kernel = 3 + 1 / scale
    inside = ((positions > kernel) & (positions < np.array([400, 300]) - kernel)).all(1)
    assert inside.sum() > 50
    crop = warp(picture, matrix, size).reshape(-1, 2)
    # The cubic kernel itself (a = -0.75) bends a ramp by up to a twentieth of a pixel; a half-pixel slip is ten times that.
    np.testing.assert_allclose(crop[inside], positions[inside], atol=0.06 * max(1, 1 / scale))
    np.testing.assert_allclose((crop - positions)[inside].mean(0), 0, atol=0.01)


def test_identity_returns_the_picture():
    picture = np.random.default_rng(1).random((16, 16, 3), np.float32)
    np.testing.assert_allclose(warp(picture, similarity(1, 0, (0, 0)), 16), picture, atol=1e-5)


def test_reducing_averages_what_it_cannot_show():
    stripes = np.zeros((256, 256, 1), np.float32)
    stripes[:, ::2] = 1.0
    crop = warp(stripes, similarity(1 / 8, 0, (0, 0)), 32)
    np.testing.assert_allclose(crop[2:-2, 2:-2], 0.5, atol=0.02)


def test_a_very_strong_reduction_keeps_the_mean():
    picture = np.random.default_rng(2).random((1200, 1200, 1), np.float32)
    crop = warp(picture, similarity(1 / 100, 0, (0, 0)), 12)
    assert crop.mean() == pytest.approx(picture.mean(), abs=0.01) and crop.std() < 0.02


def test_one_bad_pixel_does_not_spread():
    picture = np.full((40, 40, 1), 0.5, np.float16)
    picture[20, 20], picture[5, 5] = np.nan, np.inf
    crop = warp(picture, similarity(1, 0, (0, 0)), 40)
    assert np.isfinite(crop).all()
    np.testing.assert_allclose(crop[10:18, 10:18], 0.5, atol=1e-3)


def test_beyond_the_edge_the_edge_repeats_and_coverage_says_so():
    picture = np.full((20, 20, 1), 3.0, np.float32)
    matrix = similarity(1, 0, (10, 0))  # the crop starts 10 pixels left of the picture
    np.testing.assert_allclose(warp(picture, matrix, 20), 3.0, atol=1e-4)
    inside = coverage(20, 20, matrix, 20)
    assert inside[:, :10].max() == 0 and inside[:, 10:].min() == 1
    assert coverage(20, 20, similarity(1, 0, (9.5, 0)), 20)[5, 9] == pytest.approx(0.5)


def test_a_coarser_grid_shows_the_same_places():
    y, x = np.mgrid[0:300, 0:400].astype(np.float32)
    picture = np.dstack([np.sin(x / 30), np.cos(y / 40), np.sin((x + y) / 50)])
    matrix = np.array([[0.13, 0.01, -3.0], [-0.01, 0.13, -2.0]])
    np.testing.assert_allclose(warp(picture, matrix, 32, finest=2), warp(picture, matrix, 32), atol=0.02)
