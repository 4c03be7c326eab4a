"""Sizes of model and training that are known to work together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from understudy.model.network import Architecture
from understudy.model.quick import large, small


@dataclass(frozen=True)
class Preset:
    """What a new training takes where its settings leave a choice open."""

    architecture: Callable[[int], Architecture]
    resolution: int
    batch: int
    learning_rate: float
    iterations: int  # the budget when no limit is set


PRESETS = {
    "cpu": Preset(small, resolution=64, batch=8, learning_rate=1e-3, iterations=4_000),
    "gpu": Preset(large, resolution=256, batch=16, learning_rate=2e-4, iterations=60_000),
}
