from __future__ import annotations

import numpy as np
import pytest
from understudy.bench.conversion import grain as bench_grain
from understudy.convert.finish.grain import Grain
from understudy.errors import Interrupted
from understudy.events import Events
from understudy.stages.demo import SAMPLE


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(bench_grain, "FRAMES", 2)
    monkeypatch.setattr(bench_grain, "STILL", 6)
    return lambda: bench_grain.measure(Events(), SAMPLE)


def test_the_grain_that_is_laid_is_the_plates(told):
    report = told()
    assert report["clean"] < 0.003
    for kind in ("white", "coarse"):
        assert report[kind]["variance"] == pytest.approx(1, abs=0.15)
    assert max(abs(report["white"][name]) for name in ("correlation_1", "correlation_2")) < 0.05
    assert report["coarse"]["correlation_1"] == pytest.approx(1, abs=0.15)
    assert report["coarse"]["correlation_2"] == pytest.approx(1, abs=0.15)
    assert report["still"] == pytest.approx(1, abs=0.05)


def test_grain_of_another_strength_and_coarseness_shows_in_the_figures(told, monkeypatch):
    white = Grain.none().correlation
    law = np.diag([0.02**2, 0, 0])[:1].repeat(3, 0)  # so strong only in light of 1
    strange = Grain(law, np.tile([0.0, 1.0], (3, 1)), white)
    monkeypatch.setattr(bench_grain, "measure_grain", lambda pictures: strange)
    report = told()
    assert report["white"]["variance"] > 3 and report["still"] > 1.5
    assert abs(report["coarse"]["correlation_1"]) < 0.05


def test_a_stop_is_heeded():
    with pytest.raises(Interrupted):
        bench_grain.measure(Events(stop=lambda: True), SAMPLE)
