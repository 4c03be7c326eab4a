"""A face from its crop back into the plate, by the exact inverse of the crop matrix, over the face's region only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.face.geometry import FloatArray, apply, invert, scale_of
from understudy.face.resample import average, lattice, sample
from understudy.model.encoding import decode_bounded


@dataclass(frozen=True)
class Region:
    """A rectangle of the plate's array: ``x``, ``y`` is its first pixel."""

    x: int
    y: int
    width: int
    height: int

    @property
    def rows(self) -> slice:
        return slice(self.y, self.y + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.x, self.x + self.width)

    def grown(self, margin: int, width: int, height: int) -> Region:
        """With ``margin`` more pixels on each side, as far as a ``width`` x ``height`` array has them."""
        x, y = max(self.x - margin, 0), max(self.y - margin, 0)
        right, bottom = min(self.x + self.width + margin, width), min(self.y + self.height + margin, height)
        return Region(x, y, right - x, bottom - y)

    def union(self, other: Region) -> Region:
        """The smallest region that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Region(x, y, right - x, bottom - y)


@dataclass(frozen=True, eq=False)
class Placed:
    """A face's pictures over its region of the plate."""

    region: Region
    swap: NDArray[np.float32]  # (h, w, 3) scene-linear
    raw: NDArray[np.float32]  # (h, w, 3) the same as the network gave it
    matte: NDArray[np.float32]  # (h, w) 0..1
    occlusion: NDArray[np.float32]  # (h, w) 0..1
    st: NDArray[np.float32]  # (h, w, 2) u v of the crop, (0, 0) bottom left; 0 outside the crop
    inside: NDArray[np.bool_]  # (h, w) whether the pixel's centre lies in the crop
    confidence: float | NDArray[np.float32]  # 0..1, or (h, w)


def region_of(matrices: Sequence[FloatArray], size: int, width: int, height: int) -> Region | None:
    """The part of a ``width`` x ``height`` array that crops of ``size`` cover under ``matrices`` (array -> crop pixels).

    None when they lie outside altogether.
    """
    square = np.array([(0, 0), (size, 0), (0, size), (size, size)])
    corners = np.concatenate([apply(invert(matrix), square) for matrix in matrices])
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    return Region(left, top, right - left, bottom - top) if right > left and bottom > top else None


class Placer:
    """Lays what lies in one crop over one region: set once, then given pictures.

    Where a crop pixel is smaller than two plate pixels the plate is sampled more finely and averaged, so that edges stay
    antialiased.
    """

    def __init__(self, matrix: FloatArray, size: int, region: Region) -> None:
        """``matrix`` (2, 3) goes from the plate's array to the pixels of a crop of ``size``."""
        self._matrix, self._size, self._region = matrix, size, region
        self._fine = max(1, math.ceil(2 * scale_of(matrix) - 1e-6))

    def light(self, codes: torch.Tensor) -> NDArray[np.float32]:
        """(C, R, R) code values as scene-linear light (h, w, C).

        They are enlarged as codes, so that a highlight does not ring, and averaged as light.
        """
        fields = decode_bounded(sample(codes, self._positions))
        return average(fields, self._fine).permute(1, 2, 0).contiguous().numpy()

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
        centres = self._centres
        return np.asarray(((centres >= 0) & (centres < self._size)).all(-1))

    @cached_property
    def st(self) -> NDArray[np.float32]:
        """The place of each pixel's centre in the crop, (h, w, 2) u v with (0, 0) at the bottom left; 0 outside."""
        centres = self._centres / np.float32(self._size)
        st = np.stack([centres[..., 0], 1 - centres[..., 1]], axis=-1)
        return np.where(self.inside[..., None], st, 0).astype(np.float32)

    @cached_property
    def _positions(self) -> torch.Tensor:
        region = self._region
        return lattice(region.height, region.width, self._fine, self._matrix, (region.x, region.y))

    @cached_property
    def _within(self) -> torch.Tensor:
        positions = self._positions
        return ((positions >= 0) & (positions <= self._size)).all(-1).float()[None]

    @cached_property
    def _centres(self) -> NDArray[np.float32]:
        if self._fine == 1:
            return self._positions.numpy()
        region = self._region
        return lattice(region.height, region.width, 1, self._matrix, (region.x, region.y)).numpy()
