from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from made_faces import make_face, make_measures, turned
from understudy.faceset.choice import duplicates, pose_bins, quality, select
from understudy.faceset.measures import THUMBNAIL

SAME = np.array([[0.5, 0, 0], [0, 0.5, 0]])
POINTS = np.random.default_rng(0).uniform(0, 16, (68, 2)).astype(np.float32)
GREY = np.full((THUMBNAIL, THUMBNAIL), 100, np.uint8)


def good(frame: int, level: float, **changes):
    """A face that is as good as ``level`` says by all that counts, but like the others in colour."""
    return make_face(
        frame,
        confidence=level,
        box=np.array([0, 0, 100 * level, 100 * level], np.float32),
        measures=make_measures(0, sharpness=level),
        **changes,
    )


def looking(frame: int, sharpness: float, picture: np.ndarray = GREY, points: np.ndarray = POINTS):
    measures = make_measures(0, sharpness=sharpness, thumbnail=picture.astype(np.uint8).tobytes())
    return make_face(frame, landmarks=points, matrix=SAME, measures=measures)


def test_quality_is_a_mean_of_ranks() -> None:
    faces = [good(1001, 0.2), good(1002, 0.9), good(1003, 0.5)]
    # Unlikeness is the same for all: the mean rank, 2.
    np.testing.assert_allclose(quality(faces), np.array([3 * 1 + 2, 3 * 3 + 2, 3 * 2 + 2]) / 4 / 3)


def test_bins_lie_around_the_frontal_pose() -> None:
    poses = [(0, 0), (7, -7), (8, 0), (-8, 0), (-7, 22), (0, 23)]
    faces = [make_face(head=turned(yaw, pitch)) for yaw, pitch in poses]
    assert pose_bins(faces, 15) == [(0, 0), (0, 0), (1, 0), (-1, 0), (0, 1), (0, 2)]


def test_rare_poses_are_kept_and_the_best_of_the_common_ones() -> None:
    frontal = [good(1001 + index, 0.5 + index / 100, head=turned(0, 0)) for index in range(20)]
    left = [good(1101 + index, 0.1 + index / 100, head=turned(-45, 0)) for index in range(4)]
    up = [good(1201, 0.05, head=turned(0, 30))]
    chosen = select([*left, *frontal, *up], 9, 15)
    counts = Counter(pose_bins(chosen, 15))
    assert counts == {(0, 0): 4, (-3, 0): 4, (0, 2): 1}
    assert {face.frame for face in chosen} == {1020, 1019, 1018, 1017, 1101, 1102, 1103, 1104, 1201}
    assert chosen[0].frame == 1020  # best first


def test_a_round_that_is_too_large_takes_the_best_of_its_own() -> None:
    faces = [good(1001 + index, 0.2 + 0.1 * index, head=turned(20 * index, 0)) for index in range(4)]
    assert [face.frame for face in select(faces, 2, 15)] == [1004, 1003]


def test_more_than_there_are_keeps_all() -> None:
    faces = [make_face(frame) for frame in (1001, 1002, 1003)]
    assert {face.frame for face in select(faces, 10, 15)} == {1001, 1002, 1003}


def test_the_sharpest_of_a_group_is_kept() -> None:
    other = GREY + 100
    faces = [looking(1001, 0.1), looking(1002, 0.3), looking(1003, 0.2), looking(1004, 0.05, other)]
    pairs = [(gone.frame, kept.frame) for gone, kept in duplicates(faces, 0.02)]
    assert pairs == [(1001, 1002), (1003, 1002)]


def test_the_threshold_is_the_difference_of_the_pictures_as_part_of_full_contrast() -> None:
    pattern = np.where(np.indices((THUMBNAIL, THUMBNAIL)).sum(axis=0) % 2, 10, -10)
    faces = [looking(1001, 0.2), looking(1002, 0.1, GREY + pattern)]
    assert not duplicates(faces, 10 / 255 - 1e-4)
    assert len(duplicates(faces, 10 / 255 + 1e-4)) == 1


def test_landmarks_count_four_times() -> None:
    """A blink moves some points and hardly the thumbnail."""
    faces = [looking(1001, 0.2), looking(1002, 0.1, points=POINTS + np.float32([0.32, 0]))]
    moved = 0.32 * 0.5 / 8  # parts of the crop's side
    assert not duplicates(faces, 4 * moved - 1e-4)
    assert len(duplicates(faces, 4 * moved + 1e-4)) == 1


def test_nobody_goes_for_being_like_one_who_went() -> None:
    """A slow pan: each picture is like its neighbours only."""
    faces = [looking(1001 + step, 1 - step / 100, GREY + 4 * step) for step in range(9)]
    pairs = [(gone.frame, kept.frame) for gone, kept in duplicates(faces, 6 / 255)]
    assert pairs == [(1002, 1001), (1004, 1003), (1006, 1005), (1008, 1007)]


def test_many_faces_are_compared_as_few_are() -> None:
    """More than one block: against the plain greedy way."""
    rng = np.random.default_rng(5)
    levels, sharpness = rng.integers(60, 190, 1200), rng.permutation(1200) / 1200
    faces = [looking(1001 + i, sharpness[i], np.full_like(GREY, levels[i])) for i in range(1200)]
    kept: list[int] = []
    gone = set()
    for index in np.argsort(-sharpness):
        if any(abs(int(levels[index]) - int(levels[one])) < 3 for one in kept):
            gone.add(1001 + int(index))
        else:
            kept.append(int(index))
    pairs = duplicates(faces, 2.5 / 255)
    assert {face.frame for face, _ in pairs} == gone
    assert {twin.frame for _, twin in pairs} <= {1001 + index for index in kept}


@pytest.mark.parametrize("count", [1, 2])
def test_faces_that_differ_all_stay(count) -> None:
    assert duplicates([make_face(1001 + index) for index in range(count)], 0.02) == []
