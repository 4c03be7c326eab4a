"""How fast this machine extracts, trains and converts, and where the time goes."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any

import torch

from understudy.bench.conversion import convert
from understudy.bench.extraction import faces
from understudy.bench.rendering import render
from understudy.bench.training import train
from understudy.errors import UsageError
from understudy.events import Events
from understudy.model.device import choose_device
from understudy.settings import BenchSettings
from understudy.stages.demo import SAMPLE

MEASURES: dict[str, Callable[..., dict[str, Any]]] = {
    "faces": faces.measure,
    "train": train.measure,
    "convert": convert.measure,
    "render": render.measure,
}
"""Each takes events and the folder of a sample; that of conversion a model too, and that of rendering several folders
and how they are judged."""


def run(settings: BenchSettings, events: Events) -> dict[str, Any]:
    """Measure what ``settings`` names on the bundled sample, or others.

    Returns ``machine`` and one group of figures for each measurement. Shares are parts of a measurement's wall time,
    0..1; they and ``against_exr`` are ratios taken side by side, and are what to compare between machines. Raises
    UsageError for options that the measurement has no use for.
    """
    _check(settings)
    wanted = list(MEASURES) if settings.what == "all" else [settings.what]
    samples = settings.sample or [SAMPLE]
    judges = render.Judges(settings.colour_space, settings.recogniser, settings.pack)
    report: dict[str, Any] = {"machine": _machine()}
    for name in wanted:
        events.raise_if_stopping()
        within = events.within(name)
        if name == "render":
            report[name] = MEASURES[name](within, samples, judges)
        else:
            more = {"model": settings.model} if name == "convert" else {}
            report[name] = MEASURES[name](within, samples[0], **more)
    return report


def _check(settings: BenchSettings) -> None:
    if settings.what not in ("all", "convert") and settings.model is not None:
        raise UsageError("--model is measured with conversion alone.", "Leave it out, or bench convert.")
    if settings.what == "render":
        return
    if len(settings.sample) > 1:
        raise UsageError("Several samples are measured by bench render alone.", "Name one --sample.")
    for_render = {
        "--colour-space": settings.colour_space is not None,
        "--recogniser": settings.recogniser != "auto",
        "--pack": settings.pack is not None,
    }
    if settings.what != "all" and (given := [name for name, is_set in for_render.items() if is_set]):
        raise UsageError(f"{given[0]} is for bench render.", "Leave it out.")


def _machine() -> dict[str, Any]:
    """What kind of machine this is; nothing that names it."""
    device = choose_device("auto")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "vector_units": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    }
