from __future__ import annotations

import numpy as np
import pytest
import torch
from made_trainers import trainer
from understudy.events import Events
from understudy.training.rate import HIGHEST, LOWEST, Trial, choose, draw_trial, find_rate


def test_a_tenth_of_the_rate_of_the_lowest_loss_is_chosen():
    rates = np.geomspace(1e-6, 1e-1, 51).tolist()
    losses = [1 + abs(index - 40) / 50 for index in range(51)]
    assert choose(rates, losses) == pytest.approx(rates[40] / 10)
    assert choose(rates, sorted(losses)) == LOWEST, "nothing was learnt"
    assert choose([], []) == LOWEST


def test_a_trial_finds_a_rate_that_learns_and_leaves_no_trace(sides):
    teacher, untouched = trainer(sides), trainer(sides)
    trial = find_rate(teacher, Events())
    assert LOWEST < trial.chosen < HIGHEST / 2 and len(trial.rates) == len(trial.losses)
    assert trial.rates == sorted(trial.rates)
    for name, value in teacher.network.state_dict().items():
        assert torch.equal(value, untouched.network.state_dict()[name]), name
    from understudy.training.schedule import Moment

    assert torch.equal(teacher.step(Moment()), untouched.step(Moment())), "the dice are the same again"


def test_a_trial_is_drawn(tmp_path):
    draw_trial(tmp_path / "rate.png", Trial([1e-5, 1e-4, 1e-3], [1.0, 0.5, 2.0], 1e-5))
    assert (tmp_path / "rate.png").read_bytes()[:4] == b"\x89PNG"
