from __future__ import annotations

import torch
from understudy.training.variation import Random

CPU = torch.device("cpu")


def test_processes_share_what_one_would_draw():
    alone, first, second = Random(3, CPU), Random(3, CPU, 0, 2), Random(3, CPU, 1, 2)
    weights = torch.rand(9)
    for draw in (
        lambda dice, count: dice.normal(count, 2),
        lambda dice, count: dice.uniform(count, 3, 1),
        lambda dice, count: dice.grain(count, 4),
        lambda dice, count: dice.integers(50, count),
        lambda dice, count: dice.choose(weights, count),
    ):
        whole, parts = draw(alone, 8), [draw(dice, 4) for dice in (first, second)]
        assert torch.equal(whole[0::2], parts[0]) and torch.equal(whole[1::2], parts[1])
    assert torch.equal(alone.generator.get_state(), second.generator.get_state())


def test_choices_are_as_likely_as_they_weigh():
    drawn = Random(0, CPU).choose(torch.tensor([1.0, 0.0, 3.0]), 40_000)
    share = torch.bincount(drawn, minlength=3) / len(drawn)
    assert torch.allclose(share, torch.tensor([0.25, 0.0, 0.75]), atol=0.01)


def test_grain_is_normal_and_never_the_same_twice():
    dice = Random(0, CPU)
    one, two = dice.grain(2, 100, 100), dice.grain(2, 100, 100)
    assert abs(float(one.mean())) < 0.03 and abs(float(one.std()) - 1) < 0.03
    assert abs(float((one * two).mean())) < 0.03
