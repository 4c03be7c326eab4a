"""How near two pictures are, and how steady one sequence is beside another, inside a soft mask.

Pictures are display-encoded (H, W, 3) float32 RGB in 0..1; masks are (H, W) float32 weights in 0..1. Every mean is
weighted by the mask. Where nothing is inside the mask there is no figure: None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

Picture = NDArray[np.float32]
Mask = NDArray[np.float32]

_WINDOW = 11  # side in pixels of the structural similarity's window: Gaussian, sigma 1.5, as in its paper


@dataclass(frozen=True)
class Maps:
    """Pixel by pixel differences of two pictures, each (H, W) float32."""

    squared_error: NDArray[np.float32]  # mean of the three channels
    ssim: NDArray[np.float32] | None  # None for pictures that are smaller than the window
    de2000: NDArray[np.float32]


@dataclass(frozen=True)
class PictureDifference:
    """The differences inside one mask. ``pixels`` is the sum of the mask."""

    pixels: float
    mse: float | None
    ssim: float | None
    de2000: float | None

    @property
    def psnr(self) -> float | None:
        """As :func:`psnr`; None also where nothing is inside the mask."""
        return None if self.mse is None else psnr(self.mse)


@dataclass(frozen=True)
class Steadiness:
    """How two sequences A and B change from one frame to the next, as means over pixels and channels, in 0..1.

    ``change_a`` and ``change_b`` are the means of ``|X_t - X_(t-1)|``; ``residual`` is the mean of
    ``|(A_t - B_t) - (A_(t-1) - B_(t-1))|``, which is 0 where A's error stands still, whatever the picture does.
    """

    change_a: float | None
    change_b: float | None
    residual: float | None

    @property
    def flicker(self) -> float | None:
        """``change_a / change_b``: 1 is as steady as B, above 1 is restless. None where B does not change at all."""
        return self.change_a / self.change_b if self.change_a is not None and self.change_b else None


def compare_pictures(a: Picture, b: Picture) -> Maps:
    """The difference maps of ``a`` against ``b``.

    Structural similarity: Wang et al. 2004, Gaussian window of 11 px and sigma 1.5, mean of the channels. Colour:
    CIEDE2000 (Sharma et al. 2005) in CIELAB under D65, with the pictures taken to be sRGB-encoded.
    """
    squared = np.square(a - b).mean(axis=2)
    return Maps(squared, _ssim(a, b), _de2000(a, b))


def measure(maps: Maps, mask: Mask) -> PictureDifference:
    """The weighted means of ``maps`` inside ``mask``."""
    return PictureDifference(
        pixels=float(mask.sum(dtype=np.float64)),
        mse=weighted_mean(maps.squared_error, mask),
        ssim=None if maps.ssim is None else weighted_mean(maps.ssim, mask),
        de2000=weighted_mean(maps.de2000, mask),
    )


def compare_motion(a: Picture, a_before: Picture, b: Picture, b_before: Picture, mask: Mask) -> Steadiness:
    """How A and B changed since the frame before, inside ``mask``: the smaller of the two frames' masks."""
    change_a, change_b = a - a_before, b - b_before
    return Steadiness(
        weighted_mean(np.abs(change_a).mean(axis=2), mask),
        weighted_mean(np.abs(change_b).mean(axis=2), mask),
        weighted_mean(np.abs(change_a - change_b).mean(axis=2), mask),
    )


def psnr(mse: float) -> float | None:
    """Peak signal-to-noise ratio in dB of a mean squared error, for a peak of 1; None, for infinite, at 0."""
    return -10.0 * math.log10(mse) if mse > 0 else None


def pooled_mse(frames: Iterable[PictureDifference]) -> float | None:
    """The mean squared error over all pixels of all ``frames``, each pixel weighted by its mask."""
    total = pixels = 0.0
    for frame in frames:
        if frame.mse is not None:
            total += frame.mse * frame.pixels
            pixels += frame.pixels
    return total / pixels if pixels else None


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that there are; None when there is none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def weighted_mean(values: NDArray[np.float32], mask: Mask) -> float | None:
    """The mean of ``values`` (H, W) weighted by ``mask``; None where the mask is empty."""
    weight = float(mask.sum(dtype=np.float64))
    return float(np.multiply(values, mask).sum(dtype=np.float64)) / weight if weight > 0 else None


def _ssim(a: Picture, b: Picture) -> NDArray[np.float32] | None:
    if min(a.shape[:2]) < _WINDOW:
        return None
    _, full = structural_similarity(  # type: ignore[no-untyped-call]
        a, b, channel_axis=2, data_range=1.0, full=True, gaussian_weights=True, use_sample_covariance=False
    )
    averaged: NDArray[np.float32] = full.mean(axis=2)
    return averaged


def _de2000(a: Picture, b: Picture) -> NDArray[np.float32]:
    # Most of a converted frame is the plate itself, and the formula is dear.
    differ = np.any(a != b, axis=2)
    result = np.zeros(differ.shape, np.float32)
    if differ.any():
        lab_a, lab_b = rgb2lab(a[differ]), rgb2lab(b[differ])
        result[differ] = deltaE_ciede2000(lab_a, lab_b)  # type: ignore[no-untyped-call]
    return result
