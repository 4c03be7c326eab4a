"""A smooth head, to say how deep the skin lies under a pixel: good to a tenth of a face, and refined from parallax."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import FloatArray, Head

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
    points = np.asarray(points, np.float64)
    ray = np.broadcast_to(head.rotation[2], (len(points), 3))
    depth = np.zeros(len(points))
    hit = np.ones(len(points), bool)
    place = np.zeros((len(points), 3))
    for _ in range(1 if head.camera is None else 2):
        flat = points - head.offset
        if head.camera is not None:
            centre = np.array(head.camera.centre)
            flat = (points - centre) * (1 + head.scale * depth / head.camera.focal)[:, None] + centre - head.offset
        start = np.column_stack([flat / head.scale, np.full(len(points), -3.0)]) @ head.rotation
        along, hit = _first_meeting(start, ray)
        place, depth = start + along[:, None] * ray, along - 3.0
    return place, ray, hit & (facing(head, place) > _FACING)


def facing(head: Head, places: FloatArray) -> NDArray[np.float64]:
    """Cosine between the surface's outward normal at (N, 3) ``places`` and the direction to the camera, (N,)."""
    inner = (places - _CENTRE) / _RADII
    normal = inner / _RADII
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    cosine: NDArray[np.float64] = -normal @ head.rotation[2]
    return cosine


def _first_meeting(
    start: NDArray[np.float64], ray: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How far along each ray the surface is met first, and whether it is; else where the ray is nearest to the middle."""
    offset, step = (start - _CENTRE) / _RADII, ray / _RADII
    square, half = (step**2).sum(1), (offset * step).sum(1)
    inside = half**2 - square * ((offset**2).sum(1) - 1)
    return (-half - np.sqrt(np.maximum(inside, 0))) / square, inside > 0
