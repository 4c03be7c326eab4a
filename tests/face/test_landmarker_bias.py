from __future__ import annotations

import numpy as np
import pytest
from understudy.face.geometry import HEAD_68, fit_head
from understudy.face.keypoints import KeypointFinder
from understudy.face.landmarker_bias import mean_head
from understudy.imaging.crop import look
from understudy.tracks.observation import LOOK, Observed, look_matrix
from understudy.tracks.solve import solve

MIRRORED = np.array(
    [
        *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1), 45, 44, 43, 42, 47, 46,
        39, 38, 37, 36, 41, 40, *range(54, 47, -1), 59, 58, 57, 56, 55, *range(64, 59, -1), 67, 66, 65,
    ]
)  # fmt: skip
"""iBUG's points as a mirror numbers them."""


def test_a_landmarker_of_which_nothing_is_known_sees_the_mean_head() -> None:
    assert np.array_equal(mean_head("insightface"), HEAD_68)


def test_habits_are_symmetric_and_small() -> None:
    head = mean_head("mediapipe")
    assert head[MIRRORED] * (-1, 1, 1) == pytest.approx(head, abs=0.0011)
    assert 0.02 < np.linalg.norm(head - HEAD_68, axis=1).mean() < 0.1


def test_as_the_landmarker_sees_the_head_its_landmarks_fit_better(marked) -> None:
    # The habits were measured on other people.
    faces = [(face, marks) for face, marks in marked if marks and abs(face.yaw) < 60]
    assert len(faces) > 20
    plain = [fit_head(marks.points68) for _, marks in faces]
    known = [fit_head(marks.points68, mean_head("mediapipe")) for _, marks in faces]
    assert np.mean([one.error for one in known]) < 0.8 * np.mean([one.error for one in plain])


def test_on_a_rendered_shot_refined_landmarks_beat_raw_ones(marked) -> None:
    finder = KeypointFinder()
    observed, true = [], []
    for face, marks in marked:
        if face.sequence != "plate":
            continue
        inner = face.landmarks[17:]
        middle, half = (inner.min(0) + inner.max(0)) / 2, 0.6 * np.ptp(inner, axis=0).max()
        box = np.concatenate([middle - half, middle + half]).astype(np.float32)
        grey = np.asarray(face.image @ np.array([0.2126, 0.7152, 0.0722]), np.uint8)
        small = look(grey, look_matrix(box), LOOK)
        points = None if marks is None else marks.points68
        trust = 0.0 if marks is None else marks.score
        observed.append(Observed(face.frame, box, True, points, trust, finder.find(face.image, box), small))
        true.append(face)
    track = solve(0, observed, mean_head("mediapipe"), None, 0.5)
    assert len(track.frames) == 24

    def error(points, face) -> float:
        return float(np.linalg.norm(points - face.landmarks, axis=1).mean() / face.eyes * 100)

    both = [(track.frames[face.frame], face) for face in true]
    raw = [error(one.raw, face) for one, face in both if one.raw is not None]
    refined = [error(one.refined, face) for one, face in both if one.raw is not None]
    unmarked = [error(one.refined, face) for one, face in both if one.raw is None]
    assert np.mean(refined) < 0.8 * np.mean(raw)
    assert len(unmarked) > 5
    assert np.mean(unmarked) < 2.5 * np.mean(refined)
