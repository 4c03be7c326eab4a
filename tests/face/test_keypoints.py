from __future__ import annotations

import numpy as np
import pytest
from made_people import stand
from understudy.face.keypoints import KEYPOINTS, KeypointFinder, keypoint_card, keypoint_head, keypoint_weights

HIDDEN = [("plate", 1011)]  # a hand before the face


@pytest.fixture(scope="module")
def finder() -> KeypointFinder:
    pytest.importorskip("mediapipe")
    return KeypointFinder()


def box_around(landmarks) -> np.ndarray:
    inner = landmarks[17:]
    middle, side = (inner.min(0) + inner.max(0)) / 2, np.ptp(inner, axis=0).max()
    return np.concatenate([middle - 0.6 * side, middle + 0.6 * side])


@pytest.fixture(scope="module")
def pointed(rendered, finder):
    return [
        (face, finder.find(face.image, box_around(face.landmarks)))
        for face in rendered
        if (face.sequence, face.frame) not in HIDDEN
    ]


def test_eyes_nose_and_mouth_are_where_they_are(pointed) -> None:
    errors = []
    for face, points in pointed:
        if abs(face.yaw) < 30:
            true = [face.landmarks[part].mean(0) for part in (range(36, 42), range(42, 48), [30], [51, 57, 62, 66])]
            errors.append(np.linalg.norm(points[:4] - np.array(true), axis=1) / face.eyes)
    assert len(errors) > 25
    assert np.max(errors) < 0.12
    assert np.median(errors, axis=0).max() < 0.08


def test_profiles_are_found_and_their_heads_are_turned_as_they_are(pointed) -> None:
    turned = [(face, points) for face, points in pointed if abs(face.yaw) > 60]
    assert len(turned) > 12
    off = [abs(keypoint_head(points).angles[0] - face.yaw) for face, points in turned]
    assert max(off) < 25
    assert np.mean(off) < 15


def test_the_one_that_the_box_is_about_is_told_and_not_who_stands_beside(rendered, finder) -> None:
    one, other = rendered[0], rendered[2]
    both = np.concatenate([one.image[:, 120:400], other.image[:, 120:400]], axis=1)
    left = finder.find(both, box_around(one.landmarks - (120, 0)))
    right = finder.find(both, box_around(other.landmarks - (120, 0) + (280, 0)))
    assert np.abs(left - finder.find(one.image, box_around(one.landmarks)) + (120, 0)).max() < 4
    assert np.abs(right - finder.find(other.image, box_around(other.landmarks)) + (120 - 280, 0)).max() < 4


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_tilted_head_is_found_when_the_tilt_is_known(rendered, finder, turns: int) -> None:
    face = rendered[0]
    tilted, marks = face.image, face.landmarks
    for _ in range(turns):  # clockwise, a quarter at a time
        marks = np.column_stack([tilted.shape[0] - marks[:, 1], marks[:, 0]])
        tilted = np.ascontiguousarray(np.rot90(tilted, -1))
    points = finder.find(tilted, box_around(marks), turns * np.pi / 2)
    assert np.linalg.norm(points[0] - marks[36:42].mean(0)) < 0.12 * face.eyes
    assert np.linalg.norm(points[1] - marks[42:48].mean(0)) < 0.12 * face.eyes


def test_where_nobody_is_there_are_no_points(finder) -> None:
    assert finder.find(np.full((200, 300, 3), 90, np.uint8), np.array([100, 50, 180, 130])) is None
    assert finder.find(np.full((200, 300, 3), 90, np.uint8), np.array([-400, -400, -300, -300])) is None


def test_six_points_tell_of_the_head() -> None:
    for yaw in range(-80, 81, 20):
        head = stand(300, 200, 90, yaw, 10, -15)
        found = keypoint_head(head.project(KEYPOINTS))
        assert found.angles == pytest.approx(head.angles, abs=0.1)
        assert found.scale == pytest.approx(90, rel=1e-3)
        assert found.offset == pytest.approx(head.offset, abs=0.1)
    assert keypoint_head(np.full((6, 2), 7.0)) is None


def test_what_is_turned_away_counts_less_and_left_is_as_right() -> None:
    swapped = [1, 0, 2, 3, 5, 4]
    for yaw in (-85, -50, -20, 0, 35, 80):
        weights = keypoint_weights(yaw)
        assert weights == pytest.approx(keypoint_weights(-yaw)[swapped])
        assert ((weights >= 0) & (weights <= 1)).all()
    assert keypoint_weights(85)[0] == 1  # turned to image right it is the eye at the left that is seen
    assert keypoint_weights(85)[1] == pytest.approx(0.1)
    assert keypoint_weights(60)[4] > keypoint_weights(60)[5]


def test_the_card_names_the_licence_and_the_very_weights() -> None:
    pytest.importorskip("mediapipe")
    card = keypoint_card()
    assert (card.licence, card.commercial) == ("Apache-2.0", True)
    assert len(card.sha256) == 64
