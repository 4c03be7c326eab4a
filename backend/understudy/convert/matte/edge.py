"""Soft mattes with edges at exact places: shrunk, grown and feathered by distance, not by blurring."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from understudy.imaging.extent import extent

_SOFTENED = np.array([0.25, 0.5, 0.25])
"""An outline a pixel wide is widened to two, between whose values a crossing is found to a few hundredths of a pixel."""

_BEYOND = np.float32(1e6)

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))

_NEAR, _STEP = 8.0, 4
"""So many pixels from an outline each pixel is measured, farther off only every fourth: there distance changes evenly."""


def soft_edge(
    mask: NDArray[np.floating[Any]],
    *,
    erode: float,
    inner: float,
    outer: float,
    limit: NDArray[np.floating[Any]] | None = None,
) -> NDArray[np.float32]:
    """A matte (h, w) float32 in 0..1 from a mask (h, w) in 0..1, whose outline is where the mask crosses one half.

    The outline is moved inwards by ``erode`` pixels (outwards, when negative). The matte is 1 from ``inner`` pixels
    inside it and 0 from ``outer`` pixels outside of it; between them it rises smoothly. An edge is at least one pixel
    wide, so that it stays antialiased. ``limit`` (h, w) is the coverage of the crop: towards its border the matte falls
    to 0 just as softly, however far it is grown, so that a face cut off by its crop shows no straight edge. At the
    edges of the array nothing falls: there the face goes on outside the frame. All lengths are in pixels of the array, to
    a twentieth of a pixel.
    """
    width = max(inner + outer, 1.0)
    start = erode + (inner - outer - width) / 2
    matte = np.zeros(mask.shape, np.float32)
    # Farther from the mask than its edge is moved there is no matte; a crop's border matters within an edge of that.
    # It begins at the lattice's step, so that the same pixels are measured wherever it begins.
    around = extent(mask > 0.5, math.ceil(max(-start, 0) + width) + 3, _STEP)
    if not matte[around].size:
        return matte
    height = _measured(mask[around], start, start + width) - np.float32(start)
    if limit is not None:
        height = np.minimum(height, _measured(limit[around], 0.0, width, height > 0))
    ramp = np.clip(height * np.float32(1 / width), 0, 1)
    matte[around] = ramp * ramp * (3 - 2 * ramp)
    return matte


def _measured(
    mask: NDArray[np.floating[Any]], low: float, high: float, wanted: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """The distance (h, w) of each pixel from the outline of ``mask``, positive inside.

    It is exact between ``low`` and ``high`` where it is ``wanted``, and about right elsewhere; no value depends on which
    are asked for. Without an outline it is beyond all measure.
    """
    soft = cv2.sepFilter2D(np.asarray(mask, np.float32), -1, _SOFTENED, _SOFTENED, borderType=cv2.BORDER_REPLICATE)
    inside = soft > 0.5
    beside = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_GRADIENT, _CROSS)
    if not beside.any():
        return np.where(inside, _BEYOND, -_BEYOND)
    rough = cv2.distanceTransform(1 - beside, cv2.DIST_L2, cv2.DIST_MASK_5)
    far = rough > _NEAR
    distance: NDArray[np.float32] = np.where(inside, rough, -rough)
    margin = 2 + 0.03 * max(abs(low), abs(high))
    asked = (distance > low - margin) & (distance < high + margin)
    if wanted is not None:
        asked &= wanted
    if not asked.any():
        return distance
    # Outlines run on a little outside the array.
    wider = cv2.copyMakeBorder(soft, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    contours = [contour - 1 for contour in find_contours(wider, 0.5)]  # type: ignore[no-untyped-call]
    if (asked & far).any():
        distance = np.where(far, _from_lattice(contours, distance, low - margin, high + margin), distance)
    y, x = np.nonzero(asked & ~far)
    exact = _Outline(contours).distance(np.stack([y, x], axis=1))
    distance[y, x] = np.where(inside[y, x], exact, -exact)
    return distance


def _from_lattice(
    contours: list[NDArray[np.float64]], rough: NDArray[np.float32], low: float, high: float
) -> NDArray[np.float32]:
    """The distance (h, w) measured on every fourth pixel, where the ``rough`` one is between ``low`` and ``high``.

    Pixels between are cubic: halfway ones, and halfway ones again. The lattice starts a step before the array and ends
    as far behind it.
    """
    height, width = rough.shape
    rows, columns = (np.arange(-_STEP, length + 2 * _STEP - 1, _STEP) for length in (height, width))
    lattice = rough[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)]
    y, x = np.nonzero(
        (lattice > low - 3 * _STEP) & (lattice < high + 3 * _STEP) & (np.abs(lattice) > _NEAR - 3 * _STEP)
    )
    exact = _Outline(contours, _STEP).distance(np.stack([rows[y], columns[x]], axis=1))
    lattice[y, x] = np.where(lattice[y, x] > 0, exact, -exact)
    return _halved(_halved(lattice))[_STEP : _STEP + height, _STEP : _STEP + width]


def _halved(lattice: NDArray[np.float32]) -> NDArray[np.float32]:
    """``lattice`` at steps half as long."""
    halves, flags = np.array([[0.5, 0, 0], [0, 0.5, 0]]), cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = [2 * side - 1 for side in lattice.shape[::-1]]
    return np.asarray(cv2.warpAffine(lattice, halves, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


class _Outline:
    """Polygons as their corners and, for each of these, the sides that lead to the next and to the one before."""

    def __init__(self, contours: list[NDArray[np.float64]], step: int = 1) -> None:
        """Of each of ``contours`` every ``step``-th corner, and the last of those that run to the array's edge."""
        points, after, before = [], [], []
        for contour in contours:
            if len(contour) > 2 * step and (contour[0] == contour[-1]).all():
                corners = contour[:-1:step]
                after.append(np.roll(corners, -1, axis=0))
                before.append(np.roll(corners, 1, axis=0))
            else:
                corners = np.concatenate([contour[:-1:step], contour[-1:]])
                after.append(np.concatenate([corners[1:], corners[-1:]]))
                before.append(np.concatenate([corners[:1], corners[:-1]]))
            points.append(corners)
        self._points = np.concatenate(points)
        self._sides = np.concatenate(after) - self._points, np.concatenate(before) - self._points
        self._tree = cKDTree(self._points)

    def distance(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """How far (N, 2) places are from the outline: the nearest corner is found, and the nearer of its two sides."""
        _, nearest = self._tree.query(places, workers=-1)
        offsets = places - self._points[nearest]
        squared = np.minimum(*(_squared(offsets, sides[nearest]) for sides in self._sides))
        return np.asarray(np.sqrt(squared))


def _squared(offsets: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared distances of ``offsets`` from the stretches between 0 and ``sides``, all (N, 2)."""
    lengths = np.maximum(np.einsum("ij,ij->i", sides, sides), 1e-12)
    along = np.clip(np.einsum("ij,ij->i", offsets, sides) / lengths, 0, 1)
    rest = offsets - along[:, None] * sides
    return np.asarray(np.einsum("ij,ij->i", rest, rest))
