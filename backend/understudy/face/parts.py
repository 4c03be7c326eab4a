"""Which part of a face a pixel shows, from the fitted mesh: what is turned away or behind the nose is not seen."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import RINGS, Posed, rest, triangles
from understudy.imaging.raster import facing

PARTS = ("skin", "left_brow", "right_brow", "left_eye", "right_eye", "nose", "lips", "mouth")
"""Left and right are the person's own. ``mouth`` is what is seen between the lips."""

_NOSE = (168, 351, 412, 399, 456, 420, 429, 358, 327, 326, 2, 97, 98, 129, 209, 198, 236, 174, 188, 122)
"""Vertices around the nose."""

_BROWS = {
    "right_brow": (70, 63, 105, 66, 107, 46, 53, 52, 65, 55),
    "left_brow": (300, 293, 334, 296, 336, 276, 283, 282, 295, 285),
}
"""Vertices of both rows of a brow."""

_FINE = 4  # sub-pixels of a pixel's side
_SHIFT = 6  # fractional bits of OpenCV's polygon coordinates


def part_coverage(posed: Posed, x: int, y: int, width: int, height: int) -> dict[str, NDArray[np.float32]]:
    """Coverage (height, width) float32 in 0..1 of each of :data:`PARTS`, hidden by nothing but the face itself.

    The picture's top left corner lies at ``x``, ``y`` in plate pixels. The parts never overlap; together they are the mesh.
    """
    points = posed.plate - (x, y)
    shown = np.flatnonzero(facing(points, triangles()))
    depth = posed.turned[:, 2][triangles()[shown]].mean(1)
    canvas = np.zeros((height * _FINE, width * _FINE), np.uint8)
    # Pixel centres at +0.5 become OpenCV's centres at whole numbers.
    fixed = np.round((points * _FINE - 0.5) * (1 << _SHIFT)).astype(np.int32)
    for number in shown[np.argsort(-depth, kind="stable")]:  # the nearest last
        value = int(_part_of_triangles()[number])
        cv2.fillConvexPoly(canvas, fixed[triangles()[number]], (value,), cv2.LINE_8, _SHIFT)
    return {name: _share(canvas, value) for value, name in enumerate(PARTS, 1)}


def _share(canvas: NDArray[np.uint8], value: int) -> NDArray[np.float32]:
    """The share of each pixel's sub-pixels that have ``value``."""
    whole = 10 * _FINE**2  # of which every share is a whole number
    marked = cv2.LUT(canvas, np.where(np.arange(256) == value, whole, 0).astype(np.uint8))
    size = canvas.shape[1] // _FINE, canvas.shape[0] // _FINE
    return np.asarray(cv2.resize(marked, size, interpolation=cv2.INTER_AREA).astype(np.float32) / whole)


@cache
def _part_of_triangles() -> NDArray[np.uint8]:
    """(T,) the part that each triangle of the mesh belongs to, counted from 1."""
    corners, flat = triangles(), rest()[:, :2].astype(np.float32)
    part = np.ones(len(corners), np.uint8)
    for name, ring in (("nose", _NOSE), ("lips", RINGS["lips"])):
        outline = flat[list(ring)]
        inside = [cv2.pointPolygonTest(outline, (float(x), float(y)), False) > 0 for x, y in flat[corners].mean(1)]
        part[inside] = PARTS.index(name) + 1
    for name in ("mouth", "right_eye", "left_eye", *_BROWS):
        part[np.isin(corners, _BROWS.get(name) or RINGS[name]).all(1)] = PARTS.index(name) + 1
    return part
