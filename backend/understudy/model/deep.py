"""What the large families have in common: their options, an encoder, inters, decoders and mean faces.

The widths are the ones that artists know from DeepFaceLab's SAEHD, so that its numbers can be typed in as they are and
cost what they cost there. What is different, and why:

- The picture is linear and starts at the person's mean face, which is a weight like any other. Theirs begins as noise
  behind a sigmoid, which flattens what lies near black and white.
- ``half_resolution_decoder`` unfolds its last pixels from one 3 x 3 convolution. Theirs takes one of four pixels from a
  1 x 1 convolution: a 2 x 2 pattern by construction.
- ``normalised_code`` brings the code itself to spread 1, not the features before it, so that noise on codes means the
  same in every model.
- The mask is a branch of its own, as theirs is: it costs a twelfth of a decoder, and a sharp mask takes nothing from
  the colours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar, Self

import torch
from torch import nn

from understudy.model.blocks import Enlarge, Expand, Finer, Halve, Residual, Squeeze, activation, start_weights, unit
from understudy.model.network import (
    SIDES,
    CodeLength,
    Doublings,
    Flag,
    Side,
    SwapNetwork,
    Width,
    read_architecture,
)

SMALLEST, LARGEST = 64, 1024
"""Sides of pictures in pixels."""


@dataclass(frozen=True)
class DeepArchitecture:
    """The shape of the weights of a ``df``, ``liae``, ``comb`` or ``morph`` network.

    Raises ``ValueError`` for a shape that cannot be built.
    """

    family: ClassVar[str]

    resolution: Side  # side of the picture in pixels, 64 to 1024: a multiple of 16, of 32 with half_resolution_decoder
    bottleneck: CodeLength = 256  # length of the code that one inter reads (ae_dims)
    encoder_width: Width = 64  # channels of the encoder's first layer (e_dims)
    decoder_width: Width = 64  # half the channels of the decoder's last layer (d_dims)
    mask_width: Width = 22  # the same of the mask's branch (d_mask_dims)
    normalised_code: Flag = True  # codes have spread 1 (u)
    half_resolution_decoder: Flag = True  # all but the last pixels are made at half the resolution (d)
    texture: Flag = False  # a layer more and residual blocks in the encoder, a layer more in the decoder (t)
    cosine: Flag = False  # x cos x in place of the leaky rectifiers (c)
    grown: Doublings = 0  # how often the sides were doubled since the network was begun

    def __post_init__(self) -> None:
        step = (32 if self.half_resolution_decoder else 16) * 2**self.grown
        if not SMALLEST <= self.resolution <= LARGEST or self.resolution % step:
            after = f", grown {self.grown} times," if self.grown else ""
            raise ValueError(
                f"the resolution of a {self.family} network{after} is a multiple of {step} from {SMALLEST} to {LARGEST}, "
                f"not {self.resolution}"
            )
        for name in ("bottleneck", "encoder_width", "decoder_width", "mask_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"the {name.replace('_', ' ')} of a network is at least 1, not {getattr(self, name)}")

    @property
    def identities(self) -> tuple[str, ...]:
        """Who can be painted."""
        return SIDES

    @property
    def code(self) -> int:
        """Length of the code."""
        return self.bottleneck

    @property
    def begun(self) -> int:
        """The resolution at which the network was begun, in pixels."""
        return self.resolution >> self.grown

    @property
    def inter_side(self) -> int:
        """Side of the features that a code becomes."""
        return self.begun // (32 if self.half_resolution_decoder else 16)

    def to_json(self) -> dict[str, Any]:
        return {"family": self.family, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What :meth:`to_json` gave. Raises ``ValueError`` for data that is not whole, or no architecture."""
        if missing := [field.name for field in fields(cls) if field.name not in data]:
            raise ValueError(f"the {missing[0]} of a {cls.family} network is missing")
        return read_architecture(cls, data)


class DeepEncoder(nn.Sequential):
    """(N, 3, R, R) detail -> (N, channels, side, side) features: 5 x 5 convolutions, each halving the sides."""

    def __init__(self, arch: DeepArchitecture) -> None:
        width = arch.encoder_width
        channels = [3, *(width * factor for factor in ((1, 2, 4, 8, 8) if arch.texture else (1, 2, 4, 8)))]
        layers: list[nn.Module] = []
        for index, (some, more) in enumerate(pairwise(channels)):
            layers += [nn.Conv2d(some, more, 5, stride=2, padding=2), activation(arch.cosine)]
            if arch.texture and index in (0, len(channels) - 2):
                layers.append(Residual(more, arch.cosine))
        super().__init__(*layers)
        self.channels = channels[-1]
        self.side = -(-arch.begun // 2 ** (len(channels) - 1))

    def squeeze(self, arch: DeepArchitecture) -> Squeeze:
        """A layer that makes a code of these features."""
        return Squeeze(self.channels, self.side, arch.bottleneck)


class Inter(nn.Sequential):
    """A code -> (N, channels, side, side) features, no rectifier in between: they share a space of few dimensions."""

    def __init__(self, arch: DeepArchitecture, channels: int) -> None:
        super().__init__(Expand(arch.bottleneck, channels, arch.inter_side))
        if not arch.texture:
            self.append(Enlarge(channels, channels, arch.cosine))


class DeepDecoder(nn.Module):
    """Features -> what is added to a mean face: (N, 3, R, R) normalised code values and (N, 1, R, R) mask logits.

    What each layer is given may be touched: ``touch`` is called with the layer's place and the features, and
    ``places`` has the number of channels of each place.
    """

    def __init__(self, arch: DeepArchitecture, channels: int) -> None:
        super().__init__()
        factors = (8, 8, 4, 2) if arch.texture else (8, 4, 2)
        fold = 2 if arch.half_resolution_decoder else 1
        widths = [channels, *(arch.decoder_width * factor for factor in factors)]
        mask_widths = [channels, *(arch.mask_width * factor for factor in ((*factors, 1) if fold == 2 else factors))]
        self.colour = nn.ModuleList(
            nn.Sequential(Enlarge(some, other, arch.cosine), Residual(other, arch.cosine))
            for some, other in pairwise(widths)
        )
        self.colour_head = nn.Conv2d(widths[-1], 3 * fold**2, 3, padding=1)
        self.unfold = nn.PixelShuffle(fold)
        self.mask = nn.ModuleList(Enlarge(some, other, arch.cosine) for some, other in pairwise(mask_widths))
        self.mask_head = nn.Conv2d(mask_widths[-1], 1, 1)
        self.finer = nn.ModuleList(Finer(widths[-1], fold, arch.cosine) for _ in range(arch.grown))
        self.places = {f"colour_{index}": width for index, width in enumerate(widths)}
        self.places |= {f"mask_{index}": width for index, width in enumerate(mask_widths)}
        self.places |= {f"finer_{index}": widths[-1] for index in range(arch.grown)}

    def forward(
        self, features: torch.Tensor, touch: Callable[[str, torch.Tensor], torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        given = touch or (lambda _, x: x)
        colour = mask = features
        for index, layer in enumerate(self.colour):
            colour = layer(given(f"colour_{index}", colour))
        painted = self.unfold(self.colour_head(given(f"colour_{len(self.colour)}", colour)))
        for index, layer in enumerate((*self.mask, self.mask_head)):
            mask = layer(given(f"mask_{index}", mask))
        if self.finer:
            picture = torch.cat([painted, mask], dim=1)
            for index, layer in enumerate(self.finer):
                colour, picture = layer(given(f"finer_{index}", colour), picture)
            painted, mask = picture[:, :3], picture[:, 3:]
        return painted, mask

    def start(self) -> None:
        """Begin by adding nothing."""
        nn.init.zeros_(self.colour_head.weight)
        nn.init.zeros_(self.mask_head.weight)


class DeepNetwork(SwapNetwork):
    """What the large families have in common: an encoder, and a mean face for each person."""

    arch: DeepArchitecture

    def __init__(self, arch: DeepArchitecture) -> None:
        super().__init__(arch)
        self.stem = nn.Sequential(*(Halve() for _ in range(arch.grown)))
        self.encoder = DeepEncoder(arch)
        self.mean = nn.Parameter(torch.zeros(len(arch.identities), 4, arch.resolution, arch.resolution))

    def look(self, shown: torch.Tensor) -> torch.Tensor:
        """(N, 3, R, R) detail -> the encoder's features."""
        features: torch.Tensor = self.encoder(self.stem(shown))
        return features

    def code_of(self, squeezed: torch.Tensor) -> torch.Tensor:
        """A code as the architecture wants it."""
        return unit(squeezed) if self.arch.normalised_code else squeezed

    def mean_of(self, identity: str) -> torch.Tensor:
        """(1, 4, R, R): where ``identity`` starts from."""
        return self.mean[self.arch.identities.index(identity)][None]

    def on_mean(
        self, painted: tuple[torch.Tensor, torch.Tensor], mean: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What a decoder painted, on top of a (1 or N, 4, R, R) mean face."""
        colour, mask = painted
        return colour + mean[:, :3], mask + mean[:, 3:]

    def start(self, means: Mapping[str, torch.Tensor]) -> None:
        """Weights that keep the spread of what passes; everybody starts exactly at the mean face, and reads codes alike."""
        start_weights(self)
        with torch.no_grad():
            for first, *others in self.alike():
                for other in others:
                    other.load_state_dict(first.state_dict())
            for module in self.modules():
                if isinstance(module, DeepDecoder):
                    module.start()
            self.introduce(means)

    @torch.no_grad()
    def introduce(self, means: Mapping[str, torch.Tensor]) -> None:
        for identity, mean in means.items():
            self.mean[self.arch.identities.index(identity)] = mean

    def alike(self) -> Sequence[Sequence[nn.Module]]:
        """Parts that begin with the same weights."""
        return ()
