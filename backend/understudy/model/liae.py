"""The liae family: one decoder for both people, told apart by which inters wrote its features.

``AB`` reads both people, ``B`` the target alone: the source is painted from [AB, AB], the target from [B, AB]. The decoder
sees both people, so the new face takes on the target's light and pose more readily than with ``df``, and its shape less
surely.
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
class LiaeArchitecture(DeepArchitecture):
    """The shape of a liae network's weights."""

    family: ClassVar[str] = "liae"

    @property
    def code(self) -> int:
        return 2 * self.bottleneck


class LiaeNetwork(DeepNetwork):
    """Encoder, both inters, and the decoder. A code is what AB reads, then what B reads."""

    def __init__(self, arch: LiaeArchitecture) -> None:
        super().__init__(arch)
        channels = 2 * arch.bottleneck
        self.squeeze_ab, self.squeeze_b = self.encoder.squeeze(arch), self.encoder.squeeze(arch)
        self.inter_ab, self.inter_b = Inter(arch, channels), Inter(arch, channels)
        self.decoder = DeepDecoder(arch, 2 * channels)

    def encode(self, shown: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        features = self.look(shown)
        code = torch.cat([self.code_of(self.squeeze_ab(features)), self.code_of(self.squeeze_b(features))], dim=1)
        return code if noise is None else code + noise

    def decode(self, code: torch.Tensor, identity: str) -> tuple[torch.Tensor, torch.Tensor]:
        read_by_ab, read_by_b = code.chunk(2, dim=1)
        shared = self.inter_ab(read_by_ab)
        first = shared if identity == SIDES[0] else self.inter_b(read_by_b)
        return self.on_mean(self.decoder(torch.cat([first, shared], dim=1)), self.mean_of(identity))

    def alike(self) -> Sequence[Sequence[nn.Module]]:
        return (self.squeeze_ab, self.squeeze_b), (self.inter_ab, self.inter_b)
