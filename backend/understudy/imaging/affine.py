"""Affine maps of the plane as (2, 3) matrices: applied, inverted, rescaled. Pixel centres lie at +0.5."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

Stretch = tuple[float, float]
"""What x and y of a plate are multiplied by for pixels that are square: (2, 1) for a squeezed plate of pixel aspect 2."""

SQUARE: Stretch = (1.0, 1.0)


def invert(matrix: FloatArray) -> NDArray[np.float64]:
    """The (2, 3) inverse of a (2, 3) affine matrix."""
    # Written out: numpy's, through LAPACK, takes a millisecond while torch's threads hold the cores.
    (a, b, x), (c, d, y) = np.asarray(matrix, np.float64).tolist()
    determinant = a * d - b * c
    rows = [d, -b, b * y - d * x], [-c, a, c * x - a * y]
    return np.array(rows, np.float64) / np.float64(determinant)


def stretched(matrix: FloatArray, stretch: Stretch) -> NDArray[np.float64]:
    """A (2, 3) matrix from square pixels as one from plate pixels that ``stretch`` takes there."""
    return np.asarray(matrix, np.float64) * (*stretch, 1.0)


def rescale(matrix: FloatArray, size: float, new_size: float) -> NDArray[np.float64]:
    """A crop matrix for the same square at another size in pixels."""
    return np.asarray(matrix, np.float64) * (new_size / size)


def apply(matrix: FloatArray, points: FloatArray) -> NDArray[np.float64]:
    """(N, 2) points through a (2, 3) affine matrix."""
    moved: NDArray[np.float64] = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return moved


def scale_of(matrix: FloatArray) -> float:
    """Crop pixels per plate pixel."""
    (a, b, _), (c, d, _) = np.asarray(matrix, np.float64).tolist()
    return math.sqrt(abs(a * d - b * c))
