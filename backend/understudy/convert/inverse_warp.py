"""A face from its crop back into the plate, by the exact inverse of the crop matrix, over the face's region only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.imaging.affine import FloatArray, scale_of
from understudy.imaging.region import Region
from understudy.imaging.resample import AROUND, ExactSampler, average, lattice, reduced, sample
from understudy.model.log_curve import decode_bounded


@dataclass(frozen=True, eq=False)
class PlacedFace:
    """A face's pictures over its region of the plate."""

    region: Region
    swap: NDArray[np.float32]  # (h, w, 3) scene-linear; 0 far from what the matte shows
    raw: NDArray[np.float32]  # (h, w, 3) the same as the network gave it
    matte: NDArray[np.float32]  # (h, w) 0..1
    occlusion: NDArray[np.float32]  # (h, w) 0..1
    st: NDArray[np.float32]  # (h, w, 2) u v of the crop, (0, 0) bottom left; 0 outside the crop
    inside: NDArray[np.bool_]  # (h, w) whether the pixel's centre lies in the crop
    confidence: float | NDArray[np.float32]  # 0..1, or (h, w)


class Placer:
    """Lays what lies in one crop over one region: set once, then given pictures.

    Where a crop pixel is smaller than two plate pixels masks are sampled more finely and averaged, so that their edges
    stay antialiased. Where it is smaller than one, light is sampled more finely and reduced.
    """

    def __init__(self, matrix: FloatArray, size: int, region: Region) -> None:
        """``matrix`` (2, 3) goes from the plate's array to the pixels of a crop of ``size``."""
        self._matrix, self._size, self._region = matrix, size, region
        self._reduction = scale_of(matrix)
        self._fine = max(1, math.ceil(2 * self._reduction - 1e-6))

    def over(self, region: Region) -> Placer:
        """One for the same crop over another region."""
        return Placer(self._matrix, self._size, region)

    def light(self, codes: torch.Tensor) -> NDArray[np.float32]:
        """(C, R, R) code values as scene-linear light (h, w, C).

        They are enlarged as codes, so that a highlight does not ring, and reduced as light.
        """
        light = decode_bounded(self._lit.sample(codes))
        if self._reduction > 1:
            light = reduced(light, self._lit_fine, self._lit_breadth)
        return light.permute(1, 2, 0).contiguous().numpy()

    def soft(self, masks: torch.Tensor) -> NDArray[np.float32]:
        """(C, R, R) masks in 0..1 over the region, (C, h, w); 0 outside the crop."""
        return average(sample(masks, self._positions).clamp_(0, 1).mul_(self._within), self._fine).numpy()

    @cached_property
    def coverage(self) -> NDArray[np.float32]:
        """How much of each pixel lies in the crop, (h, w) 0..1."""
        return average(self._within, self._fine)[0].numpy()

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Whether each pixel's centre lies in the crop, (h, w)."""
        x, y = np.moveaxis(self._centres, -1, 0)
        return np.asarray((x >= 0) & (x < self._size) & (y >= 0) & (y < self._size))

    @cached_property
    def st(self) -> NDArray[np.float32]:
        """The place of each pixel's centre in the crop, (h, w, 2) u v with (0, 0) at the bottom left; 0 outside."""
        x, y = np.moveaxis(self._centres / np.float32(self._size), -1, 0)
        st = [np.where(self.inside, x, 0), np.where(self.inside, 1 - y, 0)]
        return np.asarray(np.stack(st, axis=-1), np.float32)

    @cached_property
    def _positions(self) -> torch.Tensor:
        return self._spots(self._region, self._fine)

    @cached_property
    def _lit(self) -> ExactSampler:
        """Where light is sampled: at the centres of pixels or, to be reduced, finely and a little around the region."""
        region = self._region
        if self._reduction <= 1:
            positions = self._positions if self._fine == 1 else self._spots(region, 1)
        else:
            positions = self._spots(
                Region(region.x - AROUND, region.y - AROUND, region.width + 2 * AROUND, region.height + 2 * AROUND),
                self._lit_fine,
            )
        return ExactSampler(positions, self._size, self._size)

    @property
    def _lit_fine(self) -> int:
        return 2 * math.ceil(self._reduction - 0.5) + 1  # twice as fine as the crop, and odd

    @property
    def _lit_breadth(self) -> float:
        return math.sqrt(1 - self._reduction**-2)  # nothing where the plate is as fine as the crop

    @cached_property
    def _within(self) -> torch.Tensor:
        x, y = self._positions.unbind(-1)
        return ((x >= 0) & (x <= self._size) & (y >= 0) & (y <= self._size)).float()[None]

    @cached_property
    def _centres(self) -> NDArray[np.float32]:
        return (self._positions if self._fine == 1 else self._spots(self._region, 1)).numpy()

    def _spots(self, region: Region, fine: int) -> torch.Tensor:
        """The places in the crop of the ``fine`` x ``fine`` sub-pixels of a region: (h * fine, w * fine, 2)."""
        return lattice(region.height, region.width, fine, self._matrix, (region.x, region.y))
