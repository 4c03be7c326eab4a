from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import understudy
from understudy.bench.conversion import colours
from understudy.convert.colour_match import Method
from understudy.events import Events
from understudy.review.truth import read_truth
from understudy.settings import ConversionOptions

SAMPLE = Path(understudy.__file__).parent / "sample"


def test_every_match_brings_the_wrong_light_back(monkeypatch):
    pytest.importorskip("mediapipe")
    monkeypatch.setattr(colours, "WARM_FRAMES", "1001")
    monkeypatch.setattr(colours, "read_truth", lambda path: read_truth(path)[::8])
    told = colours.measure(Events(), SAMPLE)
    assert told["frames"] == 3
    assert told["unmatched"] > 6
    assert set(told["methods"]) == set(get_args(Method)) - {"none"}
    for by_space in told["methods"].values():
        assert set(by_space) == {"log", "linear"}
        assert by_space["log"]["matched"] < 0.5 * told["unmatched"]
        assert all(figures["relit"] < 0.4 * told["unmatched"] for figures in by_space.values())
    default = told["default"]
    options = ConversionOptions()
    assert default["method"] == options.colour_match and default["space"] == options.colour_encoding
    assert options.relight == 1.0
    assert default["de2000"] == told["methods"][default["method"]][default["space"]]["relit"]
    assert default["ratio"] == pytest.approx(default["de2000"] / told["unmatched"]) and default["ratio"] < 0.5
    assert told["still"]["shot"] == 0
    assert 0 < told["still"]["window"] < 1e-3
