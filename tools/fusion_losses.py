"""What the fusion network learns from, rendered pairs as ``tools/fusion_pairs.py`` wrote them, and what it is to make small."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from understudy.model.fusion import LIGHT, MATTE, PER_UNIT, SKIN, smoothed
from understudy.plate.colour import ColourManager

PERSON_SCALES = 0.1, 0.2, 0.4
"""Spreads in mean-face units: above each, what tells the truth from the plate must not become less."""

_HIDDEN, _NORMAL_X = 3, 7  # of the maps
_EXPOSURE, _COLOUR, _SHIFT = 0.5, 0.1, 10  # log light, log light between channels, pixels
_TURNED, _TURN, _SCALE = 0.6, 0.12, 0.1  # how many frames are turned and scaled; radians; log scale
_DARK = 3e-4  # mean squared error below which a frame need not get better
_FEATURES = 1.5  # how much more eyes, brows and lips count
_FINER = 2  # errors are taken on pictures smaller by this: light is seen as well


@dataclass(frozen=True, eq=False)
class Batch:
    """Frames on the canvas, (N, ...) float32; colours scene-linear in the working space."""

    candidates: Tensor  # (N, 4, 3, S, S)
    truth: Tensor  # (N, 3, S, S)
    maps: Tensor  # (N, MAPS, S, S)
    mask: Tensor  # (N, 1, S, S) where the truth has a face that is seen
    hardness: Tensor  # (N, 1, 1, 1) of the plate's light, 0..1


class Pairs:
    """Rendered pairs in memory."""

    def __init__(self, files: list[Path]) -> None:
        self.names = [file.stem for file in files]
        self._pairs = [dict(np.load(file)) for file in files]

    def frames(self, pair: int) -> int:
        """How many frames a pair has."""
        return len(self._pairs[pair]["mask"])

    def batch(self, places: list[tuple[int, int]]) -> Batch:
        """The frames at ``places``: pair and frame."""

        def stacked(name: str) -> Tensor:
            return torch.from_numpy(np.stack([self._pairs[pair][name][frame] for pair, frame in places])).float()

        hardness = torch.tensor([float(self._pairs[pair]["hardness"]) for pair, _ in places])[:, None, None, None]
        return Batch(stacked("candidates"), stacked("truth"), stacked("maps"), stacked("mask")[:, None], hardness)

    def drawn(self, count: int, generator: torch.Generator) -> Batch:
        """Any ``count`` frames, every pair as often: mirrored, moved, and in other light."""
        pairs = torch.randint(len(self._pairs), (count,), generator=generator).tolist()
        places = [(pair, int(torch.randint(self.frames(pair), (1,), generator=generator))) for pair in pairs]
        return varied(self.batch(places), generator)


def varied(batch: Batch, generator: torch.Generator) -> Batch:
    """A batch mirrored, moved and in other light; all of a frame alike."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    count = len(batch.mask)
    gain = torch.exp(_EXPOSURE * normal(count, 1) + _COLOUR * normal(count, 3))[..., None, None]
    batch = replace(batch, candidates=batch.candidates * gain[:, None], truth=batch.truth * gain)
    parts = {name: getattr(batch, name) for name in ("candidates", "truth", "maps", "mask")}
    for row in range(count):
        down, right = torch.randint(-_SHIFT, _SHIFT + 1, (2,), generator=generator).tolist()
        turning = bool(torch.rand((), generator=generator) < _TURNED)
        angle, scale = _TURN * float(normal()) * turning, float(torch.exp(_SCALE * normal() * turning))
        is_mirrored = bool(torch.rand((), generator=generator) < 0.5)
        for name, part in parts.items():
            one = part[row].flip(-1) if is_mirrored else part[row]
            if is_mirrored and name == "maps":
                one[_NORMAL_X] *= -1
            is_light = name in ("candidates", "truth")
            part[row] = _shifted(_turned(one, angle, scale, is_light), down, right, is_light)
    return batch


def losses(face: Tensor, shares: Tensor, batch: Batch) -> dict[str, Tensor]:
    """What ``face`` (N, 3, S, S), made with ``shares`` (N, SHARES, S, S), costs, by what it costs for."""
    maps = F.avg_pool2d(batch.maps, _FINER)
    shown = F.avg_pool2d(batch.mask, _FINER) * (1 - maps[:, _HIDDEN, None]).clamp(0, 1)
    own, truth, base, plate = (
        F.avg_pool2d(displayed(one), _FINER)
        for one in (face, batch.truth, batch.candidates[:, 0], batch.candidates[:, 3])
    )
    weighed = shown * (1 + _FEATURES * (1 - maps[:, SKIN, None]) * maps[:, MATTE, None])
    error = own - truth
    decibels, before = (torch.log(mean(one**2, weighed) + _DARK) for one in (error, base - truth))
    return {
        "decibels": 0.7 * decibels.mean(),
        "worse": F.relu(decibels - before).mean(),
        "absolute": 8 * mean((error**2 + 1e-4).sqrt(), shown).mean(),
        "light": 6 * mean((_within(own, shown, LIGHT) - _within(truth, shown, LIGHT)).abs(), shown).mean(),
        "similarity": 1.5 * mean(1 - similarity(own, truth), shown).mean(),
        "gradients": 0.8 * (1 - correlated(_slopes(own), _slopes(truth), torch.cat([shown, shown], -1))).mean(),
        "person": 10 * sum((_person(own, truth, base, plate, shown, one) for one in PERSON_SCALES), torch.zeros(())),
        "timidity": 0.02 * (shares**2).mean(),
    }


def displayed(light: Tensor) -> Tensor:
    """Scene-linear light (N, 3, h, w) of the working space as sRGB code values, 0..1."""
    linear = torch.einsum("nchw,cd->ndhw", light, _to_display()).clamp(0, 1)
    return torch.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-5) ** (1 / 2.4) - 0.055)


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """(N,) of (N, C, h, w) values where the ``mask`` (N, 1, h, w) is."""
    return (values.mean(1, keepdim=True) * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=30)


def correlated(own: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """(N,) Pearson's correlation of two pictures (N, 1, h, w) within ``mask``."""
    own, true = (one - mean(one, mask)[:, None, None, None] for one in (own, true))
    spread, true_spread = ((mean(one * one, mask) + 1e-8).sqrt() for one in (own, true))
    return mean(own * true, mask) / (spread * true_spread)


def similarity(own: Tensor, true: Tensor) -> Tensor:
    """(N, C, h, w) structural similarity (Wang et al., 2004) in a Gaussian window of 1.5 pixels."""

    def even(values: Tensor) -> Tensor:
        return smoothed(values, 1.5)

    a, b = even(own), even(true)
    both = even(own * true) - a * b
    return ((2 * a * b + 1e-4) * (2 * both + 9e-4)) / (
        (a * a + b * b + 1e-4) * (even(own * own) - a * a + even(true * true) - b * b + 9e-4)
    )


def _person(own: Tensor, truth: Tensor, base: Tensor, plate: Tensor, mask: Tensor, spread: float) -> Tensor:
    """How much less of what tells the truth from the plate there is than in the fixed mixture, or more beyond the truth."""
    wanted, made, usual = (one - _within(one, mask, spread) for one in (truth - plate, own - plate, base - plate))
    length = mean(wanted**2, mask) + 1e-6
    share, before = mean(wanted * made, mask) / length, mean(wanted * usual, mask) / length
    return (F.relu(before.clamp(max=1) - share) + F.relu(share - before.clamp(min=1))).mean()


@cache
def _to_display() -> Tensor:
    """(3, 3) from the working space to linear light of Rec. 709, rows in, columns out."""
    unit = np.eye(3, dtype=np.float32)[None]
    return torch.from_numpy(np.array(ColourManager.discover().from_working(unit, "lin_rec709_scene")[0], np.float32))


def _slopes(picture: Tensor) -> Tensor:
    """(N, 1, h, 2 w) gradients down and across of its brightness."""
    grey = picture.mean(1, keepdim=True)
    return torch.cat([F.pad(grey.diff(dim=-2), (0, 0, 0, 1)), F.pad(grey.diff(dim=-1), (0, 1))], -1)


def _within(picture: Tensor, mask: Tensor, spread: float) -> Tensor:
    """What a Gaussian of ``spread`` mean-face units passes, of what is within ``mask`` alone."""
    sigma = spread * PER_UNIT / _FINER
    return smoothed(picture * mask, sigma) / smoothed(mask, sigma).clamp(min=0.05)


def _turned(picture: Tensor, angle: float, scale: float, is_light: bool) -> Tensor:
    """``picture`` (..., h, w) turned by radians and scaled about its middle."""
    if angle == 0 and scale == 1:
        return picture
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    matrix = torch.tensor([[[cosine, -sine, 0.0], [sine, cosine, 0.0]]])
    grid = F.affine_grid(matrix, [1, 1, *picture.shape[-2:]], align_corners=False)
    planes = picture.reshape(1, -1, *picture.shape[-2:])
    beyond = "border" if is_light else "zeros"
    found = F.grid_sample(planes, grid, mode="bilinear", padding_mode=beyond, align_corners=False)
    return found.reshape(picture.shape)


def _shifted(picture: Tensor, down: int, right: int, edge: bool) -> Tensor:
    """``picture`` (..., h, w) moved by whole pixels; what comes in repeats the edge, or is 0."""
    pad = (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0))
    wide = F.pad(picture, pad, mode="replicate") if edge else F.pad(picture, pad)
    height, width = picture.shape[-2:]
    return wide[..., pad[3] : pad[3] + height, pad[1] : pad[1] + width]
