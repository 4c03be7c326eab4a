"""The plan of a training: its phases, when each gives way to the next, and how hard is learnt on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

WARM_UP = 50
"""Steps over which the learning rate rises from nothing."""

FLOOR = 0.05
"""Part of the peak learning rate that is left at the end."""


@dataclass(frozen=True)
class Phase:
    """A part of a training."""

    name: str
    share: float  # of the plan's time or steps, against the other phases
    warp: float = 1.0  # strength of the random warp and the exchange of shapes, against the recipe's
    adversarial: float = 0.0  # strength of the critic, against the recipe's


@dataclass(frozen=True)
class TrainingLimits:
    """What a training may take in all, earlier sittings counted; None is no limit."""

    iterations: int | None
    minutes: float | None
    plateau: int | None  # steps without progress on held-out faces after which a phase ends

    def used(self, step: int, minutes: float) -> float:
        """How much is used up, 0..1, by whichever limit is nearer; 0 without limits."""
        shares = [0.0]
        if self.iterations:
            shares.append(step / self.iterations)
        if self.minutes:
            shares.append(minutes / self.minutes)
        return min(max(shares), 1.0)


@dataclass(frozen=True)
class Position:
    """Where in its plan a training is; changes only when a phase ends."""

    phase: int = 0
    since: float = 0.0  # how much of the limits was used when the phase began
    began: int = 0  # step at which it began

    def to_json(self) -> dict[str, Any]:
        return {"phase": self.phase, "since": self.since, "began": self.began}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Position:
        return Position(int(data["phase"]), float(data["since"]), int(data["began"]))


@dataclass(frozen=True)
class StepSchedule:
    """What a position in the plan means for a step: factors on what the recipe says."""

    rate: float = 1.0
    warp: float = 1.0
    pairs: float = 1.0
    adversarial: float = 0.0


@dataclass(frozen=True)
class TrainingPlan:
    """The phases of a training within its limits.

    A phase that ends before its share is used up leaves the rest to those after it, in proportion. Without a limit of
    steps or minutes only a plateau ends a phase.
    """

    phases: Sequence[Phase]
    limits: TrainingLimits

    def phase(self, position: Position) -> Phase:
        return self.phases[min(position.phase, len(self.phases) - 1)]

    def progress(self, position: Position, step: int, minutes: float) -> float:
        """How far the plan is, 0..1: over each phase it rises by the phase's share, however long the phase is."""
        before = self._shares(0, position.phase)
        if position.phase >= len(self.phases):
            return 1.0
        used = self.limits.used(step, minutes)
        part = (used - position.since) / max(self._end(position) - position.since, 1e-9)
        return before + self._shares(position.phase, position.phase + 1) * min(max(part, 0.0), 1.0)

    def locate(self, step: int, minutes: float) -> Position:
        """Where a training of this step would be, had it followed this plan from the beginning without a plateau."""
        used, position = self.limits.used(step, minutes), Position()
        while self._limited and not self.over(position) and used >= self._end(position):
            position = Position(position.phase + 1, self._end(position), step)
        return position

    def go_on(self, position: Position, step: int, minutes: float, best_step: int) -> tuple[Position, str | None]:
        """The position at this step, and why a phase ended here, if one did.

        ``best_step`` is the step at which the held-out faces were best. After the last phase the position is ``over``.
        """
        used = self.limits.used(step, minutes)
        if used >= 1.0:
            return Position(len(self.phases), used, step), self._limit(step)
        if self.over(position):
            return position, "its plan is fulfilled"
        quiet = step - max(best_step, position.began)
        if self.limits.plateau is not None and quiet >= self.limits.plateau:
            why = f"held-out faces have not become better for {self.limits.plateau} steps"
        elif self._limited and used >= self._end(position):
            why = f"its share of the plan is used up at step {step}"
        else:
            return position, None
        return replace(position, phase=position.phase + 1, since=used, began=step), why

    def over(self, position: Position) -> bool:
        return position.phase >= len(self.phases)

    def moment(self, position: Position, step: int, minutes: float) -> StepSchedule:
        """What to do at this step: linear warm-up, then half a cosine over the plan for the learning rate."""
        progress, phase = self.progress(position, step, minutes), self.phase(position)
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        rate = min(1.0, (step + 1) / WARM_UP) * (FLOOR + (1 - FLOOR) * cosine)
        return StepSchedule(rate, phase.warp, pair_factor(progress), phase.adversarial)

    @property
    def _limited(self) -> bool:
        return bool(self.limits.iterations or self.limits.minutes)

    def _limit(self, step: int) -> str:
        if self.limits.iterations is not None and step >= self.limits.iterations:
            return f"{self.limits.iterations} iterations are done"
        return f"{self.limits.minutes:g} minutes are over"

    def _shares(self, start: int, end: int) -> float:
        """What phases ``start`` to ``end`` have of the whole, 0..1."""
        return sum(phase.share for phase in self.phases[start:end]) / sum(phase.share for phase in self.phases)

    def _end(self, position: Position) -> float:
        """How much of the limits is used when the phase ends; 1 for the last."""
        left = self._shares(position.phase, len(self.phases))
        return position.since + (1.0 - position.since) * self._shares(position.phase, position.phase + 1) / max(
            left, 1e-9
        )


def pair_factor(progress: float) -> float:
    """Weight of look-alike pairs: full at first, when they teach the swap, a tenth once faces have formed."""
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(progress / 0.8, 1.0)))
