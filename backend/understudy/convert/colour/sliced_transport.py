"""Maps that carry one cloud of colours onto another slice by slice: along a direction, quantile goes to quantile.

Clouds are (N, 3) float64. What is solved is kept as directions and curves, a function of any colour and not a list of
the samples' new places: beyond the quantiles of its samples a curve goes on as a mere shift, so it never runs away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from understudy.convert.colour.affine_transport import FLAT, Points, within_reach

LEVELS = (np.arange(256) + 0.5) / 256
"""The quantiles that are matched; what is rarer than the outermost goes along with them."""

KNOTS = 96
"""Evenly spaced points of each curve, between its outermost quantiles."""

MOST_STEPS = {"idt": 40, "sliced": 15}
TURNS = {"idt": 1, "sliced": 5}
"""Random bases that each step moves along at once: one fits three directions exactly, more fit all directions evenly."""

STILL = 0.002
"""A step that moves the samples by less than this part of the plate's spread is the last."""


@dataclass(frozen=True, eq=False)
class Slices:
    """Moves points along ``directions`` by curves of their place on them, all at once."""

    directions: NDArray[np.float64]  # (D, 3) unit length, D / 3 orthonormal bases
    low: NDArray[np.float64]  # (D,) place of each curve's first knot
    spacing: NDArray[np.float64]  # (D,) distance of its knots
    shifts: NDArray[np.float64]  # (D, KNOTS) how far a point on the knot is moved

    def __call__(self, points: Points) -> Points:
        directions, low, spacing, shifts = (
            part.astype(points.dtype) for part in (self.directions, self.low, self.spacing, self.shifts)
        )
        place = np.clip((points @ directions.T - low) / spacing, 0, KNOTS - 1)
        knot = np.minimum(place.astype(np.intp), KNOTS - 2)
        flat = knot + KNOTS * np.arange(len(directions))
        before, after = shifts.ravel()[flat], shifts.ravel()[flat + 1]
        moved = before + (after - before) * (place - knot).astype(points.dtype)
        return np.asarray(points + moved @ directions * points.dtype.type(3 / len(directions)))


@dataclass(frozen=True, eq=False)
class Composed:
    """One step after the other."""

    steps: tuple[Slices, ...]

    def __call__(self, points: Points) -> Points:
        for step in self.steps:
            points = step(points)
        return points


def histogram(painted: Points, plate: Points) -> Composed:
    """Each axis by itself: the painted cloud's cumulative distribution becomes the plate's."""
    return Composed((_fit(np.eye(3), painted, within_reach(painted, plate)),))


def iterative(painted: Points, plate: Points, seed: int) -> Composed:
    """Iterative distribution transfer (Pitie et al., 2005): all three axes of a random basis exactly, again and again."""
    return _repeated(painted, plate, seed, "idt")


def sliced(painted: Points, plate: Points, seed: int) -> Composed:
    """Sliced optimal transport (Rabin et al., 2011; Bonneel et al., 2015): down the mean over many directions."""
    return _repeated(painted, plate, seed, "sliced")


def _repeated(painted: Points, plate: Points, seed: int, kind: str) -> Composed:
    plate = within_reach(painted, plate)
    random = np.random.default_rng(seed)
    still = STILL * max(float(plate.std(0).max()), FLAT)
    steps = []
    for _ in range(MOST_STEPS[kind]):
        bases = np.linalg.qr(random.normal(size=(TURNS[kind], 3, 3))).Q
        step = _fit(bases.reshape(-1, 3), painted, plate)
        moved = step(painted)
        steps.append(step)
        if np.sqrt(np.square(moved - painted).mean()) < still:
            break
        painted = moved
    return Composed(tuple(steps))


def _fit(directions: NDArray[np.float64], painted: Points, plate: Points) -> Slices:
    """The curves along (D, 3) ``directions`` that take the quantiles of one cloud to those of the other.

    Both are loosened by as much noise as counts as flat: a curve stays finite where the painted cloud has no spread.
    """
    own, wanted = (_quantiles(directions @ points.T) + FLAT * ndtri(LEVELS) for points in (painted, plate))
    low, spacing = own[:, 0], (own[:, -1] - own[:, 0]) / (KNOTS - 1)
    knots = low[:, None] + spacing[:, None] * np.arange(KNOTS)
    shifts = [np.interp(*curve) for curve in zip(knots, own, wanted - own, strict=True)]
    return Slices(directions, low, spacing, np.array(shifts))


def _quantiles(places: Points) -> NDArray[np.float64]:
    """The :data:`LEVELS` of each row of (D, N): sorting is ten times as fast as numpy's search for so many."""
    ordered = np.sort(places, axis=1)
    rank = LEVELS * (ordered.shape[1] - 1)
    below = rank.astype(np.intp)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    return np.asarray(ordered[:, below] + (rank - below) * (ordered[:, above] - ordered[:, below]))
