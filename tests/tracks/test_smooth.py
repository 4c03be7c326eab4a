from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from made_skin import degrees_apart, turning
from understudy.face.geometry import Head
from understudy.tracks.smooth import smoothed, smoothed_heads

RANDOM = np.random.default_rng(11)


def test_it_is_the_penalised_least_squares_that_it_says() -> None:
    values, weights = RANDOM.normal(0, 5, (30, 2)), RANDOM.uniform(0.1, 1, 30)
    bend = np.diff(np.eye(30), n=2, axis=0)
    for strength in (0.5, 2.0, 6.0):
        dense = np.linalg.solve(np.diag(weights) + strength**4 * bend.T @ bend, np.diag(weights) @ values)
        assert smoothed(values, weights, strength) == pytest.approx(dense, abs=1e-8)


def test_straight_motion_stays_and_what_has_no_weight_is_bridged() -> None:
    line = np.column_stack([np.arange(20.0) * 3 - 7, 5 - np.arange(20.0)])
    wild, weights = line.copy(), np.ones(20)
    wild[6:11], weights[6:11] = 900.0, 0.0
    assert smoothed(line, np.ones(20), 8.0) == pytest.approx(line, abs=1e-6)
    assert smoothed(wild, weights, 8.0) == pytest.approx(line, abs=0.5)


@pytest.mark.parametrize("strength", [0.7, 1.5, 4.0])
def test_a_wave_is_weakened_by_the_closed_form_and_not_delayed(strength: float) -> None:
    time, frequency = np.arange(400), 0.4
    gain = 1 / (1 + strength**4 * (2 - 2 * np.cos(frequency)) ** 2)
    calm = smoothed(np.sin(frequency * time)[:, None], np.ones(400), strength)[:, 0]
    assert calm[100:300] == pytest.approx(gain * np.sin(frequency * time)[100:300], abs=1e-4)


def test_noise_falls_with_the_strength_and_the_motion_does_not_lag() -> None:
    motion = 40 * np.sin(np.arange(120) / 9)
    noisy = motion + RANDOM.normal(0, 2, 120)
    rough = []
    for strength in (0.0, 0.5, 1.0, 2.0, 4.0):
        calm = smoothed(noisy[:, None], np.ones(120), strength)[:, 0]
        rough.append(np.abs(np.diff(calm, n=2)).mean())
        shifted = [np.dot(calm[10:-10], np.roll(motion, lag)[10:-10]) for lag in range(-5, 6)]
        assert np.argmax(shifted) == 5  # no lag
    assert all(after < before for before, after in pairwise(rough))
    forwards = smoothed(noisy[:, None], np.ones(120), 3.0)
    assert smoothed(noisy[::-1, None], np.ones(120), 3.0)[::-1] == pytest.approx(forwards, abs=1e-9)


def test_off_and_too_short_change_nothing() -> None:
    values = RANDOM.normal(0, 1, (9, 3))
    assert np.array_equal(smoothed(values, np.ones(9), 0.0), values)
    assert np.array_equal(smoothed(values[:2], np.ones(2), 5.0), values[:2])
    heads = turning(6)
    assert smoothed_heads(heads, np.ones(6), 0.0) == heads


def test_a_shaking_head_is_steadied_and_stays_a_head() -> None:
    true = turning(40, -60, 60)
    shaken = []
    for head in true:
        x, y, z = np.radians(RANDOM.normal(0, 1.5, 3))
        twist = np.array([[1, -z, y], [z, 1, -x], [-y, x, 1]])
        left, _, right = np.linalg.svd(twist @ head.rotation)
        grown = head.scale * np.exp(RANDOM.normal(0, 0.02))
        shaken.append(Head(grown, left @ right, head.offset + RANDOM.normal(0, 2, 2), 0.0, head.camera))
    calm = smoothed_heads(shaken, np.ones(40), 2.0)
    before = np.mean([degrees_apart(one, other) for one, other in zip(shaken, true, strict=True)])
    after = np.mean([degrees_apart(one, other) for one, other in zip(calm, true, strict=True)])
    assert after < 0.6 * before
    for head in calm:
        assert head.rotation @ head.rotation.T == pytest.approx(np.eye(3), abs=1e-9)
        assert head.camera == true[0].camera


def test_a_head_that_rolls_all_the_way_round_is_not_unwound() -> None:
    turns = np.radians(np.arange(0, 720, 20.0))
    spins = [np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) for a in turns]
    heads = [Head(100.0, spin, np.zeros(2), 0.0) for spin in spins]
    for one, other in zip(smoothed_heads(heads, np.ones(len(heads)), 1.0)[4:-4], heads[4:-4], strict=True):
        assert degrees_apart(one, other) < 0.5
