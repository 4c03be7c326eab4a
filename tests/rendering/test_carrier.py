"""The plate around the new head: bent where outlines differ, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from made_heads import Moment, Performer, ground
from understudy.face.mesh import triangles
from understudy.imaging.raster import rasterise
from understudy.rendering.carrier import REACH, bend, carry, reach_of
from understudy.rendering.footage import FAR, camera_normals

SIDE, UNIT = 240, 70.0
HEAD = Performer().posed(Moment(x=120, y=120, scale=UNIT))
FACING = camera_normals(HEAD)[:, 2]
COVERED = rasterise(HEAD.plate, HEAD.distance(FAR), triangles(), SIDE, SIDE).coverage
NOTHING = np.zeros((SIDE, SIDE), np.float32)


def away() -> np.ndarray:
    """(h, w) distances from the head, by brute force."""
    y, x = np.nonzero(COVERED)
    row, column = np.mgrid[:SIDE, :SIDE]
    edge = [(a, b) for a, b in zip(y, x, strict=True) if not COVERED[a - 1 : a + 2, b - 1 : b + 2].all()]
    found = np.full((SIDE, SIDE), np.inf)
    for a, b in edge:
        np.minimum(found, np.hypot(row - a, column - b), out=found)
    return np.where(COVERED, 0, found)


def plate() -> np.ndarray:
    return np.asarray(ground((SIDE, SIDE)) + np.random.default_rng(0).uniform(0, 0.1, (SIDE, SIDE, 3)), np.float32)


def test_heads_alike_bend_nothing_and_keep_every_bit():
    field = bend(HEAD.plate, HEAD.plate, FACING, COVERED, NOTHING, UNIT)
    assert not field.any()
    shown = plate()
    shown[3, 4], shown[5, 6] = np.nan, np.inf
    assert carry(shown, field).tobytes() == shown.tobytes()


def test_a_shift_of_the_outline_is_followed_near_it_and_dies_out_beyond():
    field = bend(HEAD.plate, HEAD.plate + np.array((5, -3)), FACING, COVERED, NOTHING, UNIT)
    distance = away()
    near = (distance > 0) & (distance < 2)
    np.testing.assert_allclose(field[near], np.broadcast_to((5, -3), (near.sum(), 2)), atol=0.35)
    reach = REACH * UNIT
    middle = (distance > 0.9 * reach) & (distance < 1.1 * reach)
    np.testing.assert_allclose(
        np.hypot(*field[middle].T), np.hypot(5, 3) * np.exp(-0.5 * (distance[middle] / reach) ** 2), rtol=0.15
    )
    shown = plate()
    bent = carry(shown, field)
    # A Gaussian at four times its spread is 3e-4: less than what is moved at all.
    assert bent[distance > 4.2 * reach].tobytes() == shown[distance > 4.2 * reach].tobytes()
    assert (bent != shown)[near].mean() > 0.9


def test_a_narrower_head_is_met_by_what_stood_around_the_wider_one():
    middle = HEAD.plate.mean(0)
    narrow = middle + (HEAD.plate - middle) * (0.85, 1)
    covered = rasterise(narrow, HEAD.distance(FAR), triangles(), SIDE, SIDE).coverage
    # A plate whose head is red: nothing of it may look out beside the new one.
    shown = np.zeros((SIDE, SIDE, 3), np.float32)
    shown[COVERED] = (1, 0, 0)
    bent = carry(shown, bend(narrow, HEAD.plate, FACING, covered, NOTHING, UNIT))
    beside = COVERED & ~covered
    assert beside.sum() > 500
    rows = slice(int(HEAD.plate[:, 1].min()) + 10, int(HEAD.plate[:, 1].max()) - 10)
    left = np.sum(bent[rows][beside[rows]][:, 0] > 0.5)
    assert left < 0.25 * beside[rows].sum(), left / beside[rows].sum()


def test_what_stands_before_the_head_is_not_bent():
    hidden = NOTHING.copy()
    hidden[100:140, 20:100] = 1
    field = bend(HEAD.plate, HEAD.plate + np.array((5, 0)), FACING, COVERED, hidden, UNIT)
    free = bend(HEAD.plate, HEAD.plate + np.array((5, 0)), FACING, COVERED, NOTHING, UNIT)
    assert np.abs(field[108:132, 30:90]).max() < 0.05
    np.testing.assert_allclose(field[:, 150:], free[:, 150:], atol=1e-3)


def test_its_reach_is_whole_on_the_head_and_falls_to_nothing():
    reach, distance = reach_of(COVERED, UNIT), away()
    assert (reach[COVERED] == 1).all() and not reach[distance > 2.5 * REACH * UNIT + 1].any()
    order = np.argsort(distance, axis=None)
    assert np.diff(reach.ravel()[order]).max() < 0.02
    half = np.abs(distance - 2 * REACH * UNIT) < 0.6
    assert 0.4 < reach[half].mean() < 0.6


@pytest.mark.parametrize("shift", [(3, 0), (-2, 4)])
def test_whole_pixels_are_carried_exactly(shift):
    shown = plate()
    bent = carry(shown, np.broadcast_to(np.float32(shift), (SIDE, SIDE, 2)))
    inner = slice(8, -8)
    np.testing.assert_allclose(
        bent[inner, inner], np.roll(shown, (-shift[1], -shift[0]), (0, 1))[inner, inner], atol=1e-5
    )
