"""Moving pixels between plate and crop: exact sub-pixel positions, no aliasing, no half-pixel slips.

Reducing is done by sampling densely and averaging, enlarging by cubic kernels; positions are floating point
throughout (OpenCV's warps round them to 1/32 pixel, which shows as jitter on a slow move).
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from understudy.imaging.affine import FloatArray, apply, invert, scale_of

MAX_OVERSAMPLING = 16
"""Finest sub-pixel grid of a reduction: a stronger one first halves the picture."""


def sample(image: torch.Tensor, positions: torch.Tensor, *, outside: str = "border") -> torch.Tensor:
    """Cubic samples of ``image`` (C, H, W) float32 at ``positions`` (h, w, 2), x y pixels with centres at +0.5.

    Beyond the edge the edge repeats (``border``) or the picture is 0 (``zeros``). Returns (C, h, w).
    """
    return _sampled(image, _grid(positions, *image.shape[-2:]), "bicubic", outside)


class ExactSampler:
    """As :func:`sample`, by Catmull and Rom's cubic kernel, which keeps straight lines straight: set once, then given pictures.

    torch's kernel (a = -0.75) does not: between the pixels of an enlarged ramp it shows waves. Keys' kernels (1981) are
    linear in their a, so two thirds of torch's and one of a = 0 make that of a = -0.5 along each axis; a = 0 is linear
    sampling whose fraction t is eased to t^2 (3 - 2 t). Of a picture's twist, its slope along x changing along y, at most
    0.005 a pixel is lost.
    """

    def __init__(self, positions: torch.Tensor, height: int, width: int) -> None:
        """``positions`` (h, w, 2) are x y pixels, with centres at +0.5, in pictures of ``height`` x ``width``."""
        places = positions - 0.5
        whole = places.floor()
        part = places.sub_(whole)
        eased = (3 - 2 * part).mul_(part).mul_(part).add_(whole).add_(0.5)
        self._grid, self._eased = (_grid(spots, height, width) for spots in (positions, eased))

    def sample(self, image: torch.Tensor) -> torch.Tensor:
        """The samples (C, h, w) of ``image`` (C, height, width) float32; beyond its edge the edge repeats."""
        cubic = _sampled(image, self._grid, "bicubic", "border")
        return cubic.mul_(2 / 3).add_(_sampled(image, self._eased, "bilinear", "border"), alpha=1 / 3)


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


AROUND = 2
"""Pixels on each side of one that :func:`reduced` looks at."""


def reduced(image: torch.Tensor, fine: int, breadth: float) -> torch.Tensor:
    """(C, (h + 2 AROUND) * fine, (w + 2 AROUND) * fine) samples as (C, h, w) pixels; ``fine`` is odd.

    A pixel is the mean of the samples around it by Catmull and Rom's kernel, whose unit is ``breadth`` pixels, 0..1: what a
    pixel cannot show goes, and what it can show is not blurred, as by the mean over its square. It is held between the
    darkest and the brightest sample within that square, so that no highlight rings.
    """
    steps = torch.arange((2 * AROUND + 1) * fine, dtype=torch.float64)
    apart = ((steps - steps.mean()) / (fine * breadth)).abs()
    near, far = (1.5 * apart - 2.5) * apart**2 + 1, ((-0.5 * apart + 2.5) * apart - 4) * apart + 2
    weights = torch.where(apart < 1, near, torch.where(apart < 2, far, 0.0))
    weights = (weights / weights.sum()).to(image.dtype)
    rows = F.conv2d(image[:, None], weights[None, None, :, None], stride=(fine, 1))
    mean = F.conv2d(rows, weights[None, None, None, :], stride=(1, fine))[:, 0]
    within = image[:, AROUND * fine : -AROUND * fine, AROUND * fine : -AROUND * fine]
    return mean.clamp(-F.max_pool2d(-within, fine), F.max_pool2d(within, fine))


def warp(
    image: NDArray[np.floating[Any]], matrix: FloatArray, size: int, *, outside: str = "border"
) -> NDArray[np.float32]:
    """The ``size`` x ``size`` crop of ``image`` (H, W, C) under ``matrix`` (2, 3: image pixels -> crop pixels).

    Antialiased when the crop reduces the picture, cubic when it enlarges it. Values pass through unclamped in whatever
    space they are; NaN becomes 0 and infinities the largest half float, so that one bad pixel does not spread.
    Returns (size, size, C) float32.
    """
    left, top, right, bottom = footprint(matrix, size, image.shape[1], image.shape[0])
    picture = _finite(image[top:bottom, left:right]).permute(2, 0, 1).contiguous()
    inverse = invert(matrix) - np.array([[0, 0, left], [0, 0, top]])
    reduction = 1.0 / scale_of(matrix)
    while reduction > MAX_OVERSAMPLING:
        picture = F.avg_pool2d(picture[None], 2, ceil_mode=True, count_include_pad=False)[0]
        inverse, reduction = inverse / 2, reduction / 2
    fine = max(1, math.ceil(reduction - 1e-6))
    positions = lattice(size, size, fine, inverse)
    return average(sample(picture, positions, outside=outside), fine).permute(1, 2, 0).contiguous().numpy()


def glance(image: NDArray[np.floating[Any]], matrix: FloatArray, size: int) -> NDArray[np.float32]:
    """As :func:`warp`, for eyes that want no exact pixels: several times as fast where the crop reduces the picture.

    Whole blocks of pixels are averaged first, at most half as fine again as the crop or half as coarse, and linear samples
    taken of those. Less than a block of the picture's right and lower edges may be taken for what lies before it.
    """
    left, top, right, bottom = footprint(matrix, size, image.shape[1], image.shape[0])
    block = max(1, min(round(1.0 / scale_of(matrix)), right - left, bottom - top))
    left, top = max(left - block, 0), max(top - block, 0)
    right, bottom = min(right + block, image.shape[1]), min(bottom + block, image.shape[0])
    width, height = (right - left) // block, (bottom - top) // block
    region = _finite(image[top : top + height * block, left : left + width * block]).numpy()
    small = cv2.resize(region, (width, height), interpolation=cv2.INTER_AREA)
    inverse = invert(matrix) - np.array([[0, 0, left], [0, 0, top]])
    # OpenCV counts from the centre of the first pixel.
    inverse[:, 2] += inverse[:, :2].sum(1) / 2
    inverse = inverse / block - np.array([[0, 0, 0.5], [0, 0, 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(small, inverse, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE))


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


def _grid(positions: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Positions in pixels as torch counts them: the picture reaches from -1 to 1."""
    return (positions * (2.0 / positions.new_tensor([width, height]))).sub_(1.0)


def _sampled(image: torch.Tensor, grid: torch.Tensor, kernel: str, outside: str) -> torch.Tensor:
    """Row by row, for those torch shares out among the processor's cores."""
    rows = image.expand(len(grid), -1, -1, -1)
    samples = F.grid_sample(rows, grid[:, None], mode=kernel, padding_mode=outside, align_corners=False)
    return samples[:, :, 0].transpose(0, 1)


def _finite(image: NDArray[np.floating[Any]]) -> torch.Tensor:
    """A float32 copy without NaN, and with infinities at the largest half float."""
    # By torch, which makes floats of halves eight times as fast as numpy.
    return torch.from_numpy(np.array(image, order="C")).float().nan_to_num_(nan=0.0, posinf=65504.0, neginf=-65504.0)


def _corners(matrix: FloatArray, size: int) -> NDArray[np.float64]:
    """(4, 2) the crop's corners in image pixels."""
    return apply(invert(matrix), np.array([(0, 0), (size, 0), (0, size), (size, size)]))
