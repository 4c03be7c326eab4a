"""What training minimises and what validation measures: structure, light, edges, style and mask of a face.

All pictures are (N, C, H, W) float in normalised code values (mean 0, spread 1 over a face); masks and weights are
(N, 1, H, W), masks in 0..1. Every loss is a mean over pictures of what each of them has under its own mask, where an
empty mask counts 0: a batch in portions, or shared out to several GPUs, gives the whole batch's gradient. All is
computed in float32, under autocast as well.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F

SIGMA = 1.5
"""Spread of the Gaussian window of SSIM, Wang et al. 2004 (11 x 11 taps)."""

DATA_RANGE = 4.0
"""Span of normalised code values that SSIM's constants refer to: two spreads either side of the mean."""

STYLE_REACH = 1 / 8
"""Spread of the neighbourhoods whose style is compared, as a part of the picture's side."""

BEST_PSNR = 100.0
"""What equal pictures get, in dB, in place of infinity."""


def gaussian_blur(picture: torch.Tensor, sigma: float, radius: int, *, pad: bool) -> torch.Tensor:
    """Separable Gaussian of 2 * radius + 1 taps over (N, C, H, W); with ``pad`` the edge repeats and the size stays.

    Done as two products with banded matrices: at the sizes of faces that is several times faster than convolving
    single channels, forwards and backwards, on CPUs as on GPUs. Keeps the picture's own type under autocast: the
    variances of SSIM are small differences of large numbers.
    """
    # A compiled program does not see the cache: it makes the matrix where it runs, without a copy from the host.
    matrix = _blur_matrix.__wrapped__ if torch.compiler.is_compiling() else _blur_matrix
    height, width = (int(side) for side in picture.shape[-2:])  # while torch traces, sizes are tensors
    sigma, radius = float(sigma), int(radius)
    with torch.autocast(picture.device.type, enabled=False):
        down = matrix(height, sigma, radius, pad, picture.device).to(picture.dtype)
        across = matrix(width, sigma, radius, pad, picture.device).to(picture.dtype)
        return down @ (picture.contiguous() @ across.T)


@lru_cache(maxsize=64)
def _blur_matrix(size: int, sigma: float, radius: int, pad: bool, device: torch.device) -> torch.Tensor:
    """(size, size), or (size - 2 * radius, size) without padding: each row holds the taps of one result."""
    with torch.inference_mode(False):  # the matrix is kept, and training may be the next to use it
        columns = torch.arange(size + 2 * radius if pad else size, device=device)
        rows = torch.arange(size if pad else size - 2 * radius, device=device)
        offset = columns - rows[:, None] - radius
        taps = torch.exp(-offset.float().square() / (2 * sigma * sigma)) * (offset.abs() <= radius)
        taps = taps / taps.sum(1, keepdim=True)
        if not pad:
            return taps
        return taps.new_zeros(size, size).index_add(1, (columns - radius).clamp(0, size - 1), taps)


def ssim_map(a: torch.Tensor, b: torch.Tensor, data_range: float = DATA_RANGE, radius: int = 5) -> torch.Tensor:
    """Structural similarity (Wang et al. 2004, k1 0.01, k2 0.03) at every place where the window fits.

    (N, C, H, W) twice -> (N, C, H - 2 * radius, W - 2 * radius).
    """
    a, b = a.float(), b.float()
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    moments = gaussian_blur(torch.cat([a, a * a + b * b, a * b], dim=1), SIGMA, radius, pad=False)
    mean_a, squares, product = moments.chunk(3, dim=1)
    mean_b = gaussian_blur(b, SIGMA, radius, pad=False)  # apart: what is wanted has no gradient to be carried back
    means, mean_squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    luminance = (2 * means + c1) / (mean_squares + c1)
    structure = (2 * (product - means) + c2) / (squares - mean_squares + c2)
    return luminance * structure


def multi_scale_dssim(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor, scales: int = 3) -> torch.Tensor:
    """Mean of (1 - SSIM) / 2 over the mask, at full, half, quarter ... size: truly different windows on the face.

    A scale at which the window no longer fits eight times is left out. Returns a scalar, 0..1.
    """
    a, b, mask = a.float(), b.float(), mask.float()
    total, used = a.new_zeros(()), 0
    for scale in range(scales):
        if scale:
            a, b, mask = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2), F.avg_pool2d(mask, 2)
        radius = 5 if min(a.shape[-2:]) >= 64 else 3
        if min(a.shape[-2:]) < 8 * (radius - 1):
            break
        loss = (1 - ssim_map(a, b, radius=radius)) / 2
        total = total + _under(loss, mask[:, :, radius:-radius, radius:-radius]).mean()
        used += 1
    return total / max(used, 1)


def masked_mse(prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean squared error under a weight that need not be normalised. Returns a scalar."""
    return _under((prediction.float() - target.float()).square(), weight).mean()


def masked_l1(prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean absolute error under a weight that need not be normalised. Returns a scalar.

    Under the mask of eyes and mouth it is their priority, the same for small eyes as for large ones.
    """
    return _under((prediction.float() - target.float()).abs(), weight).mean()


def edge_loss(prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of the steps from pixel to pixel, to the right and down alike. Returns a scalar.

    A step counts as much as the lesser of its two pixels.
    """
    error, weight = prediction.float() - target.float(), weight.float()
    losses = []
    for axis in (2, 3):
        size = error.shape[axis] - 1
        lesser = torch.minimum(weight.narrow(axis, 0, size), weight.narrow(axis, 1, size))
        losses.append(_under(error.diff(dim=axis).abs(), lesser))
    return torch.stack(losses).mean()


def style_loss(
    painted: torch.Tensor, reference: torch.Tensor, mask: torch.Tensor, reference_mask: torch.Tensor
) -> torch.Tensor:
    """How far the light of ``painted`` is from that of ``reference``: squared differences of local mean and spread.

    Both are taken of each channel in Gaussian neighbourhoods of :data:`STYLE_REACH`, each picture's under its own mask,
    and compared where both masks are. What is in a neighbourhood, and where in it, is free. After the face style of
    DeepFaceLab, which compares the whole faces only, zeros around them included. Returns a scalar.
    """
    mean, spread, here = _style(painted.float(), mask.float())
    wanted_mean, wanted_spread, there = _style(reference.float(), reference_mask.float())
    return _under((mean - wanted_mean).square() + (spread - wanted_spread).square(), here * there).mean()


def _style(picture: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Local mean and spread (N, C, h, w) of a picture under its mask, and the mask, on about 32 x 32 places."""
    moments = torch.cat([picture * mask, picture.square() * mask, mask], dim=1)
    moments = F.avg_pool2d(moments, max(1, picture.shape[-1] // 32))
    sigma = STYLE_REACH * moments.shape[-1]
    blurred = gaussian_blur(moments, sigma, math.ceil(3 * sigma), pad=True)
    mean, square = (blurred[:, :-1] / blurred[:, -1:].clamp_min(1e-6)).chunk(2, dim=1)
    # The floor keeps the root's slope finite where a neighbourhood is flat.
    return mean, (square - mean.square()).clamp_min(1e-4).sqrt(), moments[:, -1:]


def blur_background(picture: torch.Tensor, mask: torch.Tensor, sigma: float) -> torch.Tensor:
    """The picture with what is outside the mask blurred by a Gaussian of ``sigma`` px, (N, C, H, W) -> the same.

    Inside the mask nothing changes, and nothing from there bleeds out: the blur is normalised over the outside.
    DeepFaceLab calls it blur_out_mask, with a sigma of a 128th of the picture's side.
    """
    picture, outside = picture.float(), 1 - mask.float()
    blurred = gaussian_blur(torch.cat([picture * outside, outside], dim=1), sigma, math.ceil(3 * sigma), pad=True)
    return picture * (1 - outside) + blurred[:, :-1] / blurred[:, -1:].clamp_min(1e-6) * outside


def mask_loss(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the learned mask, given as logits, against a soft mask in 0..1. Returns a scalar."""
    return F.binary_cross_entropy_with_logits(logits.float(), mask.float())


def psnr(
    prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor, data_range: float = DATA_RANGE
) -> torch.Tensor:
    """Peak signal-to-noise ratio of each picture inside its mask, (N,) in dB: at most :data:`BEST_PSNR`, 0 without mask."""
    error = _under((prediction.float() - target.float()).square(), mask) / data_range**2
    ratio = -10 * torch.log10(error.clamp_min(10 ** (-BEST_PSNR / 10)))
    return torch.where(mask.sum((1, 2, 3)) > 0, ratio, 0.0)


def ssim(prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Structural similarity of each picture inside its mask, (N,): 1 at best, 0 without mask.

    Around the face both pictures are the target, so that windows at the mask's edge judge the face alone.
    """
    target, mask = target.float(), mask.float()
    blended = target + (prediction.float() - target) * mask
    return _under(ssim_map(blended, target), mask[:, :, 5:-5, 5:-5])


def _under(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The mean of each picture's (N, C, H, W) values under its (N, 1, H, W) weight, (N,); 0 where that is 0 throughout."""
    weight = weight.float()
    return (values * weight).sum((1, 2, 3)) / (weight.sum((1, 2, 3)) * values.shape[1]).clamp_min(1e-6)
