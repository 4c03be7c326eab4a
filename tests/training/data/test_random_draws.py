from __future__ import annotations

import numpy as np
import pytest
import torch
from made_dice import thrown
from understudy.training.data.random_draws import BatchRandom, Draws

CPU = torch.device("cpu")


def test_processes_share_what_one_would_throw():
    alone, first, second = BatchRandom(3, CPU), BatchRandom(3, CPU, 0, 2), BatchRandom(3, CPU, 1, 2)
    weights = np.random.default_rng(0).random(9)
    for draw in (
        lambda dice, count: dice.throw(count).normal(2),
        lambda dice, count: dice.throw(count).uniform(3, 1),
        lambda dice, count: dice.throw(count, grain=4).grain,
        lambda dice, count: dice.integers(50, count),
        lambda dice, count: dice.choose(weights, count),
    ):
        whole, parts = draw(alone, 8), [draw(dice, 4) for dice in (first, second)]
        assert torch.equal(whole[0::2], parts[0]) and torch.equal(whole[1::2], parts[1])
    assert torch.equal(alone.generator.get_state(), second.generator.get_state())


def test_numbers_are_handed_out_in_turn_each_once():
    normals, uniforms = torch.arange(12.0).view(2, 6), torch.arange(8.0).view(2, 4) / 8
    dice = Draws(normals, uniforms)
    assert (dice.count, dice.device) == (2, CPU)
    assert dice.normal().tolist() == [0, 6] and dice.normal(2, 1).tolist() == [[[1], [2]], [[7], [8]]]
    assert torch.equal(dice.uniform(1, 2), uniforms[:, None, :2]) and torch.equal(dice.normal(3), normals[:, 3:])
    with pytest.raises(AssertionError, match="fewer numbers were thrown"):
        dice.normal(1)
    with pytest.raises(AssertionError, match="no grain"):
        _ = dice.grain


def test_numbers_are_of_their_kind():
    dice = thrown(0, 4000)
    normals, uniforms = dice.normal(20), dice.uniform(20)
    assert abs(float(normals.mean())) < 0.02 and abs(float(normals.std()) - 1) < 0.02
    assert 0 <= float(uniforms.min()) < 0.001 and 0.999 < float(uniforms.max()) < 1
    assert abs(float(uniforms.mean()) - 0.5) < 0.01
    assert float(torch.corrcoef(torch.cat([normals, uniforms], dim=1).T).fill_diagonal_(0).abs().max()) < 0.08


def test_choices_are_as_likely_as_they_weigh():
    drawn = BatchRandom(0, CPU).choose(np.array([1.0, 0.0, 3.0, 0.0]), 40_000)
    share = torch.bincount(drawn, minlength=4) / len(drawn)
    assert torch.allclose(share, torch.tensor([0.25, 0.0, 0.75, 0.0]), atol=0.01)


def test_grain_is_normal_and_never_the_same_twice():
    dice = BatchRandom(0, CPU)
    one, two = (dice.throw(2, grain=100).grain for _ in range(2))
    assert abs(float(one.mean())) < 0.03 and abs(float(one.std()) - 1) < 0.03
    assert abs(float((one * two).mean())) < 0.03
