"""One network's training on this machine: how fast it goes, what it needs, and how much of it is not the network."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from understudy.bench.training.memory import peak_memory
from understudy.events import Events
from understudy.model.network import parameter_count
from understudy.stopwatch import Stopwatch
from understudy.training.output.metrics_log import MetricsLog
from understudy.training.run.schedule import StepSchedule
from understudy.training.run.trainer import Trainer
from understudy.training.session import LOG_EVERY

LEAST_STEPS = 2

MOMENT = StepSchedule()
"""Of the training that is measured: its long first phase, with faces warped and without a critic."""


@dataclass(frozen=True)
class Timed:
    """A stretch of steps."""

    steps: int
    seconds: float

    @property
    def per_step(self) -> float:
        return self.seconds / self.steps


def measure_learning(trainer: Trainer, log: MetricsLog, events: Events, seconds: float) -> dict[str, Any]:
    """Train for about ``seconds`` and tell what it takes.

    Returns ``weights`` (their number), ``steps``, ``seconds``, ``examples_per_second`` (faces of both sides),
    ``shares`` (part of the loop's wall time: ``networks`` for forward, losses, backward and the optimiser, ``data`` for
    choosing and varying faces, ``logging``, ``other``), ``outside_networks``, ``peak_memory`` in bytes (None on a device
    that does not tell) and ``tflop_per_step`` (products of matrices and convolutions, forwards and backwards).
    Shares are taken with the device waited for after each part, speed without. ``outside_networks`` is what the loop
    would save without all but the networks: on a processor their share; on a device that computes while the host goes
    on, the part of a step's time that is not needed to learn from the same faces again and again.
    Previews and checkpoints are not in it: they are far apart.
    """
    device = trainer.device
    tflop = count_tflop(trainer)
    warm_up(lambda: trainer.step(MOMENT), device)
    trainer.optimiser.zero_grad(set_to_none=True)
    memory = peak_memory(lambda: trainer.step(MOMENT), held_tensors(trainer), device)
    apart = Stopwatch()
    whole = learn(trainer, log, events, seconds, apart, waiting=True)
    shares = apart.shares()
    outside = 1.0 - shares["networks"]
    if device.type != "cpu":  # where waiting takes the overlap away
        whole = learn(trainer, log, events, seconds, Stopwatch(), waiting=False)
        draw = trainer.draw(MOMENT)
        again = timed(lambda: trainer.learn(draw, MOMENT), device, events, seconds)
        outside = max(0.0, 1.0 - again.per_step / whole.per_step)
    return {
        "weights": parameter_count(trainer.network),
        "steps": whole.steps,
        "seconds": whole.seconds,
        "examples_per_second": 2 * trainer.recipe.batch / whole.per_step,
        "shares": shares,
        "outside_networks": outside,
        "peak_memory": memory,
        "tflop_per_step": tflop,
    }


def learn(
    trainer: Trainer, log: MetricsLog, events: Events, seconds: float, watch: Stopwatch, *, waiting: bool
) -> Timed:
    """The training loop, part by part, for ``seconds``; ``waiting`` for the device after each part."""
    device = trainer.device if waiting else torch.device("cpu")  # for which nobody has to wait
    pending: list[torch.Tensor] = []
    start, steps = perf_counter(), 0
    with watch.running():
        while steps < LEAST_STEPS or perf_counter() - start < seconds:
            events.raise_if_stopping()
            with part(watch, "data", device):
                draw = trainer.draw(MOMENT)
            with part(watch, "networks", device):
                pending.append(trainer.learn(draw, MOMENT))
            steps += 1
            if steps % LOG_EVERY == 0:
                with watch.part("logging"):
                    loss = torch.stack(pending).mean(0).tolist()[-1]
                    pending.clear()
                    log.append({"step": trainer.step_count, "loss": loss})
                    events.progress(steps, None, "steps", f"loss {loss:.4f}")
        settle(trainer.device)
    return Timed(steps, watch.wall)


def timed(step: Callable[[], object], device: torch.device, events: Events, seconds: float) -> Timed:
    """``step`` again and again for ``seconds``, warmed up, as fast as it goes."""
    warm_up(step, device)
    start, steps = perf_counter(), 0
    while steps < LEAST_STEPS or perf_counter() - start < seconds:
        events.raise_if_stopping()
        step()
        steps += 1
    settle(device)
    return Timed(steps, perf_counter() - start)


def warm_up(step: Callable[[], object], device: torch.device, seconds: float = 1.0) -> None:
    """Steps before the clock runs: the first ones choose kernels and find memory."""
    start = perf_counter()
    while perf_counter() - start < seconds:
        step()
        settle(device)


def count_tflop(trainer: Trainer) -> float:
    """Tera floating-point operations of a step: two for each product of a matrix product or a convolution."""
    # A compiled program does not tell what it computes.
    with trainer.precision.uncompiled(), FlopCounterMode(display=False) as counter:
        trainer.step(MOMENT)
    return float(counter.get_total_flops() / 1e12)


def held_tensors(trainer: Trainer) -> list[torch.Tensor]:
    """What a training holds between two steps: weights, averages, moments and faces."""
    faces = [tensor for side in trainer.sides.values() for tensor in (side.faces.near, side.faces.far, side.held_out)]
    return [*trainer.checkpoint({}).tensors.values(), *faces]


def clear(device: torch.device) -> None:
    """Let go of what the measurement before left on ``device``."""
    if device.type == "cuda":
        torch.compiler.reset()  # compiled programs keep their networks, and only so many are made of one function
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def part(watch: Stopwatch, name: str, device: torch.device) -> Iterator[None]:
    """A part of the loop, with what ``device`` has left to do for it."""
    with watch.part(name):
        yield
        settle(device)


def settle(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
