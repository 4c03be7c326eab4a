from __future__ import annotations

import math

from understudy.training.run.divergence import DivergenceGuard

GOOD = {"psnr": 25.0, "ssim": 0.8, "loss": 0.2}


def test_losses_have_to_be_numbers():
    health = DivergenceGuard()
    assert health.trouble_with_losses(40, [0.1, 0.2]) is None
    assert "step 40" in health.trouble_with_losses(40, [0.1, math.nan])
    assert health.trouble_with_losses(40, [math.inf]) is not None


def test_only_a_deep_fall_is_a_collapse():
    health = DivergenceGuard()
    assert health.trouble_with_figures(5, {**GOOD, "psnr": 3.0}) is None, "there was nothing better yet"
    health.note(10, GOOD)
    assert health.trouble_with_figures(20, {**GOOD, "psnr": 19.1}) is None
    assert "18.9 dB, from 25.0 dB" in health.trouble_with_figures(20, {**GOOD, "psnr": 18.9})
    assert "no longer a picture" in health.trouble_with_figures(20, {**GOOD, "ssim": math.nan})


def test_what_becomes_better_forgives_falls_but_stays_slow():
    health = DivergenceGuard()
    health.note(10, GOOD)
    health.fallen(1, 1.0)
    health.note(20, GOOD)
    assert (health.best_step, health.falls, health.slowed) == (10, 1, 0.5), "as good is not better"
    health.note(30, {**GOOD, "ssim": 0.81})
    assert (health.best_step, health.falls, health.slowed) == (30, 0, 0.5)
    assert DivergenceGuard.from_json(health.to_json()) == health
