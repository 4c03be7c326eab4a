"""The new face in the plate's light.

Over the shot, the plate's mean and spread of colour (measured over its faces only) replace the source footage's: that is
one constant map, so it cannot flicker. Within a frame, the plate's own broad light (what a wide blur over the face
leaves) replaces the prediction's, by a chosen part: the new face is then lit like the head it sits on.
"""

from __future__ import annotations

import torch

from understudy.convert.predict import Prediction
from understudy.model.presentation import Light, low_pass


def matched(
    prediction: Prediction, light: Light, hidden: torch.Tensor, *, relight: float, reach: float
) -> torch.Tensor:
    """The new face (3, R, R) in code values, in the plate's light.

    ``hidden`` (1, R, R) in 0..1 is what stands before the face: its light is not the face's. ``relight`` 0..1 is the
    part of the plate's broad light that is taken over; ``reach`` its fineness as a part of the crop's side.
    """
    swap = prediction.swap[None]
    if relight:
        seen = (prediction.window * (1 - hidden))[None]
        swap = swap + relight * low_pass(prediction.shown[None] - swap, seen, reach) * prediction.window[None]
    return light.restore(swap)[0]
