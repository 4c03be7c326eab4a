"""Moving pixels between plate and crop: exact sub-pixel positions, no aliasing, no half-pixel slips.

Reducing is done by sampling densely and averaging, enlarging by a cubic kernel; positions are floating point
throughout (OpenCV's warps round them to 1/32 pixel, which shows as jitter on a slow move).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from understudy.face.geometry import FloatArray, apply, invert, scale_of

MAX_OVERSAMPLING = 16
"""Finest sub-pixel grid of a reduction, where nothing coarser is asked for."""


def sample(image: torch.Tensor, positions: torch.Tensor, *, outside: str = "border") -> torch.Tensor:
    """Cubic samples of ``image`` (C, H, W) float32 at ``positions`` (h, w, 2), x y pixels with centres at +0.5.

    Beyond the edge the edge repeats (``border``) or the picture is 0 (``zeros``). Returns (C, h, w).
    """
    height, width = image.shape[-2:]
    grid = (positions * (2.0 / positions.new_tensor([width, height]))).sub_(1.0)
    return F.grid_sample(image[None], grid[None], mode="bicubic", padding_mode=outside, align_corners=False)[0]


def lattice(
    height: int, width: int, fine: int, matrix: FloatArray, origin: tuple[float, float] = (0, 0)
) -> torch.Tensor:
    """The sub-pixel centres of a (h, w) raster through ``matrix`` (2, 3): (h * fine, w * fine, 2) float32."""
    x = (torch.arange(width * fine, dtype=torch.float64) + 0.5) / fine + origin[0]
    y = (torch.arange(height * fine, dtype=torch.float64) + 0.5) / fine + origin[1]
    m = torch.as_tensor(np.asarray(matrix, np.float64))
    along_x, along_y = x[:, None] * m[:, 0], y[:, None] * m[:, 1] + m[:, 2]
    return (along_y[:, None, :] + along_x[None, :, :]).float()


def average(image: torch.Tensor, fine: int) -> torch.Tensor:
    """Mean over blocks of ``fine`` x ``fine`` samples of (C, h * fine, w * fine)."""
    return F.avg_pool2d(image[None], fine)[0] if fine > 1 else image


def warp(
    image: NDArray[np.floating[Any]],
    matrix: FloatArray,
    size: int,
    *,
    outside: str = "border",
    finest: int = MAX_OVERSAMPLING,
) -> NDArray[np.float32]:
    """The ``size`` x ``size`` crop of ``image`` (H, W, C) under ``matrix`` (2, 3: image pixels -> crop pixels).

    ``finest`` is the finest sub-pixel grid: a stronger reduction first halves the picture, which is quicker and blurs more.

    Antialiased when the crop reduces the picture, cubic when it enlarges it. Values pass through unclamped in whatever
    space they are; NaN becomes 0 and infinities the largest half float, so that one bad pixel does not spread.
    Returns (size, size, C) float32.
    """
    inverse = invert(matrix)
    left, top, right, bottom = footprint(matrix, size, image.shape[1], image.shape[0])
    # By torch, which makes floats of halves eight times as fast as numpy.
    region = torch.from_numpy(np.array(image[top:bottom, left:right], order="C")).float()
    picture = region.nan_to_num_(nan=0.0, posinf=65504.0, neginf=-65504.0).permute(2, 0, 1).contiguous()
    inverse = inverse - np.array([[0, 0, left], [0, 0, top]])
    reduction = 1.0 / scale_of(matrix)
    while reduction > finest:
        picture = F.avg_pool2d(picture[None], 2, ceil_mode=True, count_include_pad=False)[0]
        inverse, reduction = inverse / 2, reduction / 2
    fine = max(1, math.ceil(reduction - 1e-6))
    positions = lattice(size, size, fine, inverse)
    return average(sample(picture, positions, outside=outside), fine).permute(1, 2, 0).contiguous().numpy()


def coverage(width: int, height: int, matrix: FloatArray, size: int) -> NDArray[np.float32]:
    """How much of each crop pixel lies inside a ``width`` x ``height`` picture: (size, size) float32 in 0..1."""
    corners = _corners(matrix, size)
    if (corners > -1e-6).all() and (corners < np.array([width, height]) + 1e-6).all():
        return np.ones((size, size), np.float32)
    positions = lattice(size, size, 4, invert(matrix))
    inside = (positions >= 0).all(-1) & (positions[..., 0] <= width) & (positions[..., 1] <= height)
    return average(inside.float()[None], 4)[0].numpy()


def footprint(matrix: FloatArray, size: int, width: int, height: int) -> tuple[int, int, int, int]:
    """The rectangle (left, top, right, bottom) of a ``width`` x ``height`` picture that :func:`warp` looks at.

    That is the crop's outline with a margin for the cubic kernel; at least one pixel.
    """
    corners = _corners(matrix, size)
    low, high = np.floor(corners.min(0)) - 3, np.ceil(corners.max(0)) + 3
    left, top = int(np.clip(low[0], 0, width - 1)), int(np.clip(low[1], 0, height - 1))
    return left, top, int(np.clip(high[0], left + 1, width)), int(np.clip(high[1], top + 1, height))


def _corners(matrix: FloatArray, size: int) -> NDArray[np.float64]:
    """(4, 2) the crop's corners in image pixels."""
    return apply(invert(matrix), np.array([(0, 0), (size, 0), (0, size), (size, size)]))
