"""A smooth head, to say how deep the skin lies under a pixel: good to a tenth of a face, and refined from parallax."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import Head
from understudy.imaging.affine import FloatArray

_CENTRE = np.array([0.0, -0.10, 0.60])
_RADII = np.array([0.68, 1.10, 0.75])
"""An ellipsoid in mean-face units, laid through eyes, chin and ears of the mean head."""

_FACING = 0.35
"""Least cosine between the surface and the line of sight: what lies flatter is an outline, which slides over the skin."""


def lift(head: Head, points: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Where the lines of sight through (N, 2) plate ``points`` meet the head.

    Returns the (N, 3) head points, the (N, 3) unit directions of the lines in head coordinates (away from the camera), and
    whether each meets the side that is seen.
    """
    start, ray = _sight(head, np.asarray(points, np.float64))
    along, hit = _first_meeting(start, ray)
    place = start + along[:, None] * ray
    normal = (place - _CENTRE) / _RADII**2
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return place, ray, hit & (-(normal * ray).sum(1) > _FACING)


def _sight(head: Head, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Start (N, 3), before the head, and unit direction (N, 3) of the lines of sight, in head coordinates."""
    if head.camera is None:
        start = np.column_stack([(points - head.offset) / head.scale, np.full(len(points), -3.0)])
        return start @ head.rotation, np.broadcast_to(head.rotation[2], (len(points), 3))
    # Before its turn and scale the head's origin lies at offset - centre, one focal length away from the lens.
    centre = np.array(head.camera.centre)
    lens = np.append(centre - head.offset, -head.camera.focal) / head.scale
    ray = np.column_stack([points - centre, np.full(len(points), head.camera.focal)])
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    return np.broadcast_to(lens @ head.rotation, (len(points), 3)), ray @ head.rotation


def _first_meeting(
    start: NDArray[np.float64], ray: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How far along each ray the surface is met first, and whether it is; else where the ray is nearest to the middle."""
    offset, step = (start - _CENTRE) / _RADII, ray / _RADII
    square, half = (step**2).sum(1), (offset * step).sum(1)
    inside = half**2 - square * ((offset**2).sum(1) - 1)
    return (-half - np.sqrt(np.maximum(inside, 0))) / square, inside > 0
