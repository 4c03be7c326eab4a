from __future__ import annotations

import numpy as np
import pytest
from understudy.faceset.choice import pose_bins
from understudy.review.faceset.coverage import Gap, bins_of, counts_in, direction, gaps, grid_of


class Posed:
    """A face as far as its bin needs one."""

    def __init__(self, yaw: float, pitch: float) -> None:
        self.pose = yaw, pitch, 0.0


def some_poses(count: int, seed: int, spread: float = 35.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, (count, 2)).clip(-89, 89)


@pytest.mark.parametrize("width", [5.0, 15.0, 22.5])
def test_every_face_is_counted_where_the_choice_of_faces_puts_it(width: float) -> None:
    poses = some_poses(300, 1)
    expected = pose_bins([Posed(*pose) for pose in poses], width)  # type: ignore[misc]
    assert list(map(tuple, bins_of(poses, width).tolist())) == expected
    grid = grid_of(width, poses)
    counts = counts_in(grid, poses)
    for row, pitch in enumerate(grid.pitches):
        for column, yaw in enumerate(grid.yaws):
            assert counts[row, column] == expected.count((yaw, pitch))
    assert counts.sum() == 300


def test_a_grid_lies_as_a_picture_does_and_always_holds_the_frontal_poses() -> None:
    grid = grid_of(15.0, np.array([[44.0, -31.0]]), np.array([[-80.0, 3.0]]))
    assert list(grid.yaws) == list(range(-5, 4)) and list(grid.pitches) == [1, 0, -1, -2]
    assert grid.edges(0) == (-7.5, 7.5) and grid.edges(-5) == (-82.5, -67.5)


def test_what_the_source_lacks_is_what_a_search_of_all_pairs_finds() -> None:
    width, source, target = 15.0, some_poses(60, 2, 20), some_poses(150, 3, 40)
    frames = np.arange(150) // 2 + 1001
    own = {tuple(np.rint(pose / width)) for pose in source}
    lacking = [index for index, pose in enumerate(target) if tuple(np.rint(pose / width)) not in own]
    found = gaps(source, target, frames, width)
    assert 0 < len(lacking) < 150 and sum(gap.faces for gap in found) == len(lacking)
    assert [gap.faces for gap in found] == sorted((gap.faces for gap in found), reverse=True)
    seen: list[int] = []
    for gap in found:
        (left, right), (down, up) = gap.yaw, gap.pitch
        members = [i for i in lacking if left < target[i, 0] < right and down < target[i, 1] < up]
        assert len(members) == gap.faces
        assert gap.frames == tuple(sorted({int(frames[i]) for i in members}))
        farthest = max(min(float(np.hypot(*(target[i] - pose))) for pose in source) for i in members)
        assert gap.nearest == pytest.approx(farthest)
        seen += members
    assert sorted(seen) == lacking


def test_neighbouring_poses_that_lack_are_one_gap() -> None:
    target = np.array([[31.0, 0.0], [44.0, 1.0], [62.0, 0.0], [90.0, 0.0], [0.0, 0.0]])
    found = gaps(np.zeros((1, 2)), target, np.array([5, 4, 3, 2, 1]), 15.0)
    assert [(gap.yaw, gap.frames) for gap in found] == [((22.5, 67.5), (3, 4, 5)), ((82.5, 97.5), (2,))]


def test_a_source_that_has_all_lacks_nothing() -> None:
    poses = some_poses(50, 4)
    assert gaps(poses, poses, np.arange(50), 15.0) == []


@pytest.mark.parametrize(
    ("yaw", "pitch", "words"),
    [
        ((-67.5, -52.5), (-7.5, 7.5), "52-68 degrees to image left, level (within 8 degrees)"),
        ((60, 75), (10, 20), "60-75 degrees to image right, 10-20 degrees up"),
        ((-7.5, 7.5), (-30, -20), "straight ahead (within 8 degrees), 20-30 degrees down"),
        ((-20, 60), (10, 20), "from 20 degrees to image left as far as 60 degrees to image right, 10-20 degrees up"),
    ],
)
def test_a_gap_is_told_in_words(yaw: tuple[float, float], pitch: tuple[float, float], words: str) -> None:
    assert direction(Gap(yaw, pitch, 1, (1,), 1.0)) == words
