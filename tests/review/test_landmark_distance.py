from __future__ import annotations

import numpy as np
import pytest
from understudy.errors import NoFaceError
from understudy.face.geometry import HEAD_68, Head
from understudy.review.landmark_distance import LandmarkDistance, landmark_distance, mean_distance

FACE = Head(100.0, np.eye(3), np.array([200.0, 150.0]), 0.0).project(HEAD_68)


def test_a_shifted_face_is_as_far_away_as_it_was_shifted() -> None:
    """The eye corners of the mean head are 0.72 of its unit apart: 72 px here."""
    found = landmark_distance(FACE + np.array([3.0, 4.0]), FACE)
    assert found.pixels == pytest.approx(5.0)
    assert found.percent == pytest.approx(5.0 / 72.0 * 100, rel=1e-4)


def test_the_eye_distance_of_a_turned_face_is_that_from_the_front() -> None:
    turn = np.radians(40)
    rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    turned = Head(100.0, rotation, np.array([200.0, 150.0]), 0.0).project(HEAD_68)
    assert landmark_distance(turned + np.array([5.0, 0.0]), turned).percent == pytest.approx(5.0 / 72.0 * 100, rel=1e-3)


def test_points_that_are_no_face_are_told() -> None:
    with pytest.raises(NoFaceError):
        landmark_distance(FACE, np.zeros((68, 2)))


def test_a_shot_counts_the_frames_on_which_a_has_no_face() -> None:
    frames = [LandmarkDistance(1.0, 2.0), None, LandmarkDistance(3.0, 6.0), None]
    assert mean_distance(frames, 3) == {"pixels": 2.0, "percent": 4.0, "frames": 2, "not_found": 1}
    assert mean_distance([None], 1) == {"pixels": None, "percent": None, "frames": 0, "not_found": 1}
    assert mean_distance([None], 0) is None
