"""What stands before the face, found by surprise.

The model rebuilds the target's own face on every frame. Where a hand or a microphone passes, the plate departs from that
rebuilt face much further than it does at that place of the face over the rest of the shot. The shot is its own
measure, so a model that is blurred everywhere raises no alarm.

What stands there on most frames (glasses) belongs to the face by this measure; an artist's roto is for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from understudy.model.presentation import low_pass

REACH = 1 / 24
"""Spread of the low-pass over the difference, as a part of the crop's side: fingers are seen, pores are not."""

ONSET, CERTAIN = 4.0, 8.0
"""Departures, in spreads of the shot's own, at which occlusion begins and is complete."""

LEAST_SPREAD = 0.25
"""Smallest spread, in normalised code values: less is the model's own unrest."""


@dataclass(frozen=True)
class UsualDeparture:
    """Median and spread of the departure at each place of the face over a shot, each (1, 1, R, R)."""

    median: torch.Tensor
    spread: torch.Tensor


def departure(shown: torch.Tensor, rebuilt: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """How far the plate's face departs from the rebuilt one: (N, 3, R, R) normalised codes twice -> (N, 1, R, R)."""
    return low_pass(shown - rebuilt, window, REACH).square().mean(1, keepdim=True).sqrt() * (window > 0.05)


def measure_usual(departures: torch.Tensor) -> UsualDeparture:
    """The shot's measure from departures (N, 1, R, R) of faces spread over it (median, and median deviation * 1.4826)."""
    median = departures.median(0, keepdim=True).values
    deviation = (departures - median).abs().median(0, keepdim=True).values * 1.4826
    return UsualDeparture(median, deviation.clamp_min(LEAST_SPREAD))


def occlusion(departures: torch.Tensor, usual: UsualDeparture) -> torch.Tensor:
    """(N, 1, R, R) in 0..1: 1 where something stands before the face."""
    surprise = (departures - usual.median) / usual.spread
    ramp = ((surprise - ONSET) / (CERTAIN - ONSET)).clamp(0, 1)
    return ramp * ramp * (3 - 2 * ramp)
