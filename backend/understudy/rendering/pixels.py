"""Pixels of one picture seen at places of another."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from understudy.imaging.resample import ExactSampler


def sample(picture: NDArray[np.float32], places: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(..., C) samples by Catmull and Rom's cubic of ``picture`` (h, w, C) at ``places`` (..., 2) x y, centres at +0.5.

    Beyond the edge the edge repeats.
    """
    spots = torch.from_numpy(np.ascontiguousarray(places, np.float32).reshape(1, -1, 2))
    channels = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)
    found = ExactSampler(spots, *picture.shape[:2]).sample(channels.contiguous())
    return np.asarray(found[:, 0].T.reshape(*places.shape[:-1], -1).numpy(), np.float32)


def reduced(picture: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """``picture`` (h, w, C) made smaller by ``factor``, antialiased; as it is where that is near 1."""
    if factor < 1.25:
        return picture
    height, width = picture.shape[:2]
    size = max(1, round(width / factor)), max(1, round(height / factor))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def distance_within(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(h, w) how far each pixel's centre lies from the nearest one outside ``mask``, in pixels; 0 outside."""
    measured = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Its last bit depends on where the picture lies in memory. The square is a whole number, whose root does not.
    return np.asarray(np.sqrt(np.rint(measured * measured)), np.float32)
