from __future__ import annotations

import pytest
from understudy.training.schedule import Budget, pair_factor, rate_factor


def test_whichever_limit_is_nearer_ends_the_training():
    both = Budget(1000, 10.0, None)
    assert both.progress(100, 9.0) == pytest.approx(0.9)
    assert both.progress(950, 1.0) == pytest.approx(0.95)
    assert both.spent(999, 9.9, 0) is None
    assert "1000 iterations" in both.spent(1000, 0, 0) and "10 minutes" in both.spent(0, 10.0, 0)
    assert "500 steps" in Budget(None, None, 500).spent(9000, 99, 500)
    assert Budget(None, None, 500).spent(9000, 99, 499) is None


def test_the_rate_rises_then_falls_and_never_ends():
    assert rate_factor(0, 0.0) < 0.1
    assert rate_factor(500, 0.0) == pytest.approx(1.0)
    falling = [rate_factor(500, progress / 10) for progress in range(11)]
    assert falling == sorted(falling, reverse=True) and falling[-1] > 0
    assert pair_factor(0.0) == pytest.approx(1.0) and 0 < pair_factor(1.0) < 0.5
