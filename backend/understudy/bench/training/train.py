"""How fast models of every family and size learn here, and how that compares with the peers' way of training."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from understudy.bench.training.against_peers import measure_against_peers
from understudy.bench.training.fast_path import measure_fast_path, product_rate
from understudy.bench.training.footage import BenchFootage, cut_footage
from understudy.bench.training.learning import clear, measure_learning
from understudy.errors import OutOfMemoryError
from understudy.events import Events
from understudy.model.device import choose_device
from understudy.model.families import FAMILIES, default_architecture
from understudy.model.network import Architecture
from understudy.training.output.metrics_log import MetricsLog


@dataclass(frozen=True)
class DevicePlan:
    """What is measured on a kind of device."""

    resolutions: tuple[int, ...]
    peers: tuple[tuple[str, int], ...]  # families and sizes that are measured against the peers' loop
    deep_batch: int  # of all families but the quick one, whose batch is 8
    longest: float  # seconds that measuring one size may be expected to take
    seconds: float = 2.0  # of each stretch of steps

    def batch(self, family: str) -> int:
        return 8 if family == "quick" else self.deep_batch


PLANS = {
    "cpu": DevicePlan((64, 128), (("quick", 64), ("df", 128)), deep_batch=4, longest=30.0),
    "gpu": DevicePlan((128, 256, 512), (("quick", 128), ("df", 128), ("liae", 256)), deep_batch=8, longest=60.0),
}

STEPS_A_SIZE = 6
"""Fewest steps that measuring a size takes on a processor; a GPU is asked for a few more."""


def measure(events: Events, sample: Path) -> dict[str, Any]:
    """Train fresh networks on ``source_B`` and ``target_A`` of the ``sample`` folder, for seconds each.

    Returns what :func:`measure_families` does, of all of them.
    """
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as temporary:
        footage = cut_footage(sample, Path(temporary), choose_device("auto"), events)
        return measure_families(FAMILIES, footage, events)


def measure_families(names: Iterable[str], footage: BenchFootage, events: Events) -> dict[str, Any]:
    """Train fresh networks of the families ``names`` on ``footage``, for seconds each.

    Returns ``families``, for each family and size that this machine can train in a sensible time ``family``,
    ``resolution``, ``batch``, what :func:`~understudy.bench.training.learning.measure_learning` tells and on CUDA what
    :func:`~understudy.bench.training.fast_path.measure_fast_path` does; ``left_out``, why larger ones were not measured;
    ``product_rate``, on CUDA the device's rate of bfloat16 products in TFLOP/s; and ``peers``, a list of what
    :func:`~understudy.bench.training.against_peers.measure_against_peers` tells.
    """
    device = footage.device
    plan = PLANS["cpu" if device.type == "cpu" else "gpu"]
    families: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    peers: list[dict[str, Any]] = []
    rate = product_rate(device, events, plan.seconds) if device.type == "cuda" else None
    for family in names:
        measured, why = _sizes(family, plan, footage, events, rate)
        families += measured
        left_out += why
    sizes = {(one["family"], one["resolution"]) for one in families}
    for family, resolution in [size for size in plan.peers if size in sizes]:
        clear(device)
        within = events.within(f"{family} {resolution} against the peers' loop")
        architecture = default_architecture(family, resolution)
        peers.append(measure_against_peers(footage, architecture, plan.batch(family), within, plan.seconds))
    return {"product_rate": rate, "families": families, "left_out": left_out, "peers": peers}


def _sizes(
    family: str, plan: DevicePlan, footage: BenchFootage, events: Events, rate: float | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The figures of ``family`` at one size after the other, and why the first that has none was left out."""
    measured: list[dict[str, Any]] = []
    for resolution in plan.resolutions:
        events.raise_if_stopping()
        case = {"family": family, "resolution": resolution, "batch": plan.batch(family)}
        if measured and (expected := _expected(measured[-1], resolution)) > plan.longest:
            return measured, [case | {"why": f"a step would take about {expected / STEPS_A_SIZE:.0f} s"}]
        within, architecture = events.within(f"{family} {resolution}"), default_architecture(family, resolution)
        clear(footage.device)
        try:
            figures = case | _learning(footage, architecture, plan, within)
            if rate is not None:
                clear(footage.device)
                figures |= measure_fast_path(footage, architecture, figures, rate, within, plan.seconds)
        except (torch.OutOfMemoryError, OutOfMemoryError):
            return measured, [case | {"why": "it does not fit into the memory"}]
        measured.append(figures)
    return measured, []


def _learning(footage: BenchFootage, architecture: Architecture, plan: DevicePlan, events: Events) -> dict[str, Any]:
    trainer = footage.trainer(architecture, plan.batch(architecture.family))
    with closing(MetricsLog(footage.folder, 0)) as log:
        return measure_learning(trainer, log, events, plan.seconds)


def _expected(smaller: dict[str, Any], resolution: int) -> float:
    """Seconds that measuring ``resolution`` takes, by what a ``smaller`` size took: as many times more as pixels."""
    return float(STEPS_A_SIZE * smaller["seconds"] / smaller["steps"] * (resolution / smaller["resolution"]) ** 2)
