"""Variations of a face, made on the device from one small generator.

A packed face is (8, R, R): normalised colour (0:3), mask (3), eyes and mouth (4), detail for the encoder
(5:8). Positions are those of ``grid_sample`` with ``align_corners=False``: -1..1 from edge to edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

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
    """What one side's faces become: ``shown`` to the encoder, ``wanted`` from the decoder, on the same ``grid``."""

    shown: torch.Tensor  # (N, 3, R, R)
    wanted: torch.Tensor  # (N, 5, R, R) the first channels of a packed face
    grid: torch.Tensor  # (N, R, R, 2)


class Random:
    """Random tensors from one CPU generator: the same numbers on every device, and one state to save."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.device = device

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self.generator).to(self.device, non_blocking=True)

    def uniform(self, *shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=self.generator).to(self.device, non_blocking=True)

    def integers(self, high: int, *shape: int) -> torch.Tensor:
        return torch.randint(high, shape, generator=self.generator).to(self.device, non_blocking=True)


def vary(packed: torch.Tensor, fields: torch.Tensor, random: Random, *, warp: float, flip: bool) -> Batch:
    """Vary (N, 8, R, R) packed faces; ``fields`` (N, n, n, 2) bend each towards the other person's shape.

    ``warp`` scales the random warp and the shape exchange of what is shown (0: show what is wanted).
    """
    count, size = packed.shape[0], packed.shape[-1]
    grid = _placement(count, size, random)
    if flip:
        mirror = torch.where(random.uniform(count, 1, 1, 1) < 0.5, -1.0, 1.0)
        grid = grid * torch.cat([mirror, torch.ones_like(mirror)], dim=3)
    wanted = look_up(packed[:, :5], grid)
    if warp > 0:
        lattice = random.normal(count, 2, WARP_CELLS, WARP_CELLS).clamp(-2, 2) * (WARP * warp)
        loose = F.interpolate(lattice, size=(size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
        amount = random.uniform(count, 1, 1, 1) * EXCHANGE * (random.uniform(count, 1, 1, 1) < 0.8)
        placed = grid + loose + amount * min(warp, 1.0) * along(fields, grid)
    else:
        placed = grid
    shown = look_up(packed[:, 5:], placed)
    return Batch(shown * (1 + TINT * random.normal(count, 3, 1, 1)), wanted, grid)


def along(fields: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """The offsets (N, R, R, 2) of lattice ``fields`` (N, n, n, 2) at the positions of ``grid`` (N, R, R, 2)."""
    # A field spans edge to edge with its first and last points on the edges: align_corners.
    return F.grid_sample(
        fields.permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="border", align_corners=True
    ).permute(0, 2, 3, 1)


def look_up(packed: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Bilinear samples of (N, C, R, R) at ``grid`` (N, R, R, 2); the edge repeats."""
    return F.grid_sample(packed, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _placement(count: int, size: int, random: Random) -> torch.Tensor:
    """Random small rotations, scales and shifts as sampling positions (N, R, R, 2)."""
    spread = random.uniform(count, 4) * 2 - 1
    angle, scale = spread[:, 0] * ROTATION, 1 + spread[:, 1] * SCALE
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = spread[:, 2:] * SHIFT * 2
    theta = torch.stack(
        [torch.stack([cosine, -sine, shift[:, 0]], 1), torch.stack([sine, cosine, shift[:, 1]], 1)], dim=1
    )
    return F.affine_grid(theta, [count, 1, size, size], align_corners=False)
