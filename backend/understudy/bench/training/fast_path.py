"""What the fast path of training gains on CUDA, and how much of the GPU it uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from understudy.bench.training.footage import BenchFootage
from understudy.bench.training.learning import MOMENT, timed
from understudy.events import Events
from understudy.model.network import Architecture
from understudy.training.run.precision import Precision

SIDE = 8192
"""Of the matrices whose products tell the device's rate."""


def product_rate(device: torch.device, events: Events, seconds: float) -> float:
    """Tera floating-point operations a second of products of large bfloat16 matrices on ``device``, a CUDA device."""
    one, other = (torch.randn(SIDE, SIDE, device=device, dtype=torch.bfloat16) for _ in range(2))
    taken = timed(lambda: torch.mm(one, other), device, events, seconds)
    return 2 * SIDE**3 / taken.per_step / 1e12


def measure_fast_path(
    footage: BenchFootage, architecture: Architecture, fast: dict[str, Any], rate: float, events: Events, seconds: float
) -> dict[str, Any]:
    """Train the same network in plain float32, without compilation or TensorFloat-32, and compare.

    ``fast`` is what :func:`~understudy.bench.training.learning.measure_learning` told of the fast path, with its
    ``batch``, and ``rate`` is :func:`product_rate`. Returns ``plain_examples_per_second``, ``fast_ratio`` (the fast path's
    speed as a multiple of it) and ``product_share``: the fast path's operations a second as a part of ``rate``.
    """
    trainer = footage.trainer(architecture, fast["batch"], precision=Precision.plain())
    with whole_float32():
        plain = timed(lambda: trainer.step(MOMENT), footage.device, events, seconds)
    per_second = 2 * fast["batch"] / plain.per_step
    return {
        "plain_examples_per_second": per_second,
        "fast_ratio": fast["examples_per_second"] / per_second,
        "product_share": fast["tflop_per_step"] * fast["steps"] / fast["seconds"] / rate,
    }


@contextmanager
def whole_float32() -> Iterator[None]:
    """No TensorFloat-32 in products and convolutions of float32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=torch.backends.cudnn.benchmark, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
