"""What a face does beyond its head's motion: the person's own shape, and the expression of the moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import HEAD_68, RIGID, Head
from understudy.imaging.affine import FloatArray
from understudy.tracks.smooth import smoothed

_OWN = 0.03  # how far a person's head is from the mean one, mean-face units
_SEEN = 0.05  # how far a landmark is off
_STRETCH = 0.15  # keeps what is foreshortened from being blown up
_MOBILE = np.where(RIGID >= 0.5, 0.15, 0.8)
"""How much of what is left over is believed to be expression: little on the skull, most on lids, brows, lips and jaw."""


def own_shape(
    heads: Sequence[Head], seen: Sequence[FloatArray | None], trust: FloatArray, mean: FloatArray
) -> NDArray[np.float64]:
    """How the person's head differs from (68, 3) ``mean``: (68, 3) mean-face units.

    ``seen`` are (68, 2) landmarks in plate pixels, None where there are none; ``trust`` (N,) weighs them. Ridge least
    squares point by point; what would only move, turn or scale the whole head is left to the heads.
    """
    normal = np.tile(np.eye(3) / _OWN**2, (68, 1, 1))
    right = np.zeros((68, 3))
    for head, points, weight in zip(heads, seen, trust, strict=True):
        if points is None or weight <= 0:
            continue
        view = head.rotation[:2]
        left_over = (np.asarray(points, np.float64) - head.project(mean)) / head.scale
        sure = weight / (_SEEN**2 * (1 + (left_over**2).sum(1) / (2 * _SEEN) ** 2))
        normal += sure[:, None, None] * (view.T @ view)
        right += sure[:, None] * (left_over @ view)
    difference = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
    return _without_similarity(difference)


def expressions(
    heads: Sequence[Head], seen: Sequence[FloatArray | None], trust: FloatArray, shape: FloatArray, strength: float
) -> NDArray[np.float64]:
    """Displacements (N, 68, 2) across the face, x right and y down, mean-face units, smoothed over ``strength`` frames.

    ``shape`` (68, 3) is the head as the landmarker sees it. Frames without landmarks take from their neighbours, and
    come to rest where those are far.
    """
    count = len(heads)
    moved, weights = np.zeros((count, 68, 2)), np.full(count, 0.02)
    for time, (head, points, weight) in enumerate(zip(heads, seen, trust, strict=True)):
        if points is None or weight <= 0:
            continue
        view = head.rotation[:2, :2]
        left_over = (np.asarray(points, np.float64) - head.project(shape)) / head.scale
        moved[time] = np.clip(left_over @ view @ np.linalg.inv(view.T @ view + _STRETCH * np.eye(2)).T, -0.3, 0.3)
        weights[time] = max(weight, 0.02)
    calm = smoothed(moved.reshape(count, -1), weights, strength).reshape(count, 68, 2)
    return np.asarray(calm * _MOBILE[:, None])


def _without_similarity(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    weight = RIGID / RIGID.sum()
    arm = HEAD_68 - weight @ HEAD_68
    ways = [np.broadcast_to(axis, (68, 3)) for axis in np.eye(3)]
    ways += [np.cross(axis, arm) for axis in np.eye(3)] + [arm]
    basis = np.stack([way.ravel() for way in ways], axis=1)
    root = np.sqrt(np.repeat(weight, 3))
    part = np.linalg.lstsq(basis * root[:, None], difference.ravel() * root, rcond=None)[0]
    return np.asarray(difference - (basis @ part).reshape(68, 3))
