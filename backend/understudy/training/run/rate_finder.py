"""A learning rate by trial: raise it until learning falls apart, and stay well below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import Interrupted
from understudy.events import Events
from understudy.plate.files import atomic_path
from understudy.training.output.checkpoint import Checkpoint
from understudy.training.run.schedule import StepSchedule
from understudy.training.run.trainer import Trainer

FILE = "rate.png"

LOWEST, HIGHEST, STEPS = 1e-6, 1e-1, 120

SMOOTH = 0.9
"""How much of the loss so far goes into the next point: single steps tell little."""

APART = 3.0
"""Loss against the lowest so far at which the trial ends."""

SETTLED = 10
"""Steps after which the smoothed loss no longer hangs on the first few, which may be lucky."""

BRINK = 1.1
"""Loss against the lowest of all that is still no sign of falling apart, but noise."""

BELOW = 0.1
"""The chosen rate against the one at the brink."""


@dataclass(frozen=True)
class RateTrial:
    """What was tried, and what came of it."""

    rates: Sequence[float]
    losses: Sequence[float]  # smoothed
    chosen: float


def find_rate(trainer: Trainer, events: Events) -> RateTrial:
    """Train a little with a rate that rises evenly on a logarithmic scale; the trainer is then as it was before.

    After Smith, "Cyclical learning rates for training neural networks", 2017: the loss falls, then rises steeply; a tenth
    of the rate at which it begins to rise is chosen. All processes of a group have to call it together. Raises Interrupted.
    """
    before = trainer.checkpoint({})
    kept = Checkpoint({name: value.detach().clone() for name, value in before.tensors.items()}, before.numbers)
    rates: list[float] = []
    losses: list[float] = []
    running = 0.0
    for index in range(STEPS):
        if trainer.group.any(events.stopping):
            raise Interrupted("The search for a learning rate was stopped on request.", "Run it again to begin anew.")
        rate = LOWEST * (HIGHEST / LOWEST) ** (index / (STEPS - 1))
        loss = float(trainer.step(StepSchedule(rate=rate / trainer.recipe.learning_rate))[-1])
        (loss,) = trainer.group.agree([loss])
        if not math.isfinite(loss):
            break
        running = SMOOTH * running + (1 - SMOOTH) * loss
        rates.append(rate)
        losses.append(running / (1 - SMOOTH ** (index + 1)))
        events.progress(index + 1, STEPS, "steps", f"rate {rate:.1e}, loss {losses[-1]:.4f}")
        if losses[-1] > APART * min(losses[SETTLED:], default=math.inf):
            break
    trainer.restore(kept)
    return RateTrial(rates, losses, choose(rates, losses))


def choose(rates: Sequence[float], losses: Sequence[float]) -> float:
    """A tenth of the highest rate at which the loss is still about as low as anywhere; at least the lowest rate."""
    told = list(zip(rates, losses, strict=True))[SETTLED:]
    lowest = min((loss for _, loss in told), default=0.0)
    sound = [rate for rate, loss in told if loss <= BRINK * lowest]
    return max(LOWEST, BELOW * max(sound, default=LOWEST))


def draw_trial(path: Path, trial: RateTrial) -> None:
    """A picture of the loss over the rate, the chosen one marked. Raises :class:`OutputError`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(trial.rates, trial.losses)
    axes.axvline(trial.chosen, color="0.4", linestyle="--", label=f"chosen: {trial.chosen:.1e}")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss, smoothed")
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
