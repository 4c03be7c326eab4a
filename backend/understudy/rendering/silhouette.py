"""Where a face ends before what lies behind it: the outline of the mesh, found in the picture.

Where a turned face stands before its background, the edge of nose, brow, cheek and chin is in the picture as sharp as
the lens made it, and nothing that was learnt from other people is in its way.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import Head
from understudy.face.mesh import triangles
from understudy.imaging.affine import FloatArray, apply, invert
from understudy.imaging.raster import vertex_normals
from understudy.tracks.morphable import Outline

Array = NDArray[Any]

_STEP = 0.004  # mean-face units between samples across the outline
_SIDE = 5  # samples to either side that are compared
_CLEAR = 0.05  # units beyond the outline where nothing of the face may lie, and within it where it must
_STRONG = 0.12  # difference of code values (0..1) that is an edge beyond doubt


def outline(picture: FloatArray, matrix: FloatArray, head: Head, vertices: FloatArray, reach: float) -> Outline:
    """The outline of a face as it is found in its crop.

    ``picture`` (S, S, 3) is the crop, display-encoded, 0..1, pixel centres at +0.5; ``matrix`` (2, 3) takes plate pixels
    to it. ``vertices`` (468, 3) under ``head`` say where to look: up to ``reach`` mean-face units to either side.
    """
    ends, share, place, normal = _contour(head, vertices)
    unit = float(np.sqrt(abs(np.linalg.det(np.asarray(matrix)[:, :2])))) * head.scale  # crop pixels
    spot = apply(matrix, place)
    across = normal @ np.asarray(matrix)[:, :2].T
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    free = _stands_free(apply(matrix, head.project(vertices)), spot, across, unit, np.asarray(picture).shape[:2])
    ends, share, normal, spot, across = ends[free], share[free], normal[free], spot[free], across[free]
    steps = np.arange(-round(reach / _STEP) - _SIDE, round(reach / _STEP) + _SIDE + 1)
    at = spot[:, None] + across[:, None] * (steps * _STEP * unit)[None, :, None]
    colours = cv2.remap(
        np.asarray(picture, np.float32),
        at[..., 0].astype(np.float32) - np.float32(0.5),
        at[..., 1].astype(np.float32) - np.float32(0.5),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    found, weight = _strongest(np.asarray(colours, np.float64), reach)
    seen = apply(invert(matrix), spot + across * (found * unit)[:, None])
    return Outline(ends, share, seen, normal, weight)


def _contour(head: Head, vertices: FloatArray) -> tuple[NDArray[np.int64], Array, Array, Array]:
    """Where the surface turns away from the camera: edges (M, 2), shares (M,), plate (M, 2) and normals (M, 2)."""
    points = np.asarray(vertices, np.float64)
    turned = points @ np.asarray(head.rotation, np.float64).T
    normals = vertex_normals(turned, triangles())
    sight = np.tile([0.0, 0.0, 1.0], (len(points), 1))
    if head.camera is not None:
        from_lens = (np.asarray(head.offset) - head.camera.centre) / head.scale
        sight = turned + np.append(from_lens, head.camera.focal / head.scale)
        sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    facing = -(normals * sight).sum(1)
    edges = _edges()
    first, second = facing[edges[:, 0]], facing[edges[:, 1]]
    edges = edges[first * second < 0]
    share = facing[edges[:, 0]] / (facing[edges[:, 0]] - facing[edges[:, 1]])
    blend = share[:, None]
    place = head.project(points[edges[:, 0]] * (1 - blend) + points[edges[:, 1]] * blend)
    normal = (normals[edges[:, 0]] * (1 - blend) + normals[edges[:, 1]] * blend)[:, :2]
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return edges, share, place, normal / np.maximum(length, 1e-9)


def _stands_free(vertices: Array, spot: Array, across: Array, unit: float, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which points of the contour are the outline of the whole mesh: the face on one side, no face on the other."""
    mask = np.zeros(size, np.uint8)
    for corners in vertices[triangles()]:
        cv2.fillConvexPoly(mask, np.round(corners * 16 - 8).astype(np.int32), (1,), cv2.LINE_8, 4)
    low, high = np.array([0, 0]), np.array(size[::-1]) - 1

    def covered(places: Array) -> Array:
        cells = np.clip(np.floor(places).astype(int), low, high)
        return np.asarray(mask[cells[:, 1], cells[:, 0]] > 0)

    inside = ((spot >= 1) & (spot <= high)).all(1)
    return np.asarray(
        inside & ~covered(spot + _CLEAR * unit * across) & covered(spot - 0.6 * _CLEAR * unit * across), np.bool_
    )


def _strongest(colours: Array, reach: float) -> tuple[Array, Array]:
    """Where (M, T, 3) colours change most, (M,) mean-face units out of the head; and how surely that is an edge, 0..1."""
    total = np.concatenate([np.zeros_like(colours[:, :1]), np.cumsum(colours, axis=1)], axis=1)
    last = colours.shape[1] - _SIDE
    middle = np.arange(_SIDE, last)
    inner = (total[:, middle] - total[:, middle - _SIDE]) / _SIDE
    outer = (total[:, middle + 1 + _SIDE] - total[:, middle + 1]) / _SIDE
    change = np.linalg.norm(outer - inner, axis=2)
    away = (middle - colours.shape[1] // 2) * _STEP
    doubt = np.exp(-0.5 * (away / (0.6 * reach)) ** 2)
    best = np.clip((change * doubt).argmax(1), 1, len(middle) - 2)
    row = np.arange(len(change))
    before, peak, after = change[row, best - 1], change[row, best], change[row, best + 1]
    bend = np.minimum(before - 2 * peak + after, -1e-9)
    found = away[best] + np.clip(0.5 * (before - after) / bend, -0.5, 0.5) * _STEP
    ordinary = np.median(change, axis=1)
    return found, np.clip((peak - ordinary) / _STRONG, 0, 1) ** 2


@cache
def _edges() -> NDArray[np.int64]:
    """(E, 2) the edges between two triangles; where the mesh ends, the head does not."""
    every = np.sort(np.concatenate([triangles()[:, [0, 1]], triangles()[:, [1, 2]], triangles()[:, [2, 0]]]), axis=1)
    edges, often = np.unique(every, axis=0, return_counts=True)
    return np.asarray(edges[often == 2], np.int64)
