from __future__ import annotations

import numpy as np
import pytest
from understudy.face.geometry import CROP_SIDE, HEAD_68, Head
from understudy.review.alignment import (
    corner_errors,
    crop_corners,
    jitter,
    lag,
    landmark_error,
    rank_correlation,
    spread,
)

HEAD = Head(100.0, np.eye(3), np.array([300.0, 200.0]), 0.0)
SQUARE = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)])


def test_an_error_is_measured_by_the_eye_distance_from_the_front():
    true = HEAD.project(HEAD_68)
    assert landmark_error(true, true, HEAD) == 0
    assert landmark_error(true + np.array((3.6, 0)), true, HEAD) == pytest.approx(5.0)  # the eyes are 72 px apart
    half = true + np.where(np.arange(68)[:, None] % 2, (0, 7.2), 0)
    assert landmark_error(half, true, HEAD) == pytest.approx(5.0)


def test_corners_are_those_of_the_crop():
    corners = crop_corners(HEAD, "full")
    side = 100 * CROP_SIDE["full"]
    np.testing.assert_allclose(corners[0], (300 - side / 2, 200 - side / 2))
    np.testing.assert_allclose(np.diff(corners, axis=0), [(side, 0), (0, side), (-side, 0)], atol=1e-9)


def test_a_constant_offset_is_an_error_and_no_jitter():
    true = [SQUARE + shift for shift in (0, 5, 9)]
    errors = corner_errors([one + np.array((0.3, 0.4)) for one in true], true)
    np.testing.assert_allclose(np.linalg.norm(errors, axis=2), 5.0)
    np.testing.assert_allclose(jitter(errors), 0, atol=1e-12)


def test_jitter_is_the_change_of_error_and_a_gap_has_none():
    errors = corner_errors([SQUARE, SQUARE + np.array((0, 0.2)), None, SQUARE, SQUARE], [SQUARE] * 5)
    np.testing.assert_allclose(jitter(errors), [2.0, np.nan, np.nan, 0.0])


@pytest.mark.parametrize("late", [-2, -1, 0, 1, 3])
def test_lag_is_by_how_many_frames_a_path_comes_late(late):
    times = np.arange(40)[:, None] - np.array([0, late])
    x = np.sin(times * 0.5) + 0.3 * np.sin(times * 1.3)
    path = np.stack([x, np.zeros_like(x)], axis=-1)  # (time, true or late, xy)
    noise = np.random.default_rng(0).normal(0, 0.01, (40, 2))
    assert lag(path[:, 1] + noise + 7, path[:, 0]) == late


def test_who_stands_still_has_no_lag():
    assert lag(np.zeros((10, 2)), np.zeros((10, 2))) == 0
    assert lag(np.zeros((3, 2)), np.zeros((3, 2))) == 0


def test_confidence_that_falls_where_the_error_rises_correlates_fully():
    assert rank_correlation([0.9, 0.5, 0.7], [1.0, 30.0, 2.0]) == pytest.approx(1)
    assert rank_correlation([0.9, 0.5, 0.7], [3.0, 1.0, 2.0]) == pytest.approx(-1)
    assert rank_correlation([0.5, 0.5], [1.0, 2.0]) is None


def test_spread_is_in_percent():
    assert spread([1.0, 1.05, 1.02]) == pytest.approx(5)
