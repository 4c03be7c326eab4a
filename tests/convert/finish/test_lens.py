from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import fftconvolve
from understudy.convert.finish.lens import COARSEST, defocused, degraded


def random_picture(height: int = 64, width: int = 80) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.1, 4, (height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("radius", [1.7, 2.3, 6.0])
def test_a_point_becomes_a_disc(radius):
    picture = np.zeros((41, 41, 3), np.float32)
    picture[20, 20] = 50.0
    disc = defocused(picture, np.ones((41, 41), np.float32), radius)[..., 0] / 50
    assert disc.sum() == pytest.approx(1, rel=1e-4)
    y, x = np.mgrid[-20:21, -20:21]
    distance = np.hypot(x, y)
    flat = disc[distance < radius - 0.8]
    np.testing.assert_allclose(flat, 1 / (np.pi * radius**2), rtol=0.06)
    assert np.abs(disc[distance > radius + 0.8]).max() < 1e-6
    second = (disc * x**2).sum()  # of a disc smeared by the pixel's own square
    assert second == pytest.approx(radius**2 / 4 + 1 / 12, rel=0.1)


def test_no_surroundings_creep_into_the_face():
    picture = np.full((60, 60, 3), 30.0, np.float32)
    matte = np.zeros((60, 60), np.float32)
    matte[15:45, 15:45] = 1
    picture[15:45, 15:45] = random_picture(30, 30)
    blurred = defocused(picture, matte, 4.0)
    assert blurred[15:45, 15:45].max() <= 4.0 + 1e-4
    np.testing.assert_array_equal(blurred[:8], picture[:8])
    inner = np.s_[22:38, 22:38]
    y, x = np.mgrid[-40:41, -40:41]
    kernel = (np.hypot(x / 8.0, y / 8.0) <= 4.0).astype(float).reshape(81, 81)
    fine = np.repeat(np.repeat(picture[..., 1], 8, 0), 8, 1)
    expected = fftconvolve(fine, kernel / kernel.sum(), mode="same").reshape(60, 8, 60, 8).mean((1, 3))
    np.testing.assert_allclose(blurred[inner][..., 1], expected[inner], rtol=0.03)


def test_in_focus_and_undegraded_is_the_picture_itself():
    picture = random_picture()
    assert defocused(picture, np.ones(picture.shape[:2], np.float32), 0.0) is picture
    assert degraded(picture, 0.0) is picture


@pytest.mark.parametrize("change", [degraded, lambda p, a: defocused(p, np.ones(p.shape[:2]), 6 * a)])
def test_more_comes_without_jumps(change):
    picture = random_picture()
    steps = [change(picture, amount) for amount in np.linspace(0, 1, 201)]
    for one, following in pairwise(steps):
        assert np.abs(one - following).mean() < 0.12 * picture.std()
    assert steps[0].std() > 3 * steps[-1].std()


def test_a_poor_source_keeps_the_light_and_loses_the_detail():
    y, x = np.mgrid[:96, :96].astype(np.float32)
    broad = 0.5 + 0.3 * np.sin(x / 15) * np.cos(y / 18)
    fine = 0.2 * np.sin(x * 2.0) * np.sin(y * 2.1)
    picture = np.repeat((broad + fine)[..., None], 3, axis=2)
    half = degraded(picture, np.log(4) / np.log(COARSEST))  # a quarter of the pixels along a side
    assert half.dtype == np.float32
    inner = np.s_[6:-6, 6:-6]
    assert np.abs(half[inner][..., 0] - broad[inner]).max() < 0.06
    assert half.mean() == pytest.approx(picture.mean(), rel=0.01)


def test_a_poor_source_does_not_crawl_under_a_moving_face():
    picture = random_picture(96, 128)
    whole = degraded(picture, 0.5)
    part = degraded(picture[20:80, 31:101], 0.5)
    np.testing.assert_allclose(part[12:-12, 12:-12], whole[32:68, 43:89], atol=1e-4)


def test_what_is_left_of_a_pattern_is_what_so_few_pixels_can_hold():
    x = np.arange(256, dtype=np.float32)
    left = []
    for period in (2.5, 24.0):  # in pixels; a pixel of this source is four of the plate's
        picture = np.broadcast_to((1 + 0.05 * np.sin(2 * np.pi * x / period))[None, :, None], (32, 256, 3))
        poor = degraded(np.ascontiguousarray(picture, np.float32), np.log(4) / np.log(COARSEST))
        left.append(poor[16, 20:-20, 0].std() / picture[16, 20:-20, 0].std())
    assert left[0] < 0.1 and left[1] > 0.85


def test_bright_and_negative_light_stays_finite_and_does_not_ring():
    picture = np.full((40, 40, 3), -0.05, np.float32)
    picture[18:22, 18:22] = 64.0
    poor = degraded(picture, 0.4)
    assert np.isfinite(poor).all() and poor.max() < 64.01 and poor.min() >= -0.06
