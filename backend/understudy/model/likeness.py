"""Whom a model paints."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from understudy.errors import UsageError
from understudy.model.morph import MorphNetwork
from understudy.model.network import SIDES, SwapNetwork


@dataclass(frozen=True)
class Likeness:
    """Who is painted in the target's moments."""

    person: str = SIDES[0]  # an identity of the model
    morph: float = 1.0  # 0..1: how far from the target towards the source, for a morph model

    def check(self, network: SwapNetwork) -> None:
        """Raises :class:`UsageError` where ``network`` cannot paint this."""
        identities = network.arch.identities
        if self.person not in identities:
            raise UsageError(f"The model paints nobody called {self.person!r}.", f"It knows {', '.join(identities)}.")
        if self.morph == 1.0:
            return
        if not isinstance(network, MorphNetwork):
            raise UsageError(
                f"A {network.arch.family} model cannot paint what lies between two people.",
                "Leave --morph out, or train with --family morph.",
            )
        if self.person != SIDES[0]:
            raise UsageError("A morph goes from the target to the source.", "Leave --person out to use --morph.")

    def paint(self, network: SwapNetwork, code: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, code) -> (N, 3, R, R) normalised code values and (N, 1, R, R) mask logits."""
        if isinstance(network, MorphNetwork) and self.morph != 1.0:
            return network.blend(code, torch.full((len(code), 1), self.morph, dtype=code.dtype, device=code.device))
        return network.decode(code, self.person)
