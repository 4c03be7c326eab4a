"""Trainers of a tiny network on drawn people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from made_people import TINY
from understudy.model.families import build
from understudy.model.network import Architecture
from understudy.settings import TrainingOptions
from understudy.training.data.dataset import Side
from understudy.training.presets import PRESETS, recipe
from understudy.training.run.trainer import Trainer

CPU = torch.device("cpu")


def trainer(
    sides: Mapping[str, Side], arch: Architecture = TINY, rate: float = 2e-3, preset: str = "cpu", **options: Any
) -> Trainer:
    """The ``preset`` with ``options``, and a network that is the same every time."""
    torch.manual_seed(0)
    network = build(arch)
    network.start({name: side.mean_face() for name, side in sides.items()})
    made = recipe(TrainingOptions(**{"batch": 2, "learning_rate": rate, **options}), PRESETS[preset])
    return Trainer(network, sides, made, device=CPU)
