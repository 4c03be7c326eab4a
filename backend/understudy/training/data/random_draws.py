"""The dice of a training: one generator, whose state is all that is kept of chance, and the numbers of one step.

A GPU computes many times faster than a host can send it numbers one handful at a time. So all numbers of a step are
thrown at once, sent in one piece, and handed out on the device.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.model.device import send

NORMALS, UNIFORMS = 80, 40
"""Room for the numbers of either kind that varying one face takes, everything that can be varied switched on."""


class Draws:
    """The numbers of one batch, a row for each face, on the device: handed out in turn, each once."""

    def __init__(self, normals: torch.Tensor, uniforms: torch.Tensor, grain: torch.Tensor | None = None) -> None:
        """``normals`` (N, A) of mean 0 and spread 1, ``uniforms`` (N, B) from 0 up to 1, ``grain`` (N, 3, R, R) as normals."""
        self._normals, self._uniforms, self._grain = normals, uniforms, grain
        self._next_normal = self._next_uniform = 0

    @property
    def count(self) -> int:
        """N, the faces that there are numbers for."""
        return len(self._normals)

    @property
    def device(self) -> torch.device:
        return self._normals.device

    def normal(self, *shape: int) -> torch.Tensor:
        """(N, \\*shape) of mean 0 and spread 1."""
        first = self._next_normal
        self._next_normal = _after(first, shape, self._normals)
        return self._normals[:, first : self._next_normal].reshape(-1, *shape)

    def uniform(self, *shape: int) -> torch.Tensor:
        """(N, \\*shape) from 0 up to 1."""
        first = self._next_uniform
        self._next_uniform = _after(first, shape, self._uniforms)
        return self._uniforms[:, first : self._next_uniform].reshape(-1, *shape)

    @property
    def grain(self) -> torch.Tensor:
        """(N, 3, R, R) of mean 0 and spread 1."""
        assert self._grain is not None, "no grain was thrown"
        return self._grain


def _after(first: int, shape: tuple[int, ...], thrown: torch.Tensor) -> int:
    count = 1
    for side in shape:
        count *= side
    assert first + count <= thrown.shape[1], "fewer numbers were thrown than this batch takes"
    return first + count


class BatchRandom:
    """Throws for a whole training, from one CPU generator: the same numbers on every device, and one state to save.

    All that is thrown has one row for each face of a batch. Of the ``size`` processes that train together each throws the
    whole batch's numbers and takes every ``size``-th row from its ``rank`` on, so their states stay alike.
    """

    def __init__(self, seed: int, device: torch.device, rank: int = 0, size: int = 1) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.device, self.rank, self.size = device, rank, size

    def throw(self, count: int, normals: int = NORMALS, uniforms: int = UNIFORMS, grain: int = 0) -> Draws:
        """For ``count`` faces so many numbers of either kind each, and grain for pictures of ``grain`` pixels a side, if any."""
        whole = count * self.size
        numbers = torch.cat(
            [
                torch.randn(whole, normals, generator=self.generator),
                torch.rand(whole, uniforms, generator=self.generator),
            ],
            dim=1,
        )
        there = send(numbers[self.rank :: self.size], self.device)
        return Draws(there[:, :normals], there[:, normals:], self._throw_grain(whole, grain) if grain else None)

    def integers(self, high: int, count: int) -> torch.Tensor:
        """(count,) integers below ``high``, on the CPU: they choose faces, which the host has to know at once."""
        return torch.randint(high, (count * self.size,), generator=self.generator)[self.rank :: self.size]

    def choose(self, weights: NDArray[np.float64], count: int) -> torch.Tensor:
        """(count,) places in ``weights`` (N,), each as likely as it weighs, with repetition; on the CPU."""
        edges = torch.from_numpy(np.cumsum(weights))
        chance = torch.rand(count * self.size, generator=self.generator, dtype=torch.float64) * edges[-1]
        # Rounding may bring a chance up to the last edge.
        chosen = torch.searchsorted(edges, chance, right=True).clamp(max=len(edges) - 1)
        return chosen[self.rank :: self.size]

    def _throw_grain(self, whole: int, size: int) -> torch.Tensor:
        """A number for each pixel is too much to send: drawn on the device, by its own kind of generator."""
        seed = torch.randint(2**62, (1,), generator=self.generator)
        there = torch.Generator(self.device).manual_seed(int(seed))
        drawn = torch.randn(whole, 3, size, size, generator=there, device=self.device)
        # A copy, so that the others' is let go at once.
        return drawn[self.rank :: self.size].clone() if self.size > 1 else drawn
