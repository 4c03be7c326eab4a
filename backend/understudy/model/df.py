"""The df family: one code for both people, and a decoder for each of them.

The decoders share nothing, so the new face keeps its own shape; what they agree on is only how they read a code.
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
class DfArchitecture(DeepArchitecture):
    """The shape of a df network's weights."""

    family: ClassVar[str] = "df"


class DfNetwork(DeepNetwork):
    """Encoder, inter, and a decoder for each side."""

    def __init__(self, arch: DfArchitecture) -> None:
        super().__init__(arch)
        self.squeeze = self.encoder.squeeze(arch)
        self.inter = Inter(arch, arch.bottleneck)
        self.decoders = nn.ModuleDict({side: DeepDecoder(arch, arch.bottleneck) for side in SIDES})

    def encode(self, shown: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        code = self.code_of(self.squeeze(self.look(shown)))
        return code if noise is None else code + noise

    def decode(self, code: torch.Tensor, identity: str) -> tuple[torch.Tensor, torch.Tensor]:
        return self.on_mean(self.decoders[identity](self.inter(code)), self.mean_of(identity))

    def alike(self) -> Sequence[Sequence[nn.Module]]:
        return (list(self.decoders.values()),)
