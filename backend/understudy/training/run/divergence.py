"""Whether a training is sound, and what a fall costs it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

COLLAPSE = 6.0
"""Fall of the held-out faces' PSNR in dB, from the best there was, that is no fluctuation: four times the error."""

BETTER = 1e-4
"""Rise of the held-out faces' SSIM that counts as progress."""

FALLS = 3
"""How often a training may fall back without becoming better in between; then it ends."""

SLOWER = 0.5
"""What a fall leaves of the learning rate."""


@dataclass
class DivergenceGuard:
    """What is known of a training's course: how good it was at best, and how often it fell since."""

    best: dict[str, float] = field(default_factory=dict)  # figures of the held-out faces at their best
    best_step: int = 0
    falls: int = 0  # since it last became better
    slowed: float = 1.0  # factor on the learning rate

    def to_json(self) -> dict[str, Any]:
        return {"best": self.best, "best_step": self.best_step, "falls": self.falls, "slowed": self.slowed}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> DivergenceGuard:
        return DivergenceGuard(
            dict(data["best"] or {}), int(data["best_step"]), int(data["falls"]), float(data["slowed"])
        )

    def trouble_with_losses(self, step: int, losses: Iterable[float]) -> str | None:
        """Why these mean losses are a reason to fall back, or None."""
        if all(map(math.isfinite, losses)):
            return None
        return f"near step {step} the loss is no longer a number"

    def trouble_with_figures(self, step: int, figures: Mapping[str, float]) -> str | None:
        """Why these figures of held-out faces are a reason to fall back, or None."""
        if not all(map(math.isfinite, figures.values())):
            return f"at step {step} what is painted is no longer a picture"
        if self.best and figures["psnr"] < self.best["psnr"] - COLLAPSE:
            fall = f"{figures['psnr']:.1f} dB, from {self.best['psnr']:.1f} dB"
            return f"at step {step} held-out faces have fallen to {fall}"
        return None

    def note(self, step: int, figures: Mapping[str, float]) -> None:
        """Take in sound ``figures``; when they are better than ever, falls are forgiven, though not forgotten in speed."""
        if not self.best or figures["ssim"] > self.best["ssim"] + BETTER:
            self.best, self.best_step, self.falls = dict(figures), step, 0

    def fallen(self, falls: int, slowed: float) -> None:
        """Go on after fall number ``falls``, more slowly than at ``slowed`` before it."""
        self.falls, self.slowed = falls, slowed * SLOWER
