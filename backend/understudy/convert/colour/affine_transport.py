"""Linear maps that carry one cloud of colours onto another: mean and spread, or mean and covariance.

Clouds are (N, 3) float64 in any space of three axes. Each solution is exact for clouds that have some spread; a flat
one is moved and not stretched, and no direction is stretched by more than :data:`STEEPEST`, so that the grain of a smooth
picture is not blown up to another's detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating[Any]]

STEEPEST = 4.0
"""Most that a direction is stretched; the least is its inverse."""

FLAT = 1e-3
"""Spread below which a direction has none; clouds are scaled so that mid grey is about 0.2 to 0.5."""

OPPONENT: NDArray[np.float64] = np.array([(1, 1, 1), (1, 1, -2), (1, -1, 0)]) / np.sqrt([[3], [6], [2]])
"""Rows are light, blue to yellow and green to red: the decorrelated axes of natural pictures (Ruderman et al., 1998)."""


class Transport(Protocol):
    """Carries points (N, 3) to points (N, 3), of the same type."""

    def __call__(self, points: Points) -> Points: ...


@dataclass(frozen=True, eq=False)
class Affine:
    """``points @ matrix.T + offset``."""

    matrix: NDArray[np.float64]  # (3, 3)
    offset: NDArray[np.float64]  # (3,)

    def __call__(self, points: Points) -> Points:
        return points @ self.matrix.T.astype(points.dtype) + self.offset.astype(points.dtype)


def reinhard(painted: Points, plate: Points) -> Affine:
    """Mean and spread along each of the :data:`OPPONENT` axes: Reinhard et al., 2001, on the axes of RGB itself.

    In logarithmic colours those are their l alpha beta but for the step to cone responses.
    """
    own, wanted = ((points @ OPPONENT.T).std(0) for points in (painted, plate))
    stretch = np.maximum(wanted, FLAT) / np.maximum(own, FLAT)
    return _about_the_means(OPPONENT.T @ np.diag(stretch) @ OPPONENT, painted, plate)


def linear(painted: Points, plate: Points) -> Affine:
    """Mean and covariance, by the Cholesky factors of both: a channel is scaled, and takes its part of those before it.

    Symmetric roots reach the same, but turn the colours where the channels change by different amounts, as in another light.
    """
    own, wanted = (np.linalg.cholesky(_covariance(points)) for points in (painted, plate))
    return _about_the_means(wanted @ np.linalg.inv(own), painted, plate)


def monge_kantorovich(painted: Points, plate: Points) -> Affine:
    """Mean and covariance with the least change of colours: Pitie and Kokaram, 2007."""
    return _about_the_means(_optimal(painted, plate), painted, plate)


def within_reach(painted: Points, plate: Points) -> Points:
    """The ``plate`` cloud, drawn together where the painted one would be stretched by more than :data:`STEEPEST`."""
    sizes, axes = np.linalg.eigh(_optimal(painted, plate))
    if sizes[-1] <= STEEPEST:
        return plate
    mean = plate.mean(0)
    return np.asarray(mean + (plate - mean) @ ((axes * np.minimum(STEEPEST / sizes, 1)) @ axes.T))


def _optimal(painted: Points, plate: Points) -> NDArray[np.float64]:
    """The symmetric matrix that takes the covariance of one cloud to that of the other."""
    own, wanted = _covariance(painted), _covariance(plate)
    root, whiten = _power(own, 0.5), _power(own, -0.5)
    return np.asarray(whiten @ _power(root @ wanted @ root, 0.5) @ whiten)


def _about_the_means(matrix: NDArray[np.float64], painted: Points, plate: Points) -> Affine:
    left, stretch, right = np.linalg.svd(matrix)
    held = left @ np.diag(np.clip(stretch, 1 / STEEPEST, STEEPEST)) @ right
    return Affine(held, plate.mean(0) - held @ painted.mean(0))


def _covariance(points: Points) -> NDArray[np.float64]:
    """(3, 3), with at least the spread :data:`FLAT` in every direction."""
    away = points - points.mean(0)
    sizes, axes = np.linalg.eigh(away.T @ away / len(points))
    return np.asarray((axes * np.maximum(sizes, FLAT**2)) @ axes.T)


def _power(symmetric: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """A power of a positive definite (3, 3) matrix."""
    sizes, axes = np.linalg.eigh(symmetric)
    return np.asarray((axes * sizes**exponent) @ axes.T)
