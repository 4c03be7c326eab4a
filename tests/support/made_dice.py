"""Dice that a test throws."""

from __future__ import annotations

import torch
from understudy.training.data.random_draws import BatchRandom, Draws

CPU = torch.device("cpu")


def thrown(seed: int, count: int, grain: int = 0) -> Draws:
    """The same dice for ``count`` faces every time, with grain for pictures of so many pixels a side."""
    return BatchRandom(seed, CPU).throw(count, grain=grain)
