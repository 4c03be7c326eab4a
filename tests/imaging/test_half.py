"""Half floats and floats, as numpy makes them of one another."""

from __future__ import annotations

import numpy as np
from understudy.imaging.half import HALF_MAX, as_float, as_half

EVERY = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


def test_every_half_float_becomes_its_float_and_again_itself():
    floats = as_float(EVERY)
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats, EVERY.astype(np.float32))
    finite = np.isfinite(EVERY)
    np.testing.assert_array_equal(as_half(floats)[finite].view(np.uint16), EVERY[finite].view(np.uint16))


def test_floats_are_rounded_as_numpy_rounds_them():
    floats = np.random.default_rng(0).normal(0, 1, 4096).astype(np.float32) * 10.0 ** np.arange(-8, 5, 13 / 4096)[:4096]
    floats = floats.astype(np.float32)
    np.testing.assert_array_equal(as_half(floats), np.clip(floats, -HALF_MAX, HALF_MAX).astype(np.float16))


def test_what_no_half_float_can_hold_becomes_the_largest_and_nan_stays():
    np.testing.assert_array_equal(
        as_half(np.array([1e9, np.inf, -1e9, -np.inf, np.nan], np.float32)),
        np.array([HALF_MAX, HALF_MAX, -HALF_MAX, -HALF_MAX, np.nan], np.float16),
    )


def test_pixels_that_are_of_the_kind_already_and_rows_apart_are_taken_as_they_are():
    halves = np.ones((6, 4, 3), np.float16)
    assert as_half(halves) is halves
    floats = np.arange(72, dtype=np.float32).reshape(6, 4, 3)
    np.testing.assert_array_equal(as_half(floats[::2, 1:3]), floats[::2, 1:3].astype(np.float16))
    np.testing.assert_array_equal(as_float(floats.astype(np.float16)[::2, 1:3]), floats[::2, 1:3])
