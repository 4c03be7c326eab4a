"""The quick family: one encoder and a decoder for each side, built for few multiplications a step.

Pictures are folded into 4 x 4 blocks at the door (pixel unshuffle) and unfolded at the exit, the convolutions work at a
quarter of the resolution and below, and every decoder starts from its person's mean face, so that training spends
itself on what differs. A processor learns a face with it in minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from understudy.model.blocks import SLOPE, Enlarge, Expand, Finer, Halve, Residual, Squeeze, unit
from understudy.model.network import SIDES, CodeLength, Doublings, Side, SwapNetwork, Width, read_architecture

FOLD = 4
"""Side of the pixel blocks that become channels."""


@dataclass(frozen=True)
class QuickArchitecture:
    """The shape of a quick network's weights."""

    family: ClassVar[str] = "quick"
    identities: ClassVar[tuple[str, ...]] = SIDES

    resolution: Side  # side of the picture in pixels, a multiple of 16
    widths: tuple[Width, Width, Width]  # channels at 1/4, 1/8 and 1/16 of the resolution
    code: CodeLength  # length of the code
    grown: Doublings = 0  # how often the sides were doubled since the network was begun

    @property
    def begun(self) -> int:
        """The resolution at which the network was begun, in pixels."""
        return self.resolution >> self.grown

    def to_json(self) -> dict[str, Any]:
        return {"family": self.family, **asdict(self)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> QuickArchitecture:
        """What :meth:`to_json` gave. Raises ``ValueError`` for what is no architecture."""
        arch = read_architecture(QuickArchitecture, data)  # older models have never grown, and do not say so
        if arch.resolution % (16 << arch.grown):
            raise ValueError(
                f"the resolution of a quick network is a multiple of {16 << arch.grown}, not {arch.resolution}"
            )
        return arch


def small(resolution: int) -> QuickArchitecture:
    """Learns on two CPU cores in minutes; about 3 million weights at 64 px."""
    return QuickArchitecture(resolution, (48, 96, 160), 128)


def large(resolution: int) -> QuickArchitecture:
    """For a GPU and hours; about 60 million weights at 256 px."""
    return QuickArchitecture(resolution, (128, 256, 512), 512)


class QuickEncoder(nn.Module):
    """(N, 3, R, R) detail -> (N, code), and codes -> (N, widths[2], R / 16, R / 16) features."""

    def __init__(self, arch: QuickArchitecture) -> None:
        super().__init__()
        first, second, third = arch.widths
        side = arch.begun // 16
        self.stem = nn.Sequential(*(Halve() for _ in range(arch.grown)))
        self.look = nn.Sequential(
            nn.PixelUnshuffle(FOLD),
            nn.Conv2d(3 * FOLD * FOLD, first, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(second, third, 3, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
        )
        self.squeeze = Squeeze(third, side, arch.code)
        self.expand = Expand(arch.code, third, side)

    def forward(self, picture: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        code = unit(self.squeeze(self.look(self.stem(picture))))
        return code if noise is None else code + noise

    def features(self, code: torch.Tensor) -> torch.Tensor:
        return F.leaky_relu(self.expand(code), SLOPE)


class QuickDecoder(nn.Module):
    """Features -> one person: (N, 3, R, R) normalised code values and (N, 1, R, R) mask logits."""

    def __init__(self, arch: QuickArchitecture) -> None:
        super().__init__()
        first, second, third = arch.widths
        self.paint = nn.Sequential(Enlarge(third, second), Residual(second), Enlarge(second, first), Residual(first))
        self.unfold = nn.Conv2d(first, 4 * FOLD * FOLD, 3, padding=1)
        self.finer = nn.ModuleList(Finer(first, FOLD) for _ in range(arch.grown))
        self.mean = nn.Parameter(torch.zeros(1, 4, arch.resolution, arch.resolution))

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.paint(features)
        out = F.pixel_shuffle(self.unfold(features), FOLD)
        for layer in self.finer:
            features, out = layer(features, out)
        out = out + self.mean
        return out[:, :3], out[:, 3:]


class QuickNetwork(SwapNetwork):
    """The encoder and both decoders."""

    def __init__(self, arch: QuickArchitecture) -> None:
        super().__init__(arch)
        self.encoder = QuickEncoder(arch)
        self.decoders = nn.ModuleDict({side: QuickDecoder(arch) for side in SIDES})

    def encode(self, shown: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        code: torch.Tensor = self.encoder(shown, noise)
        return code

    def decode(self, code: torch.Tensor, identity: str) -> tuple[torch.Tensor, torch.Tensor]:
        painted: tuple[torch.Tensor, torch.Tensor] = self.decoders[identity](self.encoder.features(code))
        return painted

    def start(self, means: Mapping[str, torch.Tensor]) -> None:
        """Variance-preserving weights, both decoders alike.

        Alike decoders read a code alike from the first step, which is what a swap needs.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, a=SLOPE)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        for module in self.modules():
            if isinstance(module, Halve | Finer):
                module.start()
        with torch.no_grad():
            for decoder in self.decoders.values():
                assert isinstance(decoder, QuickDecoder)
                decoder.unfold.weight.mul_(0.1)  # begin at the mean face
                for module in decoder.modules():
                    if isinstance(module, Residual):
                        module.second.weight.mul_(0.2)
            first = self.decoders[SIDES[0]].state_dict()
            for side in SIDES:
                self.decoders[side].load_state_dict(first)
            self.introduce(means)

    @torch.no_grad()
    def introduce(self, means: Mapping[str, torch.Tensor]) -> None:
        for side, mean in means.items():
            decoder = self.decoders[side]
            assert isinstance(decoder, QuickDecoder)
            decoder.mean.copy_(mean[None])
