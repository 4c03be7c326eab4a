from __future__ import annotations

import pytest
from understudy.review.identity import FrameLikeness, identity_gained, summary


def test_the_untouched_plate_has_gained_nothing_and_the_truth_all() -> None:
    plate, truth = [FrameLikeness(0.6, 0.8, 0.6), FrameLikeness(0.5, 0.7, 0.5)], [FrameLikeness(0.8, 0.8, 0.6)]
    assert identity_gained(plate) == pytest.approx(0)
    assert identity_gained(truth) == pytest.approx(1)


def test_what_is_gained_is_told_of_the_means_of_the_frames() -> None:
    """(0.7 - 0.55) / (0.8 - 0.55); a mean of the frames' ratios would be 0.5 (1 / 2 + 3 / 4)."""
    frames = [FrameLikeness(0.7, 0.8, 0.6), FrameLikeness(0.7, 0.8, 0.5)]
    assert identity_gained(frames) == pytest.approx(0.6)
    assert identity_gained([FrameLikeness(0.5, 0.8, 0.6)]) == pytest.approx(-0.5)


def test_where_the_truth_is_no_nearer_than_the_plate_there_is_no_way_to_go() -> None:
    assert identity_gained([FrameLikeness(0.7, 0.6, 0.6)]) is None
    assert identity_gained([FrameLikeness(0.7, 0.5, 0.6)]) is None
    assert identity_gained([]) is None


def test_frames_without_a_face_are_left_out() -> None:
    told = summary([None, FrameLikeness(0.7, 0.8, 0.6), None])
    assert told == {"gained": pytest.approx(0.5), "a": 0.7, "b": 0.8, "plate": 0.6, "frames": 1}
    assert summary([None]) is None
