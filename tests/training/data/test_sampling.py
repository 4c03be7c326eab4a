from __future__ import annotations

import numpy as np
import torch
from understudy.training.data.random_draws import BatchRandom
from understudy.training.data.sampling import RAREST, evenness


def skewed(count: int = 3000) -> np.ndarray:
    """Yaw and pitch of a talking head: mostly frontal, now and then anything up to 60 degrees to either side."""
    rng = np.random.default_rng(0)
    frontal = rng.random(count) < 0.7
    yaw = np.where(frontal, rng.normal(0, 8, count), rng.uniform(-60, 60, count)).clip(-60, 60)
    return np.stack([yaw, rng.normal(0, 1, count)], axis=1)


def test_drawn_faces_are_spread_evenly_over_yaw():
    angles = skewed()
    chosen = BatchRandom(0, torch.device("cpu")).choose(evenness(angles), 40_000)
    before, after = (np.histogram(yaw, bins=10, range=(-60, 60))[0] for yaw in (angles[:, 0], angles[chosen, 0]))
    assert before.max() / before.min() > 8
    assert after.max() / after.min() < 1.7


def test_pitch_counts_like_yaw():
    weights = evenness(skewed()[:, ::-1])
    assert np.allclose(weights.mean(), 1)
    np.testing.assert_allclose(np.sort(weights), np.sort(evenness(skewed())), rtol=1e-6)


def test_no_face_is_drawn_again_and_again():
    angles = np.concatenate([np.random.default_rng(0).normal(0, 3, (400, 2)), [[80.0, 0.0], [-75.0, 10.0]]])
    weights = evenness(angles)
    assert weights[-2:].min() > 0.9 * RAREST and weights.max() < RAREST * 1.01 and abs(weights.mean() - 1) < 1e-9
    assert np.array_equal(evenness(angles), weights)


def test_few_faces_have_even_weights_too():
    assert evenness(np.array([[12.0, 3.0]])).tolist() == [1.0]
    np.testing.assert_allclose(evenness(np.array([[-40.0, 0.0], [40.0, 0.0]])), [1, 1])
