"""How a face is shown to the network: its light taken out, its surroundings dimmed.

The two people of a swap are filmed under different lights. Each plate's light is measured once over all its faces
and normalised away, so that the network sees faces alone; the prediction is given the light of the plate that it goes
into. Surroundings (hair, wall, costume) tell a network who it looks at, which a shared encoder must not know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from understudy.model.losses import gaussian_blur
from understudy.model.outliers import plausible_range

MIN_SPREAD = 0.02
"""Smallest spread that is normalised to 1: keeps a flat grey card from exploding."""


@dataclass(frozen=True)
class ColourStats:
    """Mean and spread of a plate's faces in code values, each (3,), or (N, 3) with one row for each of N faces."""

    mean: torch.Tensor
    spread: torch.Tensor

    def normalise(self, codes: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) code values -> normalised code values."""
        return (codes - self.mean.view(-1, 3, 1, 1)) / self.spread.view(-1, 3, 1, 1)

    def restore(self, normalised: torch.Tensor) -> torch.Tensor:
        """The inverse of :meth:`normalise`."""
        return normalised * self.spread.view(-1, 3, 1, 1) + self.mean.view(-1, 3, 1, 1)

    def to(self, device: torch.device) -> ColourStats:
        return ColourStats(self.mean.to(device), self.spread.to(device))

    @staticmethod
    def join(lights: Sequence[ColourStats]) -> ColourStats:
        """The rows of all ``lights``, each (N, 3), one after the other."""
        return ColourStats(torch.cat([light.mean for light in lights]), torch.cat([light.spread for light in lights]))

    def to_json(self) -> dict[str, list[float]]:
        return {"mean": self.mean.tolist(), "spread": self.spread.tolist()}

    @staticmethod
    def from_json(data: dict[str, list[float]]) -> ColourStats:
        return ColourStats(torch.tensor(data["mean"]), torch.tensor(data["spread"]))


def measure_light(codes: torch.Tensor, masks: torch.Tensor) -> ColourStats:
    """The light of one plate from its faces: (N, 3, H, W) code values under (N, 1, H, W) masks.

    Each face gives its mean and spread inside the mask; the plate's are the medians over its faces, so that a hand
    before the face on some frames does not count; within a face what is far from all the rest counts as far as light
    of a face can go (:mod:`understudy.model.outliers`).
    """
    means, spreads = lights_of_faces(torch.stack([_held(*one) for one in zip(codes, masks, strict=True)]), masks)
    return ColourStats(means.median(0).values, spreads.median(0).values)


def _held(codes: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(3, H, W) ``codes`` of a face under a ``mask`` (1, H, W), no farther from its median than light can be."""
    face = codes[:, mask[0] > 0.5]
    if not face.shape[1]:
        return codes
    low, high = (torch.from_numpy(bound).to(codes)[:, None, None] for bound in plausible_range(face.T.cpu().numpy()))
    return codes.clamp(low, high)


def lights_of_faces(codes: torch.Tensor, masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and spread of each face inside its mask: (N, 3) both, of (N, 3, H, W) under (N, 1, H, W)."""
    weight = masks.sum((2, 3)).clamp_min(1e-6)
    means = (codes * masks).sum((2, 3)) / weight
    variances = ((codes - means[:, :, None, None]).square() * masks).sum((2, 3)) / weight
    return means, variances.sqrt().clamp_min(MIN_SPREAD)


def gate(masks: torch.Tensor) -> torch.Tensor:
    """The soft window through which the encoder looks: (N, 1, R, R) face masks, widened by R / 32 and softened."""
    reach = max(1, masks.shape[-1] // 32)
    wide = F.max_pool2d(masks, 2 * reach + 1, stride=1, padding=reach)
    return gaussian_blur(wide, reach * 0.75, 2 * reach, pad=True)


DETAIL_REACH = 1 / 16
"""Spread of the low-pass that parts a face's broad light from its detail, as a part of the crop's side."""

DETAIL_GAIN = 1.5
"""Brings detail back to a spread near 1."""


def low_pass(pictures: torch.Tensor, masks: torch.Tensor, reach: float) -> torch.Tensor:
    """The broad light of (N, C, R, R) pictures inside (N, 1, R, R) masks: a normalised Gaussian, ``reach`` * R its spread.

    Nothing outside a mask leaks in; far outside it the result is 0.
    """
    sigma = max(reach * pictures.shape[-1], 0.5)
    radius = math.ceil(3 * sigma)
    blurred = gaussian_blur(torch.cat([pictures * masks, masks], dim=1), sigma, radius, pad=True)
    return blurred[:, :-1] / blurred[:, -1:].clamp_min(1e-3)


def detail(normalised: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """What the encoder sees: (N, 3, R, R) normalised code values without their broad light, inside the soft window."""
    return (normalised - low_pass(normalised, window, DETAIL_REACH)) * window * DETAIL_GAIN
