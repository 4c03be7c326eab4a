"""The plate's own broad light on the new face: what a wide blur over the plate's skin leaves replaces the prediction's.

The new face is then lit like the head that it sits on, frame by frame, and keeps its own detail.
"""

from __future__ import annotations

import math

import torch

from understudy.model.losses import gaussian_blur

WIDENINGS = (1, 2, 4, 8)
"""Each multiple of the reach fills what the one before it could not see."""


def relit(
    swap: torch.Tensor, shown: torch.Tensor, window: torch.Tensor, covered: torch.Tensor, *, amount: float, reach: float
) -> torch.Tensor:
    """The new face ``swap`` (3, R, R) with the broad light of the plate's face ``shown`` (3, R, R).

    Both are code values of the same kind, colour-matched before; so is the result. ``window`` (1, R, R) in 0..1 is where
    the face is, and nothing changes outside it; ``covered`` (1, R, R) in 0..1 is where the plate does not show lit skin:
    hands before it, eyes and brows. ``amount`` 0..1 is the part of the light that is taken over; ``reach`` its fineness
    as a part of the crop's side.
    """
    if not amount:
        return swap
    skin = (window * (1 - covered))[None]
    return swap + amount * broad((shown - swap)[None], skin, reach)[0] * window


def broad(pictures: torch.Tensor, seen: torch.Tensor, reach: float) -> torch.Tensor:
    """What a Gaussian of spread ``reach`` * R leaves of (N, C, R, R) pictures where ``seen`` (N, 1, R, R) is 1.

    What is not seen is filled in from around, by ever wider Gaussians, each trusted as far as it sees (normalised
    convolution: Knutsson and Westin, 1993).
    """
    weighted = torch.cat([pictures * seen, seen], dim=1)
    result, missing = torch.zeros_like(pictures), torch.ones_like(seen)
    for widening in WIDENINGS:
        sigma = max(reach * widening * pictures.shape[-1], 0.5)
        blurred = gaussian_blur(weighted, sigma, math.ceil(3 * sigma), pad=True)
        value, density = blurred[:, :-1], blurred[:, -1:].clamp(0.0, 1.0)
        share = missing * density if widening != WIDENINGS[-1] else missing
        result = result + share * value / density.clamp_min(1e-3)
        missing = missing - share
    return result
