"""How far lids and lips stand open, against gaps that were made."""

from __future__ import annotations

import numpy as np
import pytest
from made_heads import Moment, Performer, record
from understudy.face.mesh import at_landmarks
from understudy.rendering.openings import Openings, lid_gaps, lip_gaps, measure_openings, usual_lid_gaps, with_lids

WHO = Performer()
SHAPE = at_landmarks(WHO.mesh)


def shapes(moments: list[Moment]) -> np.ndarray:
    return np.array([SHAPE + moment.expression for moment in moments])


def test_lids_are_set_to_the_gap_that_is_wanted_and_the_lower_ones_stay():
    before = shapes([Moment(), Moment(lids=0.4, mouth=0.1)])
    wanted = np.array([[0.01, 0.05], [0.03, 0.08]])
    after = with_lids(before, wanted)
    np.testing.assert_allclose(lid_gaps(after), wanted, atol=1e-9)
    moved = np.flatnonzero(np.abs(after - before).max((0, 2)))
    assert set(moved.tolist()) <= {37, 38, 43, 44}


def test_gaps_are_those_that_were_made():
    found = shapes([Moment(), Moment(lids=0.25), Moment(mouth=0.1)])
    np.testing.assert_allclose(lid_gaps(found)[1], 0.25 * lid_gaps(found)[0], atol=1e-9)
    assert lip_gaps(found)[2] > lip_gaps(found)[0] + 0.05
    usual = usual_lid_gaps(shapes([Moment()] * 8 + [Moment(lids=0.1)] * 2))
    np.testing.assert_allclose(usual, lid_gaps(found)[0], rtol=1e-6)  # blinks do not count as usual


def faces(**channels):
    moments = [Moment(yaw=yaw) for yaw in (-8, -4, 0, 4, 8)] + [Moment(lids=0.2), Moment(mouth=0.12)]
    return [record(WHO, moment, 1001 + index, "p.%04d.exr", **channels) for index, moment in enumerate(moments)]


def test_without_channels_the_solved_landmarks_tell():
    found = measure_openings(faces(), SHAPE)
    np.testing.assert_allclose(found.lids[:5], 1, atol=0.15)
    np.testing.assert_allclose(found.lids[5], 0.2, atol=0.08)
    assert found.lips[6] - found.lips[0] == pytest.approx(
        float(np.diff(lip_gaps(shapes([Moment(), Moment(mouth=0.12)])))[0]), abs=0.01
    )
    assert (found.trust == 1).all() and np.isnan(found.gaze).all()


def test_the_channels_of_the_track_go_first():
    channels = {"eye_opening": np.float32((0.3, 0.15)), "eye_trust": np.float32((1, 0.5)), "mouth_opening": 0.25}
    plain = faces(**channels)
    plain[5] = record(WHO, Moment(), 1006, "p.%04d.exr", **channels | {"eye_opening": np.float32((0.03, 0.15))})
    found = measure_openings(plain, SHAPE)
    width = np.linalg.norm(SHAPE[60] - SHAPE[64])
    np.testing.assert_allclose(found.lips, 0.25 * width)
    np.testing.assert_allclose(found.trust, np.tile([1, 0.5], (7, 1)))
    assert found.lids[5, 0] / found.lids[0, 0] == pytest.approx(0.1, abs=0.05)
    assert found.lids[5, 1] == pytest.approx(found.lids[0, 1])


def test_in_the_mirror_eyes_change_sides_and_gaze_its_sign():
    one = Openings(np.array([[0.2, 1.0]]), np.array([[0.5, 1.0]]), np.array([0.1]), np.array([[0.1, 0.05]]))
    other = one.mirrored()
    assert other.lids.tolist() == [[1.0, 0.2]] and other.trust.tolist() == [[1.0, 0.5]]
    assert other.gaze.tolist() == [[-0.1, 0.05]] and other.lips.tolist() == [0.1]
    again = other.mirrored()
    np.testing.assert_array_equal(again.lids, one.lids)
    both = one.joined(other)
    np.testing.assert_array_equal(both.part(np.array([1])).lids, other.lids)
