"""Crops against closed forms: exact places, no aliasing, no half-pixel slip."""

import math

import numpy as np
import pytest
import torch
from understudy.imaging.affine import invert
from understudy.imaging.resample import AROUND, ExactSampler, coverage, glance, lattice, reduced, warp


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


@pytest.mark.parametrize("scale", [0.13, 0.4, 0.7, 1.6])
def test_a_glance_shows_the_same_places(scale):
    y, x = np.mgrid[0:300, 0:400].astype(np.float32)
    picture = np.dstack([np.sin(x / 30), np.cos(y / 40), np.sin((x + y) / 50)])
    matrix = np.array([[scale, 0.01, -3.0], [-0.01, scale, -2.0]])
    np.testing.assert_allclose(glance(picture, matrix, 32), warp(picture, matrix, 32), atol=0.02)


def test_a_glance_sees_no_bad_pixels_and_the_edge_of_a_small_picture():
    picture = np.full((7, 9, 3), 2.0, np.float16)
    picture[3, 3] = np.nan
    seen = glance(picture, similarity(0.05, 0, (4, 3)), 16)
    assert np.isfinite(seen).all() and seen.max() <= 2.0 and seen.min() > 1.9


def keys(image: np.ndarray, x: float, y: float) -> float:
    """Keys' cubic convolution with a = -1/2, from its definition, inside ``image`` (H, W)."""

    def weight(distance: float) -> float:
        d = abs(distance)
        if d < 1:
            return 1.5 * d**3 - 2.5 * d**2 + 1
        return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0

    rows, columns = (
        np.array([weight(at - 0.5 - i) for i in range(n)]) for at, n in ((y, len(image)), (x, len(image[0])))
    )
    return float(rows @ image @ columns)


def exactly(image: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return ExactSampler(places, *image.shape[1:]).sample(image)


def test_exact_samples_are_those_of_keys_kernel():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:12, 0:14]
    picture = np.sin(x / 2.1 + 0.4 * y) + 0.1 * x  # of a twist up to 0.2
    places = np.stack([rng.uniform(3, 11, 50), rng.uniform(3, 9, 50)], axis=-1)
    taken = exactly(torch.from_numpy(picture.astype(np.float32))[None], torch.from_numpy(places[None]).float())
    np.testing.assert_allclose(taken[0, 0], [keys(picture, *place) for place in places], atol=0.2 * 0.005 + 1e-4)


def test_exact_samples_keep_straight_lines_straight_and_pixels_as_they_are():
    y, x = np.mgrid[0:16, 0:16].astype(np.float32) + 0.5
    ramp = torch.from_numpy(np.stack([x, 3 - 2 * y, x + y]))
    fine = lattice(8, 8, 5, np.array([[0.9, 0.2, 3.1], [-0.2, 0.9, 4.3]]))
    expected = torch.stack([fine[..., 0], 3 - 2 * fine[..., 1], fine.sum(-1)])
    np.testing.assert_allclose(exactly(ramp, fine), expected, atol=1e-4)
    noise = torch.from_numpy(np.random.default_rng(2).normal(size=(2, 9, 9)).astype(np.float32))
    centres = lattice(9, 9, 1, np.array([[1.0, 0, 0], [0, 1, 0]]))
    np.testing.assert_allclose(exactly(noise, centres), noise, atol=1e-5)


def test_reduced_pixels_keep_what_they_can_show_and_lose_what_they_cannot():
    fine, height, width = 5, 24, 30
    y, x = ((torch.arange((n + 2 * AROUND) * fine) + 0.5) / fine - AROUND for n in (height, width))
    at = torch.arange(width) + 0.5

    def shown(cycles: float) -> torch.Tensor:
        """The middle row of waves of so many cycles a pixel."""
        waves = torch.cos(2 * math.pi * cycles * x)[None].repeat(len(y), 1)
        return reduced(torch.stack([waves, waves]), fine, 1.0)[1, height // 2]

    assert reduced(torch.zeros(1, len(y), len(x)), fine, 1.0).shape == (1, height, width)
    np.testing.assert_allclose(shown(0.1), torch.cos(0.2 * math.pi * at), atol=0.004)  # a square's mean loses 0.016
    assert shown(1.3).abs().max() < 0.1


def test_reduced_light_does_not_ring():
    bright = torch.full((1, 50, 50), 0.2)
    bright[:, 20:30, 22:31] = 60.0
    held = reduced(bright, 5, 0.9)
    assert held.min() >= 0.2 and held.max() <= 60.0
    np.testing.assert_array_equal(
        reduced(bright, 5, 1e-3), bright[:, 12:-10:5, 12:-10:5]
    )  # with no breadth, the centres
