"""Which faces a step learns from: as they come, or evenly over the poses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

REACH = 4.0
"""Spread in degrees over which faces count as of one pose."""

CELL = 1.0
"""Fineness of the poses in degrees."""

RAREST = 8.0
"""How many times more often than the mean a face may be drawn: a single odd face must not be learnt by heart."""


def evenness(angles: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """How often each face has to be drawn so that all poses are drawn alike: (N,), with a mean of 1.

    ``angles`` (N, 2): yaw and pitch in degrees. The inverse of a Gaussian kernel density, cut off at :data:`RAREST`.
    """
    cells = np.floor((angles - angles.min(0)) / CELL).astype(np.int64)
    crowd = np.zeros(cells.max(0) + 1)
    np.add.at(crowd, (cells[:, 0], cells[:, 1]), 1.0)
    density = gaussian_filter(crowd, REACH / CELL, mode="reflect")[cells[:, 0], cells[:, 1]]
    weights = 1.0 / density
    weights /= weights.mean()
    while weights.max() > RAREST * 1.001:  # what is cut off falls to the others, and may lift the next over the limit
        weights = np.minimum(weights, RAREST)
        weights /= weights.mean()
    return np.asarray(weights)
