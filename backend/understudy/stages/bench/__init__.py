"""How fast this machine extracts, trains and converts, and where the time goes."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any

import torch

from understudy.events import Events
from understudy.model.device import choose_device
from understudy.settings import BenchSettings
from understudy.stages.bench import convert, faces, train
from understudy.stages.demo import SAMPLE

MEASURES: dict[str, Callable[..., dict[str, Any]]] = {
    "faces": faces.measure,
    "train": train.measure,
    "convert": convert.measure,
}
"""Each takes events and the folder of a sample; that of conversion a model too."""


def run(settings: BenchSettings, events: Events) -> dict[str, Any]:
    """Measure what ``settings`` names on the bundled sample, or another.

    Returns ``machine`` and one group of figures for each measurement. Shares are parts of a measurement's wall time,
    0..1; they and ``against_exr`` are ratios taken side by side, and are what to compare between machines.
    """
    wanted = list(MEASURES) if settings.what == "all" else [settings.what]
    report: dict[str, Any] = {"machine": _machine()}
    for name in wanted:
        events.raise_if_stopping()
        more = {"model": settings.model} if name == "convert" else {}
        report[name] = MEASURES[name](events.within(name), settings.sample or SAMPLE, **more)
    return report


def _machine() -> dict[str, Any]:
    """What kind of machine this is; nothing that names it."""
    device = choose_device("auto")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "vector_units": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    }
