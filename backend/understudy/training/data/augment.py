"""Variations of a face, made on the device for a whole batch at once.

A packed face is (8, R, R): normalised colour (0:3), mask (3), eyes and mouth (4), detail for the encoder
(5:8). Positions are those of ``grid_sample`` with ``align_corners=False``: -1..1 from edge to edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from understudy.model.normalisation import ColourStats, detail, gate
from understudy.training.data.augment_config import AugmentConfig
from understudy.training.data.colour_augment import lend_colours, relight
from understudy.training.data.degradations import blurred, coarsened, grained
from understudy.training.data.occluders import occlude
from understudy.training.data.random_draws import Draws

ROTATION = math.radians(2.0)
SCALE = 0.015
SHIFT = 0.0125
"""How far an aligned crop may sit off: what alignment leaves over, no more. Every free movement must pass through the
code and costs training time."""

WARP_CELLS = 5
WARP = 0.027
"""Random warp: lattice points along a side, and spread of their offset as a part of half the side."""

EXCHANGE = 1.3
"""Furthest bend towards the other person's shape; a little beyond it, so that the other person lies inside."""

TINT = 0.08
"""Spread of the random gain of each channel of what is shown."""


@dataclass(frozen=True)
class Batch:
    """What faces become: ``shown`` to the encoder, ``wanted`` from the decoder, on the same ``grid``."""

    shown: torch.Tensor  # (N, 3, R, R)
    wanted: torch.Tensor  # (N, 5, R, R) the first channels of a packed face, its masks without what is covered
    grid: torch.Tensor  # (N, R, R, 2)
    cover: torch.Tensor | None  # (N, 1, R, R) how much of ``wanted`` an occluder hides, 0..1; None without any


@dataclass(frozen=True)
class AugmentContext:
    """What faces may take from elsewhere when they are varied."""

    fields: torch.Tensor  # (N, n, n, 2) bend each face towards the other person's shape
    light: ColourStats | None = None  # (N, 3) of each face's plate; without it light stays as it is
    donors: torch.Tensor | None = None  # (N, 4 or more, R, R) faces that may lend their colours
    flips: torch.Tensor | None = None  # (N, 1, 1, 1) how often each is mirrored, 0..1; None never


def vary(
    packed: torch.Tensor, around: AugmentContext, dice: Draws, variation: AugmentConfig, warp: torch.Tensor | None
) -> Batch:
    """Vary (N, 8, R, R) packed faces. What is wanted keeps its own light and sharpness.

    ``warp``: a number from 0 to 1, how much of the variation's warp there is by now; None for no warp at all.
    """
    size = packed.shape[-1]
    grid = _placement(size, dice, variation.affine)
    if around.flips is not None:
        mirror = torch.where(dice.uniform(1, 1, 1) < around.flips, -1.0, 1.0)
        grid = grid * torch.cat([mirror, torch.ones_like(mirror)], dim=3)
    seen, cover = _seen(packed, around, dice, variation)
    wanted, hidden = look_up(packed[:, :5], grid), None
    if cover is not None:
        hidden = look_up(cover, grid)
        wanted = torch.cat([wanted[:, :3], wanted[:, 3:] * (1 - hidden)], dim=1)
    placed = grid
    if warp is not None and variation.warp > 0:
        strength = variation.warp * warp
        loose = smooth(dice.normal(2, WARP_CELLS, WARP_CELLS).clamp(-2, 2) * (WARP * strength), size)
        amount = dice.uniform(1, 1, 1) * EXCHANGE * (dice.uniform(1, 1, 1) < 0.8)
        placed = grid + (loose + amount * strength.clamp(max=1.0) * along(around.fields, grid))
    shown = look_up(seen, placed) * (1 + TINT * dice.normal(3, 1, 1))
    if variation.blur > 0:
        shown = blurred(shown, dice, variation.blur)
    if variation.downscale > 0:
        shown = coarsened(shown, dice, variation.downscale)
    if variation.noise > 0:
        shown = grained(shown, look_up(gate(packed[:, 3:4]), placed), dice, variation.noise)
    return Batch(shown, wanted, grid, hidden)


def _seen(
    packed: torch.Tensor, around: AugmentContext, dice: Draws, variation: AugmentConfig
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What the encoder would see of (N, 8, R, R) faces where they are, in other light and with something before them.

    Returns detail (N, 3, R, R), and how much is covered (N, 1, R, R) unless nothing is.
    """
    filmed, masks, cover = packed[:, :3], packed[:, 3:4], None
    colour = filmed
    if around.donors is not None and variation.colour_of_others > 0:
        colour = lend_colours(colour, masks, around.donors, dice, variation.colour_of_others)
    if around.light is not None and variation.relights:
        colour = relight(colour, around.light, dice, variation)
    if variation.occluders > 0:
        cover, paint = occlude(packed.shape[-1], dice, variation.occluders)
        colour = torch.lerp(colour, paint, cover)
    if colour is filmed:
        return packed[:, 5:], None
    return detail(colour, gate(masks)), cover


def smooth(lattices: torch.Tensor, size: int) -> torch.Tensor:
    """Bicubic interpolation of (N, 2, n, n) offsets, which span edge to edge, as (N, ``size``, ``size``, 2).

    By two products with the weights of a line: many times faster than interpolating each pixel on its own.
    """
    points = lattices.shape[-1]
    lines = torch.eye(points, device=lattices.device)[None, None]
    line = F.interpolate(lines, size=(size, points), mode="bicubic", align_corners=True)[0, 0]
    return (line @ lattices @ line.T).permute(0, 2, 3, 1)


def along(fields: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """The offsets (N, R, R, 2) of lattice ``fields`` (N, n, n, 2) at the positions of ``grid`` (N, R, R, 2)."""
    # A field spans edge to edge with its first and last points on the edges: align_corners.
    return F.grid_sample(
        fields.permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="border", align_corners=True
    ).permute(0, 2, 3, 1)


def look_up(packed: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Bilinear samples of (N, C, R, R) at ``grid`` (N, R, R, 2); the edge repeats."""
    return F.grid_sample(packed, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _placement(size: int, dice: Draws, strength: float) -> torch.Tensor:
    """Random small rotations, scales and shifts, ``strength`` times as large, as sampling positions (N, R, R, 2)."""
    spread = (dice.uniform(4) * 2 - 1) * strength
    angle, scale = spread[:, 0] * ROTATION, 1 + spread[:, 1] * SCALE
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = spread[:, 2:] * SHIFT * 2
    theta = torch.stack(
        [torch.stack([cosine, -sine, shift[:, 0]], 1), torch.stack([sine, cosine, shift[:, 1]], 1)], dim=1
    )
    return F.affine_grid(theta, [dice.count, 1, size, size], align_corners=False)
