"""A face from its crop back into the plate, by the exact inverse of the crop matrix, over the face's region only."""

from __future__ import annotations

import math
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Placed:
    """A face's pictures over its region of the plate."""

    region: Region
    swap: NDArray[np.float32]  # (h, w, 3) scene-linear working space
    raw: NDArray[np.float32]  # (h, w, 3) the same before the colour match
    matte: NDArray[np.float32]  # (h, w) 0..1
    occlusion: NDArray[np.float32]  # (h, w) 0..1
    st: NDArray[np.float32]  # (h, w, 2) u v of the crop, (0, 0) bottom left; 0 outside the crop
    inside: NDArray[np.bool_]  # (h, w) whether the pixel's centre lies in the crop


def region_of(matrix: FloatArray, size: int, width: int, height: int) -> Region | None:
    """The part of a ``width`` x ``height`` array that a crop of ``size`` covers under ``matrix`` (array -> crop pixels)."""
    corners = apply(invert(matrix), np.array([(0, 0), (size, 0), (0, size), (size, size)]))
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    return Region(left, top, right - left, bottom - top) if right > left and bottom > top else None


def place(
    swap: torch.Tensor,
    raw: torch.Tensor,
    matte: NDArray[np.float32],
    occlusion: torch.Tensor,
    matrix: FloatArray,
    region: Region,
) -> Placed:
    """Lay crop pictures over ``region``.

    ``swap`` and ``raw`` (3, R, R) are code values: they are enlarged as such, so that a highlight does not ring, and
    averaged as light. ``matte`` (R, R) and ``occlusion`` (1, R, R) in 0..1. Where a crop pixel is smaller than two plate
    pixels the plate is sampled more finely and averaged, so that edges stay antialiased.
    """
    size = swap.shape[-1]
    scale = scale_of(matrix)
    fine = max(1, math.ceil(2 * scale - 1e-6))
    positions = lattice(region.height, region.width, fine, matrix, (region.x, region.y))
    within = ((positions >= 0) & (positions <= size)).all(-1).float()[None]
    stack = torch.cat([swap, raw, torch.from_numpy(matte)[None], occlusion])
    fields = sample(stack, positions)
    light = average(decode_bounded(fields[:6]), fine).permute(1, 2, 0)
    soft = average(fields[6:].clamp(0, 1) * within, fine)
    centres = lattice(region.height, region.width, 1, matrix, (region.x, region.y)).numpy()
    inside = ((centres >= 0) & (centres < size)).all(-1)
    st = np.stack([centres[..., 0] / size, 1 - centres[..., 1] / size], axis=-1)
    return Placed(
        region=region,
        swap=np.ascontiguousarray(light[..., :3].numpy()),
        raw=np.ascontiguousarray(light[..., 3:].numpy()),
        matte=soft[0].numpy(),
        occlusion=soft[1].numpy(),
        st=np.where(inside[..., None], st, 0).astype(np.float32),
        inside=inside,
    )
