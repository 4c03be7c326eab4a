"""The broad light of one picture on another: taken over where it is light, and left where it is skin."""

from __future__ import annotations

import numpy as np
import pytest
from understudy.rendering.broad_light import lit_as, spread_out
from understudy.rendering.light import Relight

SIDE, UNIT = 160, 60.0
COLUMN = np.linspace(-1, 1, SIDE, dtype=np.float32)[None, :, None]
SKIN = np.ones((SIDE, SIDE), np.float32)


def flat(value: float) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), value, np.float32)


def test_the_same_light_changes_nothing():
    face = np.random.default_rng(0).uniform(0.1, 0.5, (SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_allclose(lit_as(face, face, SKIN, UNIT, Relight(), 0.0), face, rtol=1e-5)
    assert lit_as(face, flat(0.9), SKIN, UNIT, Relight(broad=0), 0.0) is face


def test_a_fall_off_across_the_face_is_taken_over():
    face, wanted = flat(0.3), flat(0.3) * np.exp(0.6 * COLUMN)
    result = lit_as(face, wanted, SKIN, UNIT, Relight(), 0.0)
    inner = slice(20, -20)
    before = np.abs(np.log(face / wanted))[inner, inner].mean()
    after = np.abs(np.log(result / wanted))[inner, inner].mean()
    assert after < 0.1 * before
    half = lit_as(face, wanted, SKIN, UNIT, Relight(broad=0.5), 0.0)
    assert np.abs(np.log(half / wanted))[inner, inner].mean() == pytest.approx(0.5 * before, rel=0.25)


def test_detail_stays_the_faces_own():
    rng = np.random.default_rng(1)
    own, other = (np.exp(rng.normal(0, 0.2, (SIDE, SIDE, 1))).astype(np.float32) for _ in range(2))
    result = lit_as(flat(0.3) * own, flat(0.4) * other, SKIN, UNIT, Relight(), 0.0)
    left = np.log(result[..., 0])
    assert np.corrcoef(left.ravel(), np.log(own).ravel())[0, 1] > 0.98
    assert abs(np.corrcoef(left.ravel(), np.log(other).ravel())[0, 1]) < 0.15


def test_a_finer_reach_takes_over_a_finer_shadow():
    face, wanted = flat(0.3), flat(0.3) * np.exp(0.3 * np.sin(20 * COLUMN)).astype(np.float32)
    off = [
        np.abs(lit_as(face, wanted, SKIN, UNIT, Relight(reach=reach), 0.0) - wanted).mean()
        for reach in (0.3, 0.1, 0.03)
    ]
    assert off[0] > off[1] > off[2]


def test_a_shadow_of_hard_light_is_taken_over_to_its_edge():
    face, wanted = flat(0.3), flat(0.3)
    wanted[:, SIDE // 2 :] *= np.float32(np.exp(-1))
    off = [np.abs(np.log(lit_as(face, wanted, SKIN, UNIT, Relight(), hardness) / wanted)) for hardness in (0.0, 1.0)]
    near = slice(SIDE // 2 - 4, SIDE // 2 + 4)
    assert off[1][:, near].mean() < 0.8 * off[0][:, near].mean() and off[1].mean() < 0.8 * off[0].mean()


def test_what_is_not_plain_skin_does_not_matter():
    skin = SKIN.copy()
    skin[60:90, 60:100] = 0
    face, wanted = flat(0.3), flat(0.3) * np.exp(0.4 * COLUMN)
    covered = wanted.copy()
    covered[60:90, 60:100] = (0.0, 5.0, 0.0)
    one, two = (lit_as(face, lit, skin, UNIT, Relight(), 0.0) for lit in (wanted, covered))
    np.testing.assert_array_equal(one, two)
    hole = np.abs(np.log(one / wanted))[60:90, 60:100]
    assert hole.mean() < 0.08  # filled in from around it


def test_without_any_skin_the_face_stays_and_stays_finite():
    result = lit_as(flat(0.3), flat(0.9), np.zeros_like(SKIN), UNIT, Relight(), 0.0)
    np.testing.assert_allclose(result, 0.3, rtol=1e-4)


@pytest.mark.parametrize("sigma", [2.0, 30.0])
def test_what_is_the_same_everywhere_is_spread_as_it_is(sigma):
    seen = np.zeros((SIDE, SIDE), np.float32)
    seen[40:120, 40:120] = 1
    spread = spread_out(flat(0.7), seen, sigma)
    np.testing.assert_allclose(spread[50:110, 50:110], 0.7, rtol=0.02)
    assert spread.max() < 0.72 and spread.min() >= -1e-6
