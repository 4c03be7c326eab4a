"""Soft mattes with edges at exact places: shrunk, grown and feathered by distance, not by blurring."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_FINE = 4


def soft_matte(mask: NDArray[np.floating[Any]], *, erode: float, feather: float) -> NDArray[np.float32]:
    """A matte (S, S) float32 in 0..1 from a mask (S, S) in 0..1, whose outline is where the mask crosses one half.

    The matte is 0 from ``erode`` pixels inside the outline outwards (outside, when negative) and 1 from ``feather``
    pixels further in; between them it rises smoothly. It always reaches 0 at the border of the array, so that a face cut
    off by its crop shows no straight edge. Both lengths are in pixels of the array, to sub-pixel accuracy.
    """
    size = mask.shape[0]
    fine = cv2.resize(np.asarray(mask, np.float32), None, fx=_FINE, fy=_FINE, interpolation=cv2.INTER_CUBIC)
    inside = (fine >= 0.5).astype(np.uint8)
    inside[:_FINE], inside[-_FINE:], inside[:, :_FINE], inside[:, -_FINE:] = 0, 0, 0, 0
    # Both transforms measure to the nearest pixel of the other kind; the outline runs half a fine pixel before it.
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    height = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = (np.maximum(depth - 0.5, 0) - np.maximum(height - 0.5, 0)) / _FINE
    ramp = np.clip((distance - erode) / max(feather, 1 / _FINE), 0.0, 1.0)
    matte = ramp * ramp * (3 - 2 * ramp)
    small = cv2.resize(matte, (size, size), interpolation=cv2.INTER_AREA)
    border = np.minimum.outer(_from_edge(size), _from_edge(size))
    return np.asarray(small * np.clip(border / max(feather, 1.0), 0, 1), np.float32)


def _from_edge(size: int) -> NDArray[np.float64]:
    """Distance of each pixel centre from the first and last pixel of a row."""
    index = np.arange(size)
    return np.minimum(index, size - 1 - index).astype(np.float64)
