from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from understudy.face.geometry import HEAD_68, Head
from understudy.face.motion import MOST_STEPS, Motion, motion, smear
from understudy.imaging.affine import apply


def head(x: float, y: float = 300.0, scale: float = 100.0, roll: float = 0.0, yaw: float = 0.0) -> Head:
    turns = (cv2.Rodrigues(np.array(axis))[0] for axis in ((0.0, 0.0, np.radians(roll)), (0.0, -np.radians(yaw), 0.0)))
    across, around = turns
    return Head(scale, across @ around, np.array([x, y]), 0.0)


def covered(start: np.ndarray, end: np.ndarray, edge: float) -> np.ndarray:
    """How much of each pixel from ``start`` to ``end`` lies left of ``edge``, exactly."""
    return np.clip((edge - start) / (end - start), 0, 1)


def test_a_moving_edge_becomes_a_ramp_as_long_as_its_way():
    moved = motion(head(390), head(400), head(410), shutter=180)  # ten pixels a frame, five while it is open
    assert moved.length((0, 0, 100, 100)) == pytest.approx(5)
    picture = np.zeros((20, 60, 2), np.float32)
    picture[:, :30] = (1.0, 8.0)
    smeared = smear(picture, moved, (370, 290))
    pixels = np.arange(60, dtype=float)
    ways = np.linspace(-2.5, 2.5, 2001)
    expected = np.mean([covered(pixels, pixels + 1, 30 + way) for way in ways], axis=0)
    np.testing.assert_allclose(smeared[10, :, 0], expected, atol=0.03)
    np.testing.assert_allclose(smeared[10, :, 1], 8 * expected, atol=0.24)
    assert smeared.min() >= 0 and smeared.max() <= 8


def test_at_the_ends_of_a_track_one_side_tells_and_alone_nothing_moves():
    np.testing.assert_allclose(motion(None, head(400), head(406), shutter=360).field[:, 2], (6, 0), atol=1e-9)
    np.testing.assert_allclose(motion(head(397), head(400), None, shutter=360).field[:, 2], (3, 0), atol=1e-9)
    assert not motion(None, head(400), None, shutter=360).field.any()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (head(392, 296, 98, -3), head(408, 304, 102, 3)),  # comes nearer, tilts, goes by
        (head(390, yaw=-4), head(410, yaw=4)),
    ],
    ids=["similarity", "turn"],
)
def test_the_face_is_where_its_track_says_on_the_frames_around(before, after):
    moved = motion(before, head(400), after, shutter=180)
    for time, there in ((-1, before), (1, after)):
        here, seen = (one.project(HEAD_68[17:]) for one in (head(400), there))
        error = np.linalg.norm(apply(moved.at(time), here) - seen, axis=1).mean()
        assert error < 0.2 * np.linalg.norm(here - seen, axis=1).mean()


def test_a_turning_disc_stays_round_and_its_spokes_blur():
    moved = motion(head(400, roll=-8), head(400), head(400, roll=8), shutter=180)
    y, x = np.mgrid[:160, :160] + 0.5 - 80
    disc = (np.hypot(x, y) < 60).astype(np.float32)
    spoke = ((np.abs(y) < 1.5) & (x > 0)).astype(np.float32)
    smeared = smear(np.stack([disc, spoke], axis=-1), moved, (320, 220))
    away = np.abs(np.hypot(x, y) - 60) > 3
    np.testing.assert_allclose(smeared[..., 0][away], disc[away], atol=0.02)
    # 4 degrees on the frame: a spoke two pixels wide covers 0.07 * r pixels more at radius r.
    column = smeared[:, 80 + 60, 1]
    assert column.sum() == pytest.approx(2, rel=0.03)
    assert (column > 0.3).sum() == pytest.approx(60.5 * np.radians(4) + 1, abs=2)


def test_what_stands_still_keeps_its_bits():
    picture = np.random.default_rng(1).random((30, 30, 4)).astype(np.float32)
    assert smear(picture, motion(head(400), head(400), head(400), shutter=180)) is picture
    assert smear(picture, motion(head(390), head(400), head(410), shutter=0)) is picture


def test_a_little_more_motion_blurs_a_little_more():
    picture = np.random.default_rng(2).random((40, 40, 1)).astype(np.float32)
    widths = np.linspace(0, 6, 121)
    steps = [smear(picture, Motion(np.array([[0, 0, width], [0, 0, 0]]), 1.0)) for width in widths]
    for one, following in pairwise(steps):
        assert np.abs(one - following).mean() < 0.1


def test_premultiplied_colour_and_matte_move_together():
    moved = motion(head(385), head(400), head(415), shutter=180)
    matte = np.zeros((60, 60, 1), np.float32)
    matte[20:40, 20:40] = 1
    colour = np.full((60, 60, 3), (0.3, 2.0, 40.0), np.float32)
    smeared = smear(np.concatenate([colour * matte, matte], axis=-1), moved, (370, 270))
    seen = smeared[..., 3] > 0.05
    straight = smeared[..., :3][seen] / smeared[..., 3:][seen]
    np.testing.assert_allclose(straight, np.broadcast_to((0.3, 2.0, 40.0), straight.shape), rtol=1e-3)


def test_a_very_long_way_is_seen_in_longer_steps(monkeypatch):
    seen = []
    plain = cv2.warpAffine
    monkeypatch.setattr(cv2, "warpAffine", lambda *rest, **more: seen.append(rest[1]) or plain(*rest, **more))
    picture = np.random.default_rng(3).random((50, 50, 1)).astype(np.float32)
    smeared = smear(picture, Motion(np.array([[0, 0, 4000.0], [0, 0, 0]]), 0.5))
    assert len(seen) == MOST_STEPS and np.isfinite(smeared).all()
