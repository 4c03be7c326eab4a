from __future__ import annotations

import numpy as np
import pytest
from made_skin import turning
from understudy.face.geometry import HEAD_68, RIGID
from understudy.tracks.expression import expressions, own_shape

COUNT = 30
LIPS = range(48, 68)


@pytest.fixture(scope="module")
def heads():
    return turning(COUNT, -50, 50)


def test_a_persons_own_shape_is_found_from_many_sides(heads) -> None:
    shape = HEAD_68.copy()
    shape[27:31, 2] -= 0.06  # a longer nose
    shape[4:13, 1] += 0.05  # and chin
    seen = [head.project(shape) for head in heads]
    own = own_shape(heads, seen, np.ones(COUNT), HEAD_68)
    others = np.setdiff1d(np.arange(68), [*range(27, 31), *range(4, 13)])
    assert own[27:31, 2] == pytest.approx(-0.035, abs=0.01)  # depth is seen foreshortened: the mean head holds it back
    assert own[4:13, 1] == pytest.approx(0.04, abs=0.01)
    assert np.abs(own[others]).max() < 0.02


def test_what_only_moves_turns_or_scales_the_whole_head_is_not_shape(heads) -> None:
    middle = RIGID @ HEAD_68 / RIGID.sum()
    shape = middle + 1.03 * (HEAD_68 - middle) + (0.02, 0.0, -0.01) + np.cross((0, 0.02, 0.01), HEAD_68 - middle)
    own = own_shape(heads, [head.project(shape) for head in heads], np.ones(COUNT), HEAD_68)
    assert np.abs(own[RIGID > 0.2]).max() < 0.005


def test_wild_and_distrusted_frames_hardly_shape_the_head(heads) -> None:
    random = np.random.default_rng(5)
    seen = [head.project(HEAD_68) for head in heads]
    seen[3] = seen[3] + random.normal(0, 120, (68, 2))
    trust = np.ones(COUNT)
    seen[4], trust[4] = seen[4] + random.normal(0, 30, (68, 2)), 0.0
    seen[5] = None
    assert np.abs(own_shape(heads, seen, trust, HEAD_68)).max() < 0.004
    assert np.array_equal(own_shape(heads, [None] * COUNT, trust, HEAD_68), np.zeros((68, 3)))


def test_rigid_motion_is_no_expression(heads) -> None:
    moved = expressions(heads, [head.project(HEAD_68) for head in heads], np.ones(COUNT), HEAD_68, 0.7)
    assert np.abs(moved).max() < 1e-6


def test_lips_that_open_and_close_are_followed_and_the_skull_is_not(heads) -> None:
    opening = 0.08 * np.sin(np.arange(COUNT) / 5)
    seen = []
    for head, wide in zip(heads, opening, strict=True):
        shape = HEAD_68.copy()
        shape[55:60, 1] += wide  # the lower lip
        shape[27:31, 1] += wide  # and, which is a mistake of the landmarker, the nose
        seen.append(head.project(shape))
    moved = expressions(heads, seen, np.ones(COUNT), HEAD_68, 0.7)
    assert moved[:, 57, 1] == pytest.approx(0.75 * opening, abs=0.02)
    assert np.corrcoef(moved[:, 57, 1], opening)[0, 1] > 0.99
    assert np.abs(moved[:, 27:31]).max() < 0.02
    assert np.abs(moved[:, LIPS, 0]).max() < 0.01


def test_frames_without_landmarks_take_from_their_neighbours_and_come_to_rest(heads) -> None:
    shape = HEAD_68.copy()
    shape[55:60, 1] += 0.1
    seen = [head.project(shape) if time < 10 or time == 12 else None for time, head in enumerate(heads)]
    drop = expressions(heads, seen, np.ones(COUNT), HEAD_68, 0.7)[:, 57, 1]
    assert drop[5] > 0.06
    assert 0.3 * drop[5] < drop[11] <= 1.2 * drop[5]
    assert abs(drop[29]) < 0.05 * drop[5]


def test_one_wild_landmark_cannot_blow_up_an_expression(heads) -> None:
    seen = [head.project(HEAD_68) for head in heads]
    seen[15][57] += (0, 900)
    assert np.abs(expressions(heads, seen, np.ones(COUNT), HEAD_68, 0.7)).max() < 0.3
