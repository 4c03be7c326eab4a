"""The comb family: any number of people in one network.

One encoder, one inter and one decoder serve everybody. Whose face is painted is said by few numbers: an offset to the
inter's features, which says where things are, and a scale and a shift of every channel that a layer of the decoder is
given, which say what they look like. All of them begin at nothing, so that everybody reads codes alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import nn

from understudy.model.deep import DeepArchitecture, DeepDecoder, DeepNetwork, Inter
from understudy.model.network import SIDES


@dataclass(frozen=True)
class CombArchitecture(DeepArchitecture):
    """The shape of a comb network's weights, and whose faces it holds."""

    family: ClassVar[str] = "comb"

    identities: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=1000)] = SIDES

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.identities)) != len(self.identities) or self.identities[:2] != SIDES:
            raise ValueError(f"the people of a comb network are source, target and others, not {self.identities}")


class Style(nn.Module):
    """A scale and a shift of each channel, for each person; (N, C, H, W) stays (N, C, H, W)."""

    def __init__(self, people: int, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(people, channels))
        self.shift = nn.Parameter(torch.zeros(people, channels))

    def forward(self, x: torch.Tensor, person: int) -> torch.Tensor:
        return x * (1 + self.scale[person])[:, None, None] + self.shift[person][:, None, None]


class CombNetwork(DeepNetwork):
    """Encoder, inter, decoder, and everybody's styles."""

    def __init__(self, arch: CombArchitecture) -> None:
        super().__init__(arch)
        channels = 2 * arch.bottleneck
        self.squeeze = self.encoder.squeeze(arch)
        self.inter = Inter(arch, channels)
        side = arch.inter_side * (1 if arch.texture else 2)
        self.offset = nn.Parameter(torch.zeros(len(arch.identities), channels, side, side))
        self.decoder = DeepDecoder(arch, channels)
        self.styles = nn.ModuleDict(
            {place: Style(len(arch.identities), width) for place, width in self.decoder.places.items()}
        )

    def encode(self, shown: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        code = self.code_of(self.squeeze(self.look(shown)))
        return code if noise is None else code + noise

    def decode(self, code: torch.Tensor, identity: str) -> tuple[torch.Tensor, torch.Tensor]:
        person = self.arch.identities.index(identity)
        features = self.inter(code) + self.offset[person]
        painted = self.decoder(features, lambda place, x: self.styles[place](x, person))
        return self.on_mean(painted, self.mean_of(identity))

    def start(self, means: Mapping[str, torch.Tensor]) -> None:
        super().start(means)
        nn.init.zeros_(self.offset)
        for module in self.modules():
            if isinstance(module, Style):
                nn.init.zeros_(module.scale)
                nn.init.zeros_(module.shift)

    @torch.no_grad()
    def regrouped(self, identities: Sequence[str]) -> CombNetwork:
        """The same network for ``identities``: those it knows keep what is theirs, others begin as the mean of all it knows."""
        assert isinstance(self.arch, CombArchitecture)
        known = self.arch.identities
        network = CombNetwork(replace(self.arch, identities=tuple(identities)))
        state = dict(self.state_dict())
        for name in [name for name in state if name in ("mean", "offset") or name.startswith("styles.")]:
            rows = state[name]
            state[name] = torch.stack(
                [rows[known.index(who)] if who in known else rows.mean(0) for who in network.arch.identities]
            )
        network.load_state_dict(state)
        return network
