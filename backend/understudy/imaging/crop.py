"""Small pictures for networks, cut from large plates without aliasing and at bounded cost."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.imaging.affine import FloatArray, invert, scale_of
from understudy.imaging.resample import warp


def square(centre: FloatArray, side: float, angle: float, size: int) -> NDArray[np.float64]:
    """The (2, 3) matrix from picture pixels to a ``size`` x ``size`` crop of a square around ``centre``.

    ``side`` is in picture pixels; ``angle`` (radians, clockwise as seen) is the tilt that the crop takes out.
    """
    cos, sin = np.cos(angle) * size / side, np.sin(angle) * size / side
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.concatenate([turn, (size / 2 - turn @ np.asarray(centre, np.float64))[:, None]], axis=1)


def look(image: NDArray[np.uint8], matrix: FloatArray, size: int) -> NDArray[np.uint8]:
    """The ``size`` x ``size`` crop of ``image`` (H, W, 3) or (H, W) under ``matrix``, black outside the picture.

    A strong reduction averages whole pixel blocks first, so that the cost does not grow with the plate's resolution
    faster than reading its pixels once.
    """
    inverse = invert(matrix)
    corners = np.array([(0, 0), (size, 0), (0, size), (size, size)], np.float64) @ inverse[:, :2].T + inverse[:, 2]
    block = max(1, int(1 / scale_of(matrix) + 1e-6))
    height, width = image.shape[:2]
    # A corner that rounding puts a hair beyond a pixel's edge is on it: blocks are counted from there.
    low = np.floor(corners.min(0) + 1e-6).astype(int) - 3 * block
    high = np.ceil(corners.max(0) - 1e-6).astype(int) + 3 * block
    high = low + -(-(high - low) // block) * block
    left, top = np.maximum(low, 0)
    right, bottom = np.minimum(high, (width, height))
    if left >= right or top >= bottom:
        return np.zeros((size, size, *image.shape[2:]), np.uint8)
    region = cv2.copyMakeBorder(
        image[top:bottom, left:right],
        *(int(top - low[1]), int(high[1] - bottom), int(left - low[0]), int(high[0] - right)),
        cv2.BORDER_CONSTANT,
        value=(0, 0, 0),
    )
    if block > 1:
        small = (region.shape[1] // block, region.shape[0] // block)
        region = cv2.resize(region, small, interpolation=cv2.INTER_AREA)
    to_region = np.array([[1 / block, 0, -low[0] / block], [0, 1 / block, -low[1] / block]])
    back = np.concatenate(
        [to_region[:, :2] @ inverse[:, :2], (to_region @ np.append(inverse[:, 2], 1))[:, None]], axis=1
    )
    crop = warp(region.reshape(*region.shape[:2], -1).astype(np.float32), invert(back), size)
    return np.clip(np.rint(crop), 0, 255).astype(np.uint8).reshape(size, size, *image.shape[2:])
