"""Pixels that show no light: which are found, by what is put in, and what takes their place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from understudy.plate.defects import defects, filled, specks, without_defects

RNG = np.random.default_rng(0)
SPOTS = np.zeros((80, 100), bool)
SPOTS[0, 0] = SPOTS[20, 30] = SPOTS[40, 60] = SPOTS[40, 61] = SPOTS[79, 99] = True


def picture(level: float = 0.3, grain: float = 0.02) -> np.ndarray:
    """An unevenly lit wall with grain, a dark hole with soft edges and a hair."""
    y, x = np.mgrid[:80, :100].astype(np.float32)
    light = level * (0.6 + 0.4 * np.sin(x / 15) * np.cos(y / 20))
    light *= 1 - 0.98 * np.exp(-0.5 * (np.hypot(x - 70, y - 20) / 4) ** 2)
    light[60, 10:90] *= 0.1
    shown = light[..., None] * np.array([1.0, 0.7, 0.5]) + RNG.normal(0, grain, (80, 100, 3))
    return shown.astype(np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -3e38])
def test_what_is_no_light_is_filled_in_from_around_and_no_others_change(value):
    flat = np.full((24, 24, 3), 0.4, np.float32)
    assert without_defects(flat) is flat
    broken = np.zeros((24, 24), bool)
    broken[2, 3] = broken[0, 0] = True
    broken[8:18, 8:20] = True
    spoilt = flat.copy()
    spoilt[broken, 1] = value
    np.testing.assert_allclose(without_defects(spoilt), flat, rtol=1e-4)
    shown = RNG.uniform(0, 1, (24, 24, 3)).astype(np.float32)
    shown[broken, 0] = value
    np.testing.assert_array_equal(without_defects(shown)[~broken], shown[~broken])
    assert without_defects(np.full((6, 6, 3), value, np.float32)).tolist() == np.zeros((6, 6, 3)).tolist()


@pytest.mark.parametrize("value", [6.0, 64.0, 1000.0, 65504.0, -50.0, -65504.0])
@pytest.mark.parametrize("channel", [1, slice(None)])
def test_fireflies_are_found_and_nothing_else(value, channel):
    shown = picture()
    assert not defects(shown).any()
    shown[SPOTS, channel] = value
    np.testing.assert_array_equal(defects(shown), SPOTS)


def test_fireflies_on_a_dark_plate_are_none_on_a_bright_one():
    for level, value in ((0.01, 3.0), (4.0, 100.0)):
        shown = picture(level, 0.03 * level)
        shown[SPOTS] = value
        np.testing.assert_array_equal(defects(shown), SPOTS)


def test_one_that_a_renderers_filter_spread_is_taken_whole():
    shown, spread = picture(), np.zeros((80, 100), np.float32)
    spread[50, 40] = 2000
    spread = cv2.GaussianBlur(spread, (0, 0), 0.7)
    result = without_defects(shown + spread[..., None])
    assert np.abs(result - shown)[spread > 0].max() < 0.15 and np.abs(result - shown)[spread > 6].max() < 0.1
    np.testing.assert_array_equal(result[spread == 0], shown[spread == 0])


@pytest.mark.parametrize("value", [0.0, -1.0, 1000.0, np.nan])
def test_a_patch_of_dead_or_burnt_pixels_on_what_is_lit_is_filled_smoothly(value):
    shown = picture(grain=0.0)
    whole, broken = shown.copy(), np.zeros((80, 100), bool)
    broken[28:40, 20:32] = True
    shown[broken] = value
    result = without_defects(shown)
    assert (defects(shown) >= broken).all()
    assert np.abs(result - whole)[broken].max() < 0.05
    far = cv2.dilate(broken.astype(np.uint8), np.ones((3, 3))) == 0
    np.testing.assert_array_equal(result[far], whole[far])


def test_catchlights_lamps_glints_and_black_are_light():
    shown = picture()
    y, x = np.mgrid[:80, :100]
    shown += 8 * np.exp(-0.5 * (np.hypot(x - 20, y - 15) / 0.8) ** 2)[..., None].astype(np.float32)  # a catchlight
    shown += 300 * np.exp(-np.hypot(x - 85, y - 50) / 2)[..., None].astype(np.float32)  # a glint that blooms
    shown[:, 40:42] += 2  # the edge of a blade
    shown[64:] = 0  # a letterbox
    shown[2:8, 90:97] *= 0.004  # a dark button
    assert not defects(shown).any()
    large = np.full((200, 200, 3), 0.2, np.float32)
    large[50:150, 50:150] = 90  # a softbox
    assert not defects(large).any()


def test_black_between_soft_edges_is_a_mouth():
    shown = np.full((60, 60, 3), 0.3, np.float32)
    mouth = cv2.GaussianBlur(np.float32(np.hypot(*(np.mgrid[:60, :60] - 30)) < 9), (0, 0), 1.0)
    shown *= np.clip(1 - 1.1 * mouth, 0, 1)[..., None]
    assert (shown == 0).any() and not defects(shown).any()


def test_pictures_of_any_size_and_halves_of_a_frame_are_filled():
    for shape in ((1, 1, 3), (1, 40, 3), (2, 2, 3), (40, 1, 4)):
        one = np.full(shape, 0.2, np.float32)
        assert without_defects(one) is one
        one[0, 0, 0] = np.nan
        assert np.isfinite(without_defects(one)).all()
    half = np.full((64, 90, 3), 0.25, np.float32)
    half[20:] = np.nan
    np.testing.assert_allclose(without_defects(half), 0.25, rtol=1e-4)


def test_what_is_filled_reads_no_broken_pixel():
    shown = picture()
    broken = SPOTS.copy()
    broken[30:50, 30:60] = True
    shown[broken] = np.nan
    result = filled(shown, broken)
    assert np.isfinite(result).all() and (result[broken] <= np.nanmax(shown) + 1e-6).all()
    np.testing.assert_array_equal(result[~broken], shown[~broken])


def test_specks_are_what_stands_alone():
    strange = SPOTS.copy()
    strange[60:70, 60:70] = True
    np.testing.assert_array_equal(specks(strange), SPOTS)
