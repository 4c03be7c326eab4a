from __future__ import annotations

import numpy as np
import pytest
import torch
from made_trainers import trainer
from understudy.errors import Interrupted
from understudy.events import Events
from understudy.training.run.rate_finder import HIGHEST, LOWEST, RateTrial, choose, draw_trial, find_rate


def test_a_tenth_of_the_rate_at_the_brink_is_chosen():
    rates = np.geomspace(1e-6, 1e-1, 51).tolist()
    falls_and_rises = [1 + abs(index - 40) / 45 for index in range(51)]
    assert choose(rates, falls_and_rises) == pytest.approx(rates[44] / 10)
    flat_then_rises = [1 + 0.05 * (index % 2) + max(0, index - 30) for index in range(51)]
    assert choose(rates, flat_then_rises) == pytest.approx(rates[30] / 10)
    assert choose(rates, [0.1, *flat_then_rises[1:]]) == pytest.approx(rates[30] / 10), "one lucky draw says nothing"
    assert choose(rates, [1 + index**2 for index in range(51)]) == LOWEST
    assert choose([], []) == LOWEST


def test_a_trial_finds_a_rate_that_learns_and_leaves_no_trace(sides):
    teacher, untouched = trainer(sides), trainer(sides)
    trial = find_rate(teacher, Events())
    assert LOWEST < trial.chosen < HIGHEST / 2 and len(trial.rates) == len(trial.losses)
    assert trial.rates == sorted(trial.rates)
    for name, value in teacher.network.state_dict().items():
        assert torch.equal(value, untouched.network.state_dict()[name]), name
    from understudy.training.run.schedule import StepSchedule

    assert torch.equal(teacher.step(StepSchedule()), untouched.step(StepSchedule())), "the dice are the same again"


def test_a_trial_is_drawn(tmp_path):
    draw_trial(tmp_path / "rate.png", RateTrial([1e-5, 1e-4, 1e-3], [1.0, 0.5, 2.0], 1e-5))
    assert (tmp_path / "rate.png").read_bytes()[:4] == b"\x89PNG"


def test_a_trial_can_be_stopped(sides):
    with pytest.raises(Interrupted, match="learning rate"):
        find_rate(trainer(sides), Events(stop=lambda: True))
