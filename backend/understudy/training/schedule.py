"""When training stops, and how hard it learns on the way there."""

from __future__ import annotations

import math
from dataclasses import dataclass

WARM_UP = 50
"""Steps over which the learning rate rises from nothing."""

FLOOR = 0.05
"""Part of the peak learning rate that is left at the end."""


@dataclass(frozen=True)
class Budget:
    """What a training may take in all, earlier sessions counted; None is no limit."""

    iterations: int | None
    minutes: float | None
    plateau: int | None

    def progress(self, step: int, minutes: float) -> float:
        """How much of the budget is used, 0..1, by whichever limit is nearer."""
        used = [0.0]
        if self.iterations:
            used.append(step / self.iterations)
        if self.minutes:
            used.append(minutes / self.minutes)
        return min(max(used), 1.0)

    def spent(self, step: int, minutes: float, since_best: int) -> str | None:
        """Why training ends here, or None."""
        if self.iterations is not None and step >= self.iterations:
            return f"{self.iterations} iterations are done"
        if self.minutes is not None and minutes >= self.minutes:
            return f"{self.minutes:g} minutes are over"
        if self.plateau is not None and since_best >= self.plateau:
            return f"the validation error has not fallen for {self.plateau} steps"
        return None


def rate_factor(step: int, progress: float) -> float:
    """Learning rate at ``step`` as a part of its peak: linear warm-up, then half a cosine over the budget."""
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return min(1.0, (step + 1) / WARM_UP) * (FLOOR + (1 - FLOOR) * cosine)


def pair_factor(progress: float) -> float:
    """Weight of look-alike pairs: full at first, when they teach the swap, a tenth once faces have formed."""
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(progress / 0.8, 1.0)))
