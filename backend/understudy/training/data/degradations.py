"""Worse pictures than those that were filmed: out of focus, coarse, noisy. Only what is shown is spoilt."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from understudy.training.data.random_draws import Draws

BLUR = 0.02
"""Largest spread of the blur, as a part of the picture's side."""

COARSER = (2, 4)
"""How many times fewer pixels a side a coarse picture may have."""

NOISE = 0.3
"""Largest spread of the noise, where a face's detail has a spread near 1."""


def blurred(pictures: torch.Tensor, dice: Draws, often: float) -> torch.Tensor:
    """``often`` (0..1) blur (N, C, R, R) by a Gaussian of a random spread, up to :data:`BLUR`."""
    size = pictures.shape[-1]
    sigma = dice.uniform(1, 1) * BLUR * size
    chosen = dice.uniform(1, 1, 1) < often
    line = torch.arange(size, device=pictures.device, dtype=pictures.dtype)
    apart = (line[:, None] - line).square()
    # A spread below a twentieth of a pixel leaves a picture as it is, and dividing by it would overflow.
    taps = torch.exp(-0.5 * apart / sigma.clamp_min(0.05).square())
    taps = (taps / taps.sum(2, keepdim=True))[:, None]
    return torch.where(chosen, taps @ (pictures @ taps.mT), pictures)


def coarsened(pictures: torch.Tensor, dice: Draws, often: float) -> torch.Tensor:
    """``often`` (0..1) show (N, C, R, R) as if they had a half or a quarter of their pixels a side."""
    size = pictures.shape[-1]
    chance = dice.uniform(1, 1, 1)
    result = pictures
    for order, times in enumerate(COARSER):
        coarse = F.interpolate(F.avg_pool2d(pictures, times), (size, size), mode="bilinear", align_corners=False)
        first, last = (often * place / len(COARSER) for place in (order, order + 1))
        result = torch.where((chance >= first) & (chance < last), coarse, result)
    return result


def grained(pictures: torch.Tensor, windows: torch.Tensor, dice: Draws, often: float) -> torch.Tensor:
    """``often`` (0..1) add Gaussian noise to (N, C, R, R), through the (N, 1, R, R) windows by which they are seen."""
    spread = NOISE * dice.uniform(1, 1, 1) * (dice.uniform(1, 1, 1) < often)
    return pictures + spread * windows * dice.grain
