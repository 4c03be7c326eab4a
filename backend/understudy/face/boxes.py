"""Boxes of faces: how much two of them share, and one made of several that show the same face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.face.interfaces import Detection

Box = NDArray[np.floating[Any]]
"""(4,) x0 y0 x1 y1."""

SAME_FACE = 0.4
"""Boxes whose intersection over union reaches this show one face."""

CONCENTRIC = 0.25
"""So do boxes whose centres are nearer than this, in box sizes: two people cannot share a place."""

INSIDE = 0.8
"""A weaker box of which this share lies in a stronger one is a part of that face, not another face."""

LOOSE = 2.5
"""A weaker box around a stronger one, fewer times as large, is that face seen badly: faces are not transparent."""


def grouped(detections: Sequence[Detection]) -> list[list[Detection]]:
    """Detections by the face that they show, each group strongest first. Their order does not matter."""
    groups: list[list[Detection]] = []
    for face in sorted(detections, key=lambda face: (-face.score, *face.box.tolist())):
        means = [mean(group).box for group in groups]
        best = max(range(len(groups)), key=lambda index: intersection_over_union(face.box, means[index]), default=None)
        if best is not None and is_same(face.box, means[best]):
            groups[best].append(face)
        else:
            groups.append([face])
    return groups


def mean(group: Sequence[Detection]) -> Detection:
    """One detection for all of a group.

    Box and points are the means of their members weighted by score (the strongest alone changes place from frame to
    frame); the score is the strongest member's.
    """
    weights = np.array([face.score for face in group])
    box = np.average([face.box for face in group], axis=0, weights=weights).astype(np.float32)
    pointed = [face for face in group if face.points is not None]
    points = None
    if pointed:
        weights = np.array([face.score for face in pointed])
        stack = np.stack([face.points for face in pointed if face.points is not None])
        points = np.average(stack, axis=0, weights=weights).astype(np.float32)
    strongest = max(group, key=lambda face: face.score)
    return Detection(box, strongest.score, points, strongest.raw)


def is_same(box: Box, other: Box) -> bool:
    """Whether two boxes show one face."""
    apart = float(np.linalg.norm(box[:2] + box[2:] - other[:2] - other[2:])) / 2
    size = (_area(box) * _area(other)) ** 0.25
    return intersection_over_union(box, other) >= SAME_FACE or apart < CONCENTRIC * size


def is_part(box: Box, other: Box) -> bool:
    """Whether ``box`` shows a part of the face that ``other``, a stronger one, shows."""
    return _shared(box, other) >= INSIDE * _area(box)


def is_loose(box: Box, other: Box) -> bool:
    """Whether ``box`` lies loosely around the face that ``other``, a stronger one, fits."""
    return is_part(other, box) and _area(box) < LOOSE**2 * _area(other)


def intersection_over_union(box: Box, other: Box) -> float:
    """The area that two boxes (x0 y0 x1 y1) share, over the area that they cover together."""
    shared = _shared(box, other)
    return shared / max(_area(box) + _area(other) - shared, 1e-9)


def sides(box: Box) -> tuple[float, float]:
    """Width and height."""
    return float(box[2] - box[0]), float(box[3] - box[1])


def _area(box: Box) -> float:
    wide, high = sides(box)
    return max(wide, 0.0) * max(high, 0.0)


def _shared(box: Box, other: Box) -> float:
    wide = float(min(box[2], other[2]) - max(box[0], other[0]))
    high = float(min(box[3], other[3]) - max(box[1], other[1]))
    return max(wide, 0.0) * max(high, 0.0)
