"""Critics: who tells painted faces from filmed ones, and source codes from target codes.

A critic answers with logits, above 0 for what is filmed, or the source's. It begins undecided, at 0 throughout, so that
the first steps against it are gentle. None of its layers knows other pictures of the batch or counts how often it was
asked (no batch or spectral norm): a batch in portions gives the whole batch's gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from understudy.model.blocks import SLOPE, start_weights, unit

WIDTH, WIDEST = 16, 512
"""Channels of the critic of pictures at full size, doubled with each halving, and their limit: DeepFaceLab's."""

DEEPEST = 6
"""Halvings at most."""

HIDDEN = 256
"""Width of the critic of codes."""


def receptive_field(steps: Sequence[bool]) -> int:
    """Side in pixels of what one value of the centre output sees.

    ``steps``: for each halving by a 4 x 4 convolution, whether a 3 x 3 convolution goes before it.
    """
    side, stride = 1, 1
    for refined in steps:
        side += (5 if refined else 3) * stride
        stride *= 2
    return side


def steps_for(patch: int) -> tuple[bool, ...]:
    """The halvings, as :func:`receptive_field` takes them, that see what is nearest to ``patch`` px; the fewest of such."""
    choices = [
        tuple(bool(pattern >> step & 1) for step in range(depth))
        for depth in range(1, DEEPEST + 1)
        for pattern in range(2**depth)
    ]
    return min(choices, key=lambda steps: (abs(receptive_field(steps) - patch), len(steps), sum(steps)))


class PatchCritic(nn.Module):
    """Tells filmed from painted pictures patch by patch: a U-Net with an answer in its centre and one for every pixel.

    (N, 3, H, W) normalised code values -> logits [(N, 1, h, w), (N, 1, H, W)]. Each value of the first is about a square
    of :attr:`receptive_field` px, nearest to ``patch``; the second knows more than that (Schönfeld et al. 2020).
    """

    def __init__(self, patch: int) -> None:
        super().__init__()
        steps = steps_for(patch)
        self.receptive_field = receptive_field(steps)
        widths = [min(WIDTH * 2**step, WIDEST) for step in range(len(steps) + 1)]
        self.door = nn.Conv2d(3, widths[0], 1)
        self.refine = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1) if refined else nn.Identity()
            for width, refined in zip(widths[:-1], steps, strict=True)
        )
        # Kernels of 4 cover every pixel alike at a stride of 2; those of 3 teach a grid of every other pixel.
        self.down = nn.ModuleList(nn.Conv2d(width, more, 4, stride=2, padding=1) for width, more in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(width + more, width, 3, padding=1) for width, more in pairwise(widths))
        self.centre = nn.Conv2d(widths[-1], 1, 1)
        self.full = nn.Conv2d(widths[0], 1, 1)
        start_weights(self)
        nn.init.zeros_(self.centre.weight)
        nn.init.zeros_(self.full.weight)

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        x = F.leaky_relu(self.door(pictures), SLOPE)
        kept: list[torch.Tensor] = []
        for refine, down in zip(self.refine, self.down, strict=True):
            if isinstance(refine, nn.Conv2d):
                x = F.leaky_relu(refine(x), SLOPE)
            kept.append(x)
            x = F.leaky_relu(down(x), SLOPE)
        centre = self.centre(x)
        for skip, up in zip(reversed(kept), reversed(self.up), strict=True):
            x = torch.cat([F.interpolate(x, size=skip.shape[-2:]), skip], dim=1)
            x = F.leaky_relu(up(x), SLOPE)
        return [centre, self.full(x)]


class CodeCritic(nn.Module):
    """Tells the source's codes from the target's: (N, code) -> logits [(N, 1)].

    An encoder that it cannot be told by says what a face does and not whose it is (Ganin and Lempitsky 2015).
    """

    def __init__(self, code: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(code + 1, HIDDEN), nn.LeakyReLU(SLOPE), nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(SLOPE)
        )
        self.head = nn.Linear(HIDDEN, 1)
        start_weights(self)
        nn.init.zeros_(self.head.weight)

    def forward(self, codes: torch.Tensor) -> list[torch.Tensor]:
        # Direction and size apart: families whose codes are not normalised may have them of any size.
        codes = codes.float()
        spread = 0.5 * torch.log(codes.square().mean(1, keepdim=True) + 1e-6)
        return [self.head(self.layers(torch.cat([unit(codes), spread], dim=1)))]


def critic_loss(real_outputs: Sequence[torch.Tensor], fake_outputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """What a critic pays for its logits: cross-entropy, real and fake half each, summed over its outputs.

    Log 2 for each output when it is undecided. A mean over pictures, of which both kinds may have different numbers.
    Returns a scalar, float32.
    """
    losses = [
        0.5 * (F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean())
        for real, fake in zip(real_outputs, fake_outputs, strict=True)
    ]
    return torch.stack(losses).sum()


def fooling_loss(outputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """What is paid for logits that say "fake": cross-entropy against "real", summed over the critic's outputs.

    Its slope does not vanish where the critic is sure (the non-saturating loss of Goodfellow et al. 2014).
    Returns a scalar, float32.
    """
    return torch.stack([F.softplus(-output.float()).mean() for output in outputs]).sum()
