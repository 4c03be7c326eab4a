"""Things before a face that never were there: lumps, bars and hands in random colours, flat or striped.

An occluder is the union of a few limbs with round ends. Positions are those of ``grid_sample``, -1..1 from edge to
edge.
"""

from __future__ import annotations

import math

import torch

from understudy.training.data.random_draws import Draws

LIMBS = 5
"""Of a hand: the arm and four fingers."""

REACH = 0.5
"""How far from the middle of the crop an occluder may be laid, in half sides."""

SIZES = 0.14, 0.3
"""Smallest and largest, by the radius of a palm in half sides."""

SOFTNESS = 0.03, 0.12
"""Width of the soft edge."""

STRIPES = 2.0, 10.0
"""Stripes across half a side."""


def occlude(size: int, dice: Draws, often: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Something before ``often`` (0..1) of the pictures of ``size`` pixels a side that there are ``dice`` for.

    Returns how much of each pixel is covered, (N, 1, R, R) in 0..1, and with what, (N, 3, R, R) in normalised code
    values.
    """
    line = (torch.arange(size, device=dice.device) + 0.5) * 2 / size - 1
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)  # (R, R, 2) x, y
    start, end, radius = _limbs(dice)
    softness = _between(SOFTNESS, dice.uniform(1, 1))
    distance = torch.full((dice.count, size, size), math.inf, device=dice.device)
    for limb in range(LIMBS):
        along = (end[:, limb] - start[:, limb])[:, None, None]
        apart = places - start[:, limb, None, None]
        part = ((apart * along).sum(3) / along.square().sum(3).clamp_min(1e-6)).clamp(0, 1)
        away = torch.linalg.vector_norm(apart - part[..., None] * along, dim=3)
        distance = torch.minimum(distance, away - radius[:, limb, None, None])
    cover = (0.5 - distance / softness).clamp(0, 1)
    chosen = dice.uniform(1, 1) < often
    return (cover * chosen)[:, None], _paint(places, dice)


def _limbs(dice: Draws) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Start and end (N, LIMBS, 2) and radius (N, LIMBS) of the limbs of lumps, bars and hands, equally often."""
    centre = ((2 * dice.uniform(2) - 1) * REACH)[:, None]
    angle = 2 * math.pi * dice.uniform(1)
    size = _between(SIZES, dice.uniform(1))
    kind = (3 * dice.uniform(1)).floor()
    loose, wide = dice.normal(LIMBS, 2).clamp(-2, 2), dice.uniform(LIMBS)

    lump = centre + 0.5 * size[..., None] * loose
    pointing = _direction(angle)
    bar_start, bar_end = (centre + way * pointing for way in (-3.0, 3.0))

    # The arm comes in from beyond the edge; the fingers stand in a fan on the palm, which is the arm's end.
    fan = torch.linspace(-1.5, 1.5, LIMBS - 1, device=dice.device)
    finger = _direction(angle + 0.15 * fan + 0.06 * loose[:, 1:, 0])
    knuckle = centre + size[..., None] * (0.6 * pointing + 0.5 * fan[:, None] * _direction(angle + math.pi / 2))
    tip = knuckle + (1.2 + 0.8 * wide[:, 1:, None]) * size[..., None] * finger
    hand_start, hand_end = torch.cat([bar_start, knuckle], dim=1), torch.cat([centre, tip], dim=1)
    thick = torch.cat([torch.ones_like(size), 0.24 * torch.ones_like(fan) * torch.ones_like(size)], dim=1)

    bar, hand = (kind == 1)[..., None], (kind == 2)[..., None]
    start = torch.where(hand, hand_start, torch.where(bar, bar_start, lump))
    end = torch.where(hand, hand_end, torch.where(bar, bar_end, lump))
    radius = size * torch.where(kind == 2, thick, torch.where(kind == 1, 0.6, 0.5 + 0.5 * wide))
    return start, end, radius


def _paint(places: torch.Tensor, dice: Draws) -> torch.Tensor:
    """(N, 3, R, R): one colour, or for half of them two in soft stripes, brighter towards one side."""
    first, second = (dice.normal(3, 1, 1) for _ in range(2))
    across, shade = (_direction(2 * math.pi * dice.uniform(1)) for _ in range(2))
    pitch = _between(STRIPES, dice.uniform(1, 1)) * math.pi
    wave = torch.sin(pitch * (places * across[:, :, None]).sum(3) + 2 * math.pi * dice.uniform(1, 1))
    striped = dice.uniform(1, 1) < 0.5
    share = (0.5 + 2 * wave).clamp(0, 1) * striped
    return torch.lerp(first, second, share[:, None]) + 0.5 * (places * shade[:, :, None]).sum(3)[:, None]


def _between(limits: tuple[float, float], chance: torch.Tensor) -> torch.Tensor:
    return limits[0] + (limits[1] - limits[0]) * chance


def _direction(angle: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1)
