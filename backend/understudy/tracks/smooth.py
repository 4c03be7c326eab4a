"""Zero-lag smoothing: every frame is judged by those before and after it alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

from understudy.face.geometry import Head
from understudy.imaging.affine import FloatArray


def smoothed(values: FloatArray, weights: FloatArray, strength: float) -> NDArray[np.float64]:
    """(N, D) ``values`` at equal steps, smoothed over about ``strength`` steps; 0 leaves them.

    Minimises sum w (x - value)^2 + strength^4 sum (second difference of x)^2 (Whittaker 1923, Eilers 2003): straight
    motion stays, nothing lags, and what has no weight is bridged. ``weights`` are (N,), at least one above 0.
    """
    values = np.asarray(values, np.float64)
    count = len(values)
    if strength <= 0 or count < 3:
        return values.copy()
    stiff = strength**4
    band = np.zeros((3, count))  # the upper band form of diag(weights) + stiff * second differences
    band[2] = np.maximum(weights, 1e-6)
    for shift, factors in ((0, (1.0, 4.0, 1.0)), (1, (-2.0, -2.0)), (2, (1.0,))):
        for start, factor in enumerate(factors):
            band[2 - shift, shift + start : count - (2 - shift - start)] += stiff * factor
    known: NDArray[np.float64] = solveh_banded(band, values * np.maximum(weights, 1e-6)[:, None])
    return known


def smoothed_heads(heads: Sequence[Head], weights: FloatArray, strength: float) -> list[Head]:
    """Heads on consecutive frames with scale, place and rotation smoothed over about ``strength`` frames."""
    if strength <= 0 or len(heads) < 3:
        return list(heads)
    turns = Rotation.from_matrix(np.array([head.rotation for head in heads])).as_quat()
    for index in range(1, len(turns)):  # a rotation has two quaternions: keep to one side
        if turns[index] @ turns[index - 1] < 0:
            turns[index] *= -1
    table = np.column_stack([np.log([head.scale for head in heads]), [head.offset for head in heads], turns])
    table = smoothed(table, weights, strength)
    rotations = Rotation.from_quat(table[:, 3:]).as_matrix()
    return [
        replace(head, scale=float(np.exp(row[0])), offset=row[1:3], rotation=rotation)
        for head, row, rotation in zip(heads, table, rotations, strict=True)
    ]
