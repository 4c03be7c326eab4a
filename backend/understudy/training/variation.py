"""How strongly faces are varied, and the dice that it is done with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Variation:
    """Strength of each variation; 0 leaves it out, and it costs nothing then."""

    warp: float = 1.0  # random warp and exchange of shapes, of what is shown
    affine: float = 1.0  # rotation, scale and shift; 1 is what alignment leaves over
    flip: bool = False  # mirror half of the faces
    exposure: float = 0.0  # spread in stops
    white_balance: float = 0.0  # spread of each channel's gain in stops
    hue: float = 0.0  # spread in degrees
    saturation: float = 0.0  # spread of the factor on it
    colour_of_others: float = 0.0  # how often a face is shown in a donor's colours, 0..1
    blur: float = 0.0  # how often, 0..1, like the following
    downscale: float = 0.0
    noise: float = 0.0
    occluders: float = 0.0

    def at(self, warp: float, *, flip: bool) -> Variation:
        """The same with ``warp`` times the warp, for somebody who is mirrored or not."""
        return replace(self, warp=self.warp * warp, flip=flip)

    @property
    def relights(self) -> bool:
        """Whether the light of what is shown changes."""
        return max(self.exposure, self.white_balance, self.hue, self.saturation) > 0


class Random:
    """Random tensors from one CPU generator: the same numbers on every device, and one state to save.

    All that is drawn has one row for each face of a batch. Of the ``size`` processes that train together each draws the
    whole batch's numbers and takes every ``size``-th row from its ``rank`` on, so their states stay alike.
    """

    def __init__(self, seed: int, device: torch.device, rank: int = 0, size: int = 1) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.device, self.rank, self.size = device, rank, size
        self._grain = torch.Generator(device)

    def normal(self, count: int, *shape: int) -> torch.Tensor:
        """(count, \\*shape) of mean 0 and spread 1, on the device."""
        return self._there(torch.randn(count * self.size, *shape, generator=self.generator))

    def uniform(self, count: int, *shape: int) -> torch.Tensor:
        """(count, \\*shape) from 0 up to 1, on the device."""
        return self._there(torch.rand(count * self.size, *shape, generator=self.generator))

    def grain(self, count: int, *shape: int) -> torch.Tensor:
        """Like :meth:`normal`, for as many numbers as pixels: drawn on the device, by its own kind of generator."""
        seed = torch.randint(2**62, (1,), generator=self.generator)
        self._grain.manual_seed(int(seed))
        drawn = torch.randn(count * self.size, *shape, generator=self._grain, device=self.device)
        return drawn[self.rank :: self.size]

    def integers(self, high: int, count: int) -> torch.Tensor:
        """(count,) integers below ``high``, on the CPU: they choose faces, which the host has to know at once."""
        return torch.randint(high, (count * self.size,), generator=self.generator)[self.rank :: self.size]

    def choose(self, weights: torch.Tensor, count: int) -> torch.Tensor:
        """(count,) places in ``weights`` (N,), each as likely as it weighs, with repetition; on the CPU."""
        chosen = torch.multinomial(weights, count * self.size, replacement=True, generator=self.generator)
        return chosen[self.rank :: self.size]

    def _there(self, drawn: torch.Tensor) -> torch.Tensor:
        return drawn[self.rank :: self.size].to(self.device, non_blocking=True)
