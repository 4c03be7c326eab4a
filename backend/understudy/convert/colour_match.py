"""The new face in the plate's light.

Over the shot, the plate's mean and spread of colour (measured over its faces only) replace the source footage's: that is
one constant map, so it cannot flicker. Within a frame, the plate's own broad light (what a wide blur over its skin
leaves) replaces the prediction's, by a chosen part: the new face is then lit like the head it sits on.
"""

from __future__ import annotations

import math

import torch

from understudy.convert.predict import Prediction
from understudy.model.losses import gaussian_blur
from understudy.model.presentation import Light

WIDENINGS = (1, 2, 4, 8)
"""Each multiple of the reach fills what the one before it could not see."""


def matched(
    prediction: Prediction, light: Light, covered: torch.Tensor, *, relight: float, reach: float
) -> torch.Tensor:
    """The new face (3, R, R) in code values, in the plate's light.

    ``covered`` (1, R, R) in 0..1 is where the plate does not show lit skin: hands before it, eyes and brows. ``relight``
    0..1 is the part of the plate's broad light that is taken over; ``reach`` its fineness as a part of the crop's side.
    """
    swap = prediction.swap[None]
    if relight:
        skin = (prediction.window * (1 - covered))[None]
        difference = broad(prediction.shown[None] - swap, skin, reach)
        swap = swap + relight * difference * prediction.window[None]
    return light.restore(swap)[0]


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
