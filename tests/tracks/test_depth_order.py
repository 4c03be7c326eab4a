"""Who stands before whom: two faces that pass, told by what a detector would see of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from understudy.face.geometry import HEAD_68
from understudy.tracks.depth_order import in_front, overlap


@dataclass(frozen=True, eq=False)
class Stood:
    landmarks: np.ndarray
    confidence: float = 0.95
    origin: str = "seen"


def at(x: float, scale: float = 40, **changes) -> Stood:
    return Stood((HEAD_68[:, :2] * scale + (x, 100)).astype(np.float32), **changes)


HIDDEN = {"confidence": 0.15, "origin": "bridged"}


def crossing(lost: range, behind: dict | None = None, size: float = 40) -> tuple[dict[int, Stood], dict[int, Stood]]:
    """Somebody who walks to the right before somebody who walks to the left, whom nobody finds on the frames ``lost``."""
    front = {frame: at(100 + 10 * frame, size) for frame in range(41)}
    back = {frame: at(500 - 10 * frame, **(behind or HIDDEN if frame in lost else {})) for frame in range(41)}
    return front, back


def test_who_is_hidden_is_behind_and_whoever_hides_is_not():
    front, back = crossing(range(17, 24))
    assert in_front(back, front) >= set(range(17, 24))
    assert in_front(front, back) == set()
    assert not in_front(back, front) & {*range(10), *range(31, 41)}  # they are apart


def test_what_is_known_of_the_whole_passing_holds_where_both_are_seen():
    """At its ends, where both overlap a little and both are found."""
    front, back = crossing(range(18, 23))
    shared = {frame for frame in range(41) if overlap(front[frame].landmarks, back[frame].landmarks) > 0}
    assert shared > set(range(18, 23)) and in_front(back, front) == shared


def test_one_that_is_seen_less_well_is_behind():
    front, back = crossing(range(15, 26), {"confidence": 0.6})
    assert in_front(back, front) and not in_front(front, back)


def test_of_two_that_are_seen_as_well_the_larger_is_nearer():
    front, back = crossing(range(0), size=52)
    seen = in_front(back, front)
    assert seen and 20 not in seen  # in one place there is one face
    assert in_front(front, back) == set()


def test_of_two_of_whom_nobody_is_found_neither_is_painted_over_the_other():
    one, other = {5: at(100, **HIDDEN)}, {5: at(110, **HIDDEN)}
    assert in_front(one, other) == in_front(other, one) == {5}


def test_a_face_that_is_found_is_not_hidden_by_one_that_is_not():
    seen, guessed = {5: at(100)}, {5: at(130, 60, **HIDDEN)}
    assert in_front(seen, guessed) == set() and in_front(guessed, seen) == {5}


@pytest.mark.parametrize("turn", [0.0, 1.2, -2.0])
def test_overlap_is_none_for_people_beside_each_other_and_all_for_one_before_another(turn):
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = HEAD_68[:, :2] * 40 @ spin.T
    assert overlap(points, points + np.array([200, 0])) == 0
    assert overlap(points, 0.4 * points) == pytest.approx(1, abs=0.02)
    assert 0 < overlap(points, points + np.array([30, 0])) < 1
    assert overlap(points, points + np.array([30, 0])) == pytest.approx(overlap(points + np.array([30, 0]), points))
