"""The plate itself, bent from the outline of the head in it to that of the new one.

No nose or chin looks out from behind the new face, and what surrounds it keeps the plate's light, grain and blur.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.rendering.pixels import distance_within, sample

REACH = 0.126
"""Mean-face units beyond the new face over which the bend dies out."""

_FINE, _BROAD = 1 / 3, 0.02  # spread of the finer Gaussian, in reaches; weight of the broader one
_TURNED = 0.35  # vertices that are turned away by more than this (cosine) bend nothing


def bend(
    wanted: NDArray[np.float64], given: NDArray[np.float64], facing: NDArray[np.float64],
    covered: NDArray[np.bool_], hidden: NDArray[np.float32], unit: float,
) -> NDArray[np.float32]:  # fmt: skip
    """(h, w, 2) from each pixel to where in the plate it is taken from, in pixels.

    ``wanted`` and ``given`` (468, 2) are where the vertices of the new head and of the plate's lie, ``facing`` (468,) the z
    of the latter's normals; ``covered`` (h, w) where the new head is, ``hidden`` (h, w) 0..1 what stands before it and is
    not bent; ``unit`` are pixels per mean-face unit. Displacements of the vertices are spread by two Gaussians (normalised
    convolution: Knutsson and Westin, 1993).
    """
    height, width = covered.shape
    reach = REACH * unit
    weights = np.clip(facing + _TURNED, 0, 1)
    coarse = max(1, int(reach * _FINE / 4))  # the field is smooth: a small picture holds it
    small = -(-height // coarse), -(-width // coarse)
    column, row = np.floor(np.clip(wanted / coarse, 0, (small[1] - 1, small[0] - 1))).astype(np.intp).T
    moves = np.zeros((*small, 3), np.float32)
    np.add.at(moves, (row, column), np.column_stack([(given - wanted) * weights[:, None], weights]))
    total = np.zeros_like(moves)
    for spread, share in ((reach * _FINE / coarse, 1.0), (reach / coarse, _BROAD)):
        total += share * spread**2 * cv2.GaussianBlur(moves, (0, 0), spread)
    field = total[..., :2] / np.maximum(total[..., 2:], 1e-6)
    field = cv2.resize(field, (small[1] * coarse, small[0] * coarse), interpolation=cv2.INTER_LINEAR)[:height, :width]
    away = distance_within(~covered)
    field *= np.exp(-0.5 * (away / reach) ** 2)[..., None]
    if hidden.any():
        around = cv2.dilate(hidden, np.ones((5, 5), np.uint8))
        field *= (1 - cv2.GaussianBlur(around, (0, 0), 0.027 * unit))[..., None]
    return np.asarray(field, np.float32)


def reach_of(covered: NDArray[np.bool_], unit: float) -> NDArray[np.float32]:
    """(h, w) 1 on the new head, and falling to 0 where the bend of the plate has died out."""
    away = distance_within(~covered)
    near = np.clip(2.5 - away / (REACH * unit), 0, 1)
    return np.asarray(near * near * (3 - 2 * near), np.float32)


def carry(plate: NDArray[np.float32], field: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ``plate`` (h, w, 3) bent by ``field`` (h, w, 2): what does not move keeps its values."""
    height, width = plate.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = sample(plate, np.dstack([x + field[..., 0] + 0.5, y + field[..., 1] + 0.5]))
    return np.where(np.abs(field).max(-1, keepdims=True) > 1e-3, moved, plate)
