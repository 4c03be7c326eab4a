"""Other light on the same face: what is shown to the encoder, so that it becomes blind to light.

Light is varied where light adds and multiplies: the plate's own light is restored, the code values are decoded to
scene-linear, and all goes back the same way. A change of the plate's mean light stays, as it would on one frame.
"""

from __future__ import annotations

import torch

from understudy.model.log_curve import decode_bounded, encode
from understudy.model.normalisation import ColourStats, lights_of_faces
from understudy.training.data.augment_config import AugmentConfig
from understudy.training.data.random_draws import Draws

LIMIT = 2.0
"""Furthest that a random strength goes, in spreads."""


def relight(normalised: torch.Tensor, light: ColourStats, dice: Draws, variation: AugmentConfig) -> torch.Tensor:
    """Random exposure, white balance, hue and saturation of (N, 3, R, R) normalised code values.

    ``light``: (N, 3) mean and spread of each face's plate. Returns code values that are normalised by the same.
    """
    count = len(normalised)
    stops = torch.zeros(count, 3, device=normalised.device)
    if variation.exposure > 0:
        stops = stops + variation.exposure * _spread(dice, 1)
    if variation.white_balance > 0:
        stops = stops + variation.white_balance * _spread(dice, 3)
    mix = torch.diag_embed(torch.exp2(stops))
    if variation.hue > 0 or variation.saturation > 0:
        turn = torch.deg2rad(variation.hue * _spread(dice))
        factor = (1 + variation.saturation * _spread(dice)).clamp_min(0)
        mix = chroma(turn, factor) @ mix
    linear = decode_bounded(light.restore(normalised))  # a lent contrast may have gone beyond all light
    return light.normalise(encode((mix @ linear.flatten(2)).view_as(linear)))


def chroma(turn: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """(N, 3, 3) matrices that turn linear colours by ``turn`` (N,) radians of hue and scale their distance from grey.

    A rotation about the grey axis (Rodrigues' formula): red becomes green after 120 degrees, the mean of the channels
    stays, and it holds for negative and bright light as well.
    """
    one = torch.eye(3, device=turn.device)
    grey = torch.full_like(one, 1 / 3)
    away = one - grey
    cross = (one.roll(1, 0) - one.roll(-1, 0)) / 3**0.5  # the cross product with (1, 1, 1) / sqrt(3)
    cosine, sine = ((factor * wave(turn))[:, None, None] for wave in (torch.cos, torch.sin))
    return grey + cosine * away + sine * cross


def lend_colours(
    normalised: torch.Tensor, masks: torch.Tensor, donors: torch.Tensor, dice: Draws, often: float
) -> torch.Tensor:
    """``often`` (0..1) give (N, 3, R, R) faces the mean and spread that their donors have, each under its mask.

    ``donors`` (N, 4 or more, R, R): normalised code values and mask of one other face for each. Both are normalised by
    their own plates' light, so that only what differs from frame to frame, and from person to person, is lent.
    """
    mean, spread = lights_of_faces(normalised, masks)
    new_mean, new_spread = lights_of_faces(donors[:, :3], donors[:, 3:4])
    chosen = dice.uniform(1, 1, 1) < often
    lent = ColourStats(new_mean, new_spread).restore(ColourStats(mean, spread).normalise(normalised))
    return torch.where(chosen, lent, normalised)


def _spread(dice: Draws, *shape: int) -> torch.Tensor:
    return dice.normal(*shape).clamp(-LIMIT, LIMIT)
