"""Where in scale two pictures of a face differ: in its light, in its features or in its detail.

Bands are parts of the face's size, so that a close-up and a wide shot are judged alike. Pictures are display-encoded
(H, W, 3) float32 RGB in 0..1; masks are (H, W) float32 weights in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.review.metrics import Mask, Picture, weighted_mean

DETAIL = 2 / 130
"""Sigma of the Gaussian above which is detail (lashes, pores, edges), as a part of the face's size: 2 px of 130."""

LIGHT = 10 / 130
"""Sigma of the Gaussian below which is light (shading, skin tone); between the two are the features."""

_NOTHING = 1e-6  # weight under a Gaussian that is as good as none


@dataclass(frozen=True)
class BandErrors:
    """Root mean squared error over channels and pixels in each band, display-encoded, 0..1; None where nothing is inside."""

    light: float | None
    features: float | None
    detail: float | None


def face_size(matte: Mask) -> float:
    """The size of the face that ``matte`` (H, W) covers: the square root of its area, in pixels; 0 where it is empty."""
    return float(np.sqrt(matte.sum(dtype=np.float64)))


def band_errors(a: Picture, b: Picture, mask: Mask, size: float) -> BandErrors:
    """The error of ``a`` against ``b`` inside ``mask``, told apart by band, for a face of ``size`` pixels.

    Smoothing is normalised convolution (Knutsson and Westin, 1993): what lies outside the mask has no part in it.
    """
    box = bounds(mask)
    if box is None or size <= 0:
        return BandErrors(None, None, None)
    error, weight = (a - b)[box], mask[box]
    broad, fine = (smooth_within(error, weight, part * size) for part in (LIGHT, DETAIL))
    return BandErrors(_rms(broad, weight), _rms(fine - broad, weight), _rms(error - fine, weight))


def smooth_within(picture: NDArray[np.float32], mask: Mask, sigma: float) -> NDArray[np.float32]:
    """The Gaussian mean of ``picture`` (H, W) or (H, W, C) over ``mask`` alone; 0 where none of it is near."""
    weight = mask if picture.ndim == 2 else mask[..., None]
    total = _gaussian(mask, sigma)
    share = np.where(total > _NOTHING, 1 / np.maximum(total, _NOTHING), 0).astype(np.float32)
    smooth = _gaussian(picture * weight, sigma)
    return np.asarray(smooth * (share if picture.ndim == 2 else share[..., None]), np.float32)


def bounds(mask: Mask) -> tuple[slice, slice] | None:
    """Rows and columns of the least rectangle that holds all of ``mask``; None where it is empty."""
    rows, columns = (np.flatnonzero((mask > 0).any(axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _gaussian(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """With nothing beyond the picture's edge, as beyond the mask's."""
    blurred = cv2.GaussianBlur(np.ascontiguousarray(picture), (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(blurred, np.float32)


def _rms(error: NDArray[np.float32], mask: Mask) -> float | None:
    squared = weighted_mean(np.square(error).mean(axis=2), mask)
    return None if squared is None else float(np.sqrt(squared))
