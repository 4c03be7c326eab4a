"""Whom a model paints."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from understudy.errors import UsageError
from understudy.model.morph import MorphNetwork
from understudy.model.network import SIDES, SwapNetwork


@dataclass(frozen=True)
class PaintTarget:
    """Who is painted in the target's moments; ``morphs`` says that it may also be somebody between two people."""

    person: str = SIDES[0]  # an identity of the model
    morphs: bool = False

    def check(self, network: SwapNetwork) -> None:
        """Raises :class:`UsageError` where ``network`` cannot paint this."""
        identities = network.arch.identities
        if self.person not in identities:
            raise UsageError(f"The model paints nobody called {self.person!r}.", f"It knows {', '.join(identities)}.")
        if not self.morphs:
            return
        if not isinstance(network, MorphNetwork):
            raise UsageError(
                f"A {network.arch.family} model cannot paint what lies between two people.",
                "Leave --morph out, or train with --family morph.",
            )
        if self.person != SIDES[0]:
            raise UsageError("A morph goes from the target to the source.", "Leave --person out to use --morph.")

    def paint(self, network: SwapNetwork, code: torch.Tensor, morph: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, code) -> (N, 3, R, R) normalised code values and (N, 1, R, R) mask logits.

        ``morph`` (N, 1) in 0..1 says how far each goes from the target towards the source, for a morph model.
        """
        if self.morphs and isinstance(network, MorphNetwork):
            return network.blend(code, morph)
        return network.decode(code, self.person)
