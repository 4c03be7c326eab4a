"""Pixels of one picture seen at places of another, against closed forms and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from understudy.rendering.pixels import reduced, sample

RNG = np.random.default_rng(0)
PICTURE = RNG.uniform(0, 2, (20, 30, 3)).astype(np.float32)


def centres(height: int, width: int) -> np.ndarray:
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x, y], axis=-1)


def test_at_the_centres_are_the_pixels_themselves():
    np.testing.assert_allclose(sample(PICTURE, centres(20, 30)), PICTURE, atol=1e-5)
    assert sample(PICTURE, np.array([(4.5, 7.5)])).shape == (1, 3)


def test_a_parabola_is_met_between_them():
    """Catmull and Rom's cubic gives every polynomial of the second degree back."""
    place = centres(20, 30)
    picture = (0.02 * place[..., :1] ** 2 - 0.1 * place[..., :1] * place[..., 1:] + place[..., 1:]).astype(np.float32)
    places = RNG.uniform((3, 3), (27, 17), (200, 2))
    x, y = places.T
    np.testing.assert_allclose(sample(picture, places)[:, 0], 0.02 * x**2 - 0.1 * x * y + y, atol=2e-3)


def cubic(away: np.ndarray) -> np.ndarray:
    away = np.abs(away)
    near = 1.5 * away**3 - 2.5 * away**2 + 1
    return np.where(away < 1, near, np.where(away < 2, -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2, 0))


SMOOTH = np.add.outer(np.sin(np.arange(20) / 2), np.cos(np.arange(30) / 3))[..., None].astype(np.float32)


def test_between_and_beyond_the_edge_it_is_keys_kernel_on_a_picture_whose_edge_repeats():
    padded, smooth = (np.pad(one, ((8, 8), (8, 8), (0, 0)), mode="edge").astype(float) for one in (PICTURE, SMOOTH))
    places = RNG.uniform((-3, -3), (33, 23), (100, 2))
    rows, columns = np.arange(36) - 8 + 0.5, np.arange(46) - 8 + 0.5
    wanted = [cubic(rows - y) @ np.tensordot(cubic(columns - x), smooth, (0, 1)) for x, y in places]
    np.testing.assert_allclose(sample(SMOOTH, places), wanted, atol=1e-4)
    wanted = [cubic(rows - y) @ np.tensordot(cubic(columns - x), padded, (0, 1)) for x, y in places]
    np.testing.assert_allclose(sample(PICTURE, places), wanted, atol=0.02)  # of a twist a little is lost


def test_a_smaller_picture_has_the_same_light():
    small = reduced(PICTURE, 2.0)
    assert small.shape == (10, 15, 3)
    np.testing.assert_allclose(small, PICTURE.reshape(10, 2, 15, 2, 3).mean((1, 3)), atol=1e-5)
    assert reduced(PICTURE, 1.2) is PICTURE
    assert reduced(PICTURE, 50.0).shape == (1, 1, 3)
    assert reduced(PICTURE, 3.0).mean() == pytest.approx(PICTURE.mean(), rel=0.02)
