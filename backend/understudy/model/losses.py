"""What training minimises: structure, light and mask, each told over the face alone.

All pictures are (N, 3, H, W) float in normalised code values (mean 0, spread 1 over a face); masks are (N, 1, H, W) in 0..1.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F

SIGMA = 1.5
"""Spread of the Gaussian window of SSIM, Wang et al. 2004 (11 x 11 taps)."""

DATA_RANGE = 4.0
"""Span of normalised code values that SSIM's constants refer to: two spreads either side of the mean."""


def gaussian_blur(picture: torch.Tensor, sigma: float, radius: int, *, pad: bool) -> torch.Tensor:
    """Separable Gaussian of 2 * radius + 1 taps over (N, C, H, W); with ``pad`` the edge repeats and the size stays.

    Done as two products with banded matrices: at the sizes of faces that is several times faster than convolving
    single channels, forwards and backwards, on CPUs as on GPUs.
    """
    height, width = picture.shape[-2:]
    down = _blur_matrix(height, sigma, radius, pad, picture.device).to(picture.dtype)
    across = _blur_matrix(width, sigma, radius, pad, picture.device).to(picture.dtype)
    return down @ (picture @ across.T)


@lru_cache(maxsize=64)
def _blur_matrix(size: int, sigma: float, radius: int, pad: bool, device: torch.device) -> torch.Tensor:
    """(size, size), or (size - 2 * radius, size) without padding: each row holds the taps of one result."""
    with torch.inference_mode(False):  # the matrix is kept, and training may be the next to use it
        taps = torch.arange(-radius, radius + 1, dtype=torch.float64)
        kernel = torch.exp(-(taps**2) / (2 * sigma * sigma))
        kernel /= kernel.sum()
        centres = torch.arange(size) if pad else torch.arange(radius, size - radius)
        matrix = torch.zeros(len(centres), size, dtype=torch.float64)
        for tap, weight in zip(range(-radius, radius + 1), kernel, strict=True):
            column = (centres + tap).clamp(0, size - 1)
            matrix[torch.arange(len(centres)), column] += weight
        return matrix.float().to(device)


def ssim_map(a: torch.Tensor, b: torch.Tensor, data_range: float = DATA_RANGE, radius: int = 5) -> torch.Tensor:
    """Structural similarity (Wang et al. 2004, k1 0.01, k2 0.03) at every place where the window fits.

    (N, C, H, W) twice -> (N, C, H - 2 * radius, W - 2 * radius).
    """
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    moments = gaussian_blur(torch.cat([a, b, a * a, b * b, a * b], dim=1), SIGMA, radius, pad=False)
    mean_a, mean_b, aa, bb, ab = moments.chunk(5, dim=1)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * (ab - mean_a * mean_b) + c2) / (aa - mean_a**2 + bb - mean_b**2 + c2)
    return luminance * structure


def multi_scale_dssim(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor, scales: int = 3) -> torch.Tensor:
    """Mean of (1 - SSIM) / 2 over the mask, at full, half, quarter ... size: truly different windows on the face.

    A scale at which the window no longer fits eight times is left out. Returns a scalar.
    """
    total, used = a.new_zeros(()), 0
    for scale in range(scales):
        if scale:
            a, b, mask = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2), F.avg_pool2d(mask, 2)
        radius = 5 if min(a.shape[-2:]) >= 64 else 3
        if min(a.shape[-2:]) < 8 * (radius - 1):
            break
        inner = mask[:, :, radius:-radius, radius:-radius]
        loss = (1 - ssim_map(a, b, radius=radius)) / 2
        total = total + (loss * inner).sum() / (inner.sum() * a.shape[1]).clamp_min(1e-6)
        used += 1
    return total / max(used, 1)


def masked_mse(prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean squared error under a (N, 1, H, W) weight that need not be normalised. Returns a scalar."""
    error = (prediction - target) ** 2 * weight
    return error.sum() / (weight.sum() * prediction.shape[1]).clamp_min(1e-6)


def mask_loss(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the learned mask, given as logits, against a soft mask in 0..1. Returns a scalar."""
    return F.binary_cross_entropy_with_logits(logits, mask)
