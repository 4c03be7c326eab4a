"""What a lens or a poor source does to a picture: out of focus, short of pixels."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from understudy.model.log_curve import decode, encode

COARSEST = 8.0
"""How many pixels of the plate a pixel of the poorest source covers, along x and along y."""

_FINE = 16  # steps to a pixel in which a disc is drawn
_REST = 1e-3  # least part of a disc that must lie on the face


def defocused(picture: NDArray[np.float32], matte: NDArray[Any], radius: float) -> NDArray[np.float32]:
    """``picture`` (h, w, 3), scene-linear, out of focus: each point becomes a disc of ``radius`` pixels.

    Only what ``matte`` (h, w) in 0..1 shows gives light: the face is blurred premultiplied and then made straight again,
    so that no surroundings creep into it. Where no face is in reach the picture stays.
    """
    disc = _disc(radius)
    if disc.shape == (1, 1):
        return picture
    weight = np.asarray(matte, np.float32)
    light = cv2.filter2D(picture * weight[..., None], -1, disc, borderType=cv2.BORDER_REPLICATE)
    seen = cv2.filter2D(weight, -1, disc, borderType=cv2.BORDER_REPLICATE)
    reached = seen > _REST
    return np.where(reached[..., None], light / np.where(reached, seen, 1.0)[..., None], picture)


def degraded(picture: NDArray[np.float32], amount: float) -> NDArray[np.float32]:
    """``picture`` (h, w, 3), scene-linear, as if enlarged from fewer pixels: up to ``COARSEST`` at ``amount`` 1.

    The light over a coarse pixel is averaged, and enlarged in code values by a cubic kernel (Keys 1981), held between the
    darkest and the brightest around. Every pixel is taken for the middle of a coarse one: a true raster of them would
    crawl over a moving face, and jump when ``amount`` is animated. ``amount`` 0..1 begins with the picture itself.
    """
    if amount <= 0:
        return picture
    pitch = COARSEST**amount
    codes = encode(torch.from_numpy(_filtered(picture, _mean_over(pitch)))).numpy()
    around = np.ones((2 * math.ceil(pitch) + 1,) * 2, np.uint8)
    large = np.clip(_filtered(codes, _cubic(pitch)), cv2.erode(codes, around), cv2.dilate(codes, around))
    return decode(torch.from_numpy(large)).numpy()


def _filtered(picture: NDArray[np.float32], taps: NDArray[np.float32]) -> NDArray[np.float32]:
    filtered = cv2.sepFilter2D(picture, -1, taps, taps, borderType=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(filtered, np.float32)


def _mean_over(pitch: float) -> NDArray[np.float32]:
    """Taps of a mean over ``pitch`` pixels, by how much of each it covers."""
    reach = math.ceil(pitch / 2 - 0.5)
    taps = np.clip(pitch / 2 + 0.5 - np.abs(np.arange(-reach, reach + 1)), 0, 1)
    return np.asarray(taps / taps.sum(), np.float32)


def _cubic(pitch: float) -> NDArray[np.float32]:
    """Taps of the cubic kernel that puts values between points ``pitch`` pixels apart."""
    reach = math.ceil(2 * pitch)
    x = np.abs(np.arange(-reach, reach + 1)) / pitch
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    taps = np.where(x < 1, near, np.where(x < 2, far, 0))
    return np.asarray(taps / taps.sum(), np.float32)


def _disc(radius: float) -> NDArray[np.float32]:
    """A disc that sums to 1, by how much of each pixel it covers; (1, 1) when it is smaller than a pixel."""
    reach = max(math.ceil(radius - 0.5), 0)
    side = 2 * reach + 1
    along = ((np.arange(side * _FINE) + 0.5) / _FINE - side / 2) ** 2
    inside = (along[:, None] + along[None] <= max(radius, 0.5) ** 2).astype(np.float32)
    covered = inside.reshape(side, _FINE, side, _FINE).mean((1, 3))
    return np.asarray(covered / covered.sum(), np.float32)
