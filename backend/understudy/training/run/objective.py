"""What a painted face costs: the terms of the loss, weighed."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from understudy.model.losses import blur_background, edge_loss, mask_loss, masked_l1, masked_mse, multi_scale_dssim

GRADIENT_LIMIT = 1.0
"""Norm to which the gradients of all of a network's weights together are held."""

BACKGROUND_BLUR = 1 / 128
"""Spread of the blur of the surroundings, as a part of the crop's side, as in DeepFaceLab."""


@dataclass(frozen=True)
class Weights:
    """What each term of the loss counts."""

    ssim: float = 1.0
    mse: float = 1.0
    l1: float = 0.0
    edge: float = 0.0
    mask: float = 0.1
    features: float = 3.0  # of eyes and mouth, on top of 1 for the whole face
    pairs: float = 1.0
    identity: float = 0.0
    style: float = 0.0
    adversarial: float = 0.0
    background: float = 0.0


def face_loss(colour: torch.Tensor, logits: torch.Tensor, wanted: torch.Tensor, weights: Weights) -> torch.Tensor:
    """The loss of painted (N, 3, R, R) and mask logits (N, 1, R, R) against (N, 5, R, R) colour, mask, eyes and mouth.

    A mean over pictures, each judged under its own mask: half a batch counts half. Returns a scalar, float32.
    """
    colour, logits = colour.float(), logits.float()
    target, mask, features = wanted[:, :3], wanted[:, 3:4], wanted[:, 4:5]
    weight = mask + weights.features * features
    total = weights.mse * masked_mse(colour, target, weight) + weights.mask * mask_loss(logits, mask)
    if weights.l1:
        total = total + weights.l1 * masked_l1(colour, target, weight)
    # The surroundings are the target's own on both sides, so that a window at the mask's edge sees no step.
    blended = target + (colour - target) * mask
    if weights.ssim:
        total = total + weights.ssim * multi_scale_dssim(blended, target, weight)
    if weights.edge:
        total = total + weights.edge * edge_loss(blended, target, weight)
    if weights.background:
        soft = blur_background(target, mask, max(BACKGROUND_BLUR * target.shape[-1], 0.5))
        total = total + weights.background * masked_mse(colour, soft, 1 - mask)
    return total
