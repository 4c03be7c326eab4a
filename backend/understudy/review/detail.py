"""Whether the fine structure of two pictures of a face is the same, and as strong.

Squared error hardly tells a soft face from a sharp one whose lashes lie elsewhere; these do. All look at the mean of the
channels of display-encoded (H, W, 3) float32 RGB in 0..1, at scales that are parts of the face's size, and weight by an
(H, W) float32 mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.review.bands import DETAIL
from understudy.review.metrics import Mask, Picture, weighted_mean

EDGES = DETAIL / 2
"""Sigma of the Gaussian whose derivative is the gradient, as a part of the face's size."""

_FLAT = 1e-5  # a standard deviation in 0..1 that is rounding, not structure


@dataclass(frozen=True)
class DetailMeasures:
    """Figures of A against B; None where a picture has no structure, or nothing is inside."""

    detail_correlation: float | None
    """Pearson's correlation of what lies above the scale of detail: 1 is the same, 0 unrelated."""
    gradient_correlation: float | None
    """Pearson's correlation of the gradients, both axes together."""
    sharpness_ratio: float | None
    """Standard deviation of A's detail over B's: below 1 is softer, above 1 sharper or noisier."""


def measure_detail(a: Picture, b: Picture, mask: Mask, size: float) -> DetailMeasures:
    """Compare the structure of ``a`` with that of ``b`` inside ``mask``, for a face of ``size`` pixels."""
    if size <= 0:
        return DetailMeasures(None, None, None)
    grey_a, grey_b = (np.asarray(picture.mean(axis=2), np.float32) for picture in (a, b))
    detail_a, detail_b = (_above(grey, DETAIL * size) for grey in (grey_a, grey_b))
    slope_a, slope_b = (_gradient(grey, EDGES * size) for grey in (grey_a, grey_b))
    own, other = _spread(detail_a, mask), _spread(detail_b, mask)
    return DetailMeasures(
        correlation(detail_a, detail_b, mask),
        correlation(slope_a, slope_b, np.concatenate([mask, mask])),
        own / other if own is not None and other is not None and other > _FLAT else None,
    )


def correlation(a: NDArray[np.float32], b: NDArray[np.float32], mask: Mask) -> float | None:
    """Pearson's correlation of ``a`` and ``b`` (H, W) weighted by ``mask``; None where either is flat or nothing inside."""
    spread_a, spread_b = _spread(a, mask), _spread(b, mask)
    if spread_a is None or spread_b is None or min(spread_a, spread_b) <= _FLAT:
        return None
    together = weighted_mean(_centred(a, mask) * _centred(b, mask), mask) or 0.0
    return float(np.clip(together / (spread_a * spread_b), -1.0, 1.0))


def _above(grey: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """What a Gaussian mean takes away."""
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), sigma), np.float32)


def _gradient(grey: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """(2 H, W) central differences of the smoothed picture, those along x above those along y, per pixel."""
    padded = cv2.copyMakeBorder(cv2.GaussianBlur(grey, (0, 0), sigma), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    across, down = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
    return np.asarray(np.concatenate([across, down]) / 2, np.float32)


def _centred(values: NDArray[np.float32], mask: Mask) -> NDArray[np.float32]:
    return np.asarray(values - np.float32(weighted_mean(values, mask) or 0.0), np.float32)


def _spread(values: NDArray[np.float32], mask: Mask) -> float | None:
    variance = weighted_mean(np.square(_centred(values, mask)), mask)
    return None if variance is None else float(np.sqrt(variance))
