"""The network's view of scene-linear light: logarithmic, odd about zero, invertible.

A film pixel runs from a little below 0 to 64 and beyond; a network wants numbers near -1..1 in which equal steps look
equal. ``encode`` bends like a display curve around mid grey (0.18 becomes 0.50, 1 becomes 1) and like a logarithm
above (64 becomes 2.35); negative light mirrors positive light, so nothing is clipped. It is exact to float rounding.
"""

from __future__ import annotations

import math

import torch

TOE = 0.05
"""Scene-linear value at which the curve turns from linear to logarithmic."""

_UNIT = math.log1p(1.0 / TOE)

BRIGHTEST = math.log1p(64.0 / TOE) / _UNIT
"""Code of scene-linear 64: predictions are held below it."""

DARKEST = -math.log1p(0.1 / TOE) / _UNIT
"""Code of scene-linear -0.1: predictions are held above it."""


def encode(linear: torch.Tensor) -> torch.Tensor:
    """Scene-linear values of any shape -> code values of the same shape and dtype."""
    return torch.sign(linear) * torch.log1p(linear.abs() / TOE) / _UNIT


def decode(code: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`encode`."""
    return torch.sign(code) * torch.expm1(code.abs() * _UNIT) * TOE


def decode_bounded(code: torch.Tensor) -> torch.Tensor:
    """:func:`decode` of a prediction, held to what it can mean: scene-linear -0.1 to 64."""
    return decode(code.clamp(DARKEST, BRIGHTEST))
