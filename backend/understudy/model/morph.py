"""The morph family: who is painted is a slider, from the target at 0 to the source at 1.

Both people have an inter of their own, and one decoder paints any mixture of what the two inters make of a code. The
mixture is linear, so that a picture changes smoothly with the slider; training has to show the decoder mixtures, for of
itself it learns nothing about what lies between the ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from understudy.model.deep import DeepArchitecture, DeepDecoder, DeepNetwork, Inter
from understudy.model.network import SIDES


@dataclass(frozen=True)
class MorphArchitecture(DeepArchitecture):
    """The shape of a morph network's weights."""

    family: ClassVar[str] = "morph"


class MorphNetwork(DeepNetwork):
    """Encoder, an inter for each side, and the decoder."""

    def __init__(self, arch: MorphArchitecture) -> None:
        super().__init__(arch)
        channels = 2 * arch.bottleneck
        self.squeeze = self.encoder.squeeze(arch)
        self.inters = nn.ModuleDict({side: Inter(arch, channels) for side in SIDES})
        self.decoder = DeepDecoder(arch, channels)

    def encode(self, shown: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        code = self.code_of(self.squeeze(self.look(shown)))
        return code if noise is None else code + noise

    def decode(self, code: torch.Tensor, identity: str) -> tuple[torch.Tensor, torch.Tensor]:
        """``blend`` at 1 for the source and at 0 for the target, without the work of the other inter."""
        return self.on_mean(self.decoder(self.inters[identity](code)), self.mean_of(identity))

    def blend(self, code: torch.Tensor, amount: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, code) painted as ``amount`` (N, 1) source and the rest target: what :meth:`decode` returns."""
        amount = amount[:, :, None, None]
        source, target = (self.inters[side](code) for side in SIDES)
        mean = torch.lerp(self.mean_of(SIDES[1]), self.mean_of(SIDES[0]), amount)
        return self.on_mean(self.decoder(amount * source + (1 - amount) * target), mean)

    def alike(self) -> Sequence[Sequence[nn.Module]]:
        return (list(self.inters.values()),)
