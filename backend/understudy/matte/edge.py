"""Soft mattes with edges at exact places: shrunk, grown and feathered by distance, not by blurring."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.measure import find_contours

_SOFTENED = np.array([0.25, 0.5, 0.25])
"""An outline a pixel wide is widened to two, between whose values a crossing is found to a few hundredths of a pixel."""

_LATTICES = ((160.0, 8), (48.0, 4), (16.0, 2), (0.0, 1))
"""Ramps of at least so many pixels are measured at every so manieth pixel: a wide one has no finer detail."""


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
    edges of the array nothing falls: there the face goes on outside the frame. All lengths are in pixels of the array,
    to a twentieth of a pixel.
    """
    width = max(inner + outer, 1.0)
    start = erode + (inner - outer - width) / 2
    step = next(step for least, step in _LATTICES if width >= least)
    height = _measured(mask, step, start, start + width, None) - np.float32(start)
    if limit is not None:
        height = np.minimum(height, _measured(limit, step, 0.0, width, height > 0))
    height = _enlarged(height, step, mask.shape)
    ramp = np.clip(height * np.float32(1 / width), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def _measured(
    mask: NDArray[np.floating[Any]], step: int, low: float, high: float, wanted: NDArray[np.bool_] | None
) -> NDArray[np.float32]:
    """The distance from the outline of ``mask``, positive inside, at every ``step``-th pixel from the first to the last.

    It is exact between ``low`` and ``high`` where it is ``wanted``, and about right elsewhere. Without an outline it is
    more than any distance in the array.
    """
    soft = cv2.sepFilter2D(np.asarray(mask, np.float32), -1, _SOFTENED, _SOFTENED, borderType=cv2.BORDER_REPLICATE)
    rows, columns = (np.arange(0, length + step - 1, step) for length in soft.shape)
    inside = soft[np.minimum(rows, soft.shape[0] - 1)[:, None], np.minimum(columns, soft.shape[1] - 1)] >= 0.5
    contours: list[NDArray[np.float64]] = find_contours(soft, 0.5)  # type: ignore[no-untyped-call]
    if not contours:
        far = np.float32(sum(soft.shape))
        return np.where(inside, far, -far)
    outline = _Outline(contours, step)
    apart = np.ones(inside.shape, np.uint8)
    apart[tuple(np.rint(outline.points / step).astype(int).T)] = 0
    rough = cv2.distanceTransform(apart, cv2.DIST_L2, cv2.DIST_MASK_5) * np.float32(step)
    distance = np.where(inside, rough, -rough)
    margin = 3 * step + 0.03 * max(abs(low), abs(high))
    near = (distance > low - margin) & (distance < high + margin)
    if wanted is not None:
        near &= wanted
    y, x = np.nonzero(near)
    exact = outline.distance(np.stack([rows[y], columns[x]], axis=1).astype(np.float64))
    distance[y, x] = np.where(inside[y, x], exact, -exact)
    return distance


def _enlarged(lattice: NDArray[np.float32], step: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The values of every ``step``-th pixel at all pixels of an array of ``shape``: halfway ones cubic, again and again."""
    halves = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    while step > 1:
        step //= 2
        size = [-(-(length - 1) // step) + 1 for length in shape[::-1]]
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        lattice = cv2.warpAffine(lattice, halves, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[assignment]
    return lattice


class _Outline:
    """Polygons as their corners ``points`` (N, 2) and, for each, the sides that lead to the next and the one before."""

    def __init__(self, contours: list[NDArray[np.float64]], step: int) -> None:
        """Of each of ``contours`` every ``step``-th corner and the last."""
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
        self.points = np.concatenate(points)
        self._sides = np.concatenate(after) - self.points, np.concatenate(before) - self.points
        self._tree = cKDTree(self.points)

    def distance(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far (N, 2) places are from the outline: the nearest corner is found, and the nearer of its two sides."""
        _, nearest = self._tree.query(places)
        offsets = places - self.points[nearest]
        squared = np.minimum(*(_squared(offsets, sides[nearest]) for sides in self._sides))
        return np.asarray(np.sqrt(squared))


def _squared(offsets: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared distances of ``offsets`` from the stretches between 0 and ``sides``, all (N, 2)."""
    lengths = np.maximum(np.einsum("ij,ij->i", sides, sides), 1e-12)
    along = np.clip(np.einsum("ij,ij->i", offsets, sides) / lengths, 0, 1)
    rest = offsets - along[:, None] * sides
    return np.asarray(np.einsum("ij,ij->i", rest, rest))


_FINE = 4


def soft_matte(mask: NDArray[np.floating[Any]], *, erode: float, feather: float) -> NDArray[np.float32]:
    """A matte (S, S) float32 in 0..1 from a mask (S, S) in 0..1, whose outline is where the mask crosses one half.

    The matte is 0 from ``erode`` pixels inside the outline outwards (outside, when negative) and 1 from ``feather``
    pixels further in; between them it rises smoothly. It always reaches 0 at the border of the array, so that a face cut
    off by its crop shows no straight edge. Both lengths are in pixels of the array, to sub-pixel accuracy.
    """
    size = mask.shape[0]
    fine = cv2.resize(np.asarray(mask, np.float32), None, fx=_FINE, fy=_FINE, interpolation=cv2.INTER_CUBIC)
    inside = (fine >= 0.5).astype(np.uint8)
    inside[:_FINE], inside[-_FINE:], inside[:, :_FINE], inside[:, -_FINE:] = 0, 0, 0, 0
    # Both transforms measure to the nearest pixel of the other kind; the outline runs half a fine pixel before it.
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    height = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = (np.maximum(depth - 0.5, 0) - np.maximum(height - 0.5, 0)) / _FINE
    ramp = np.clip((distance - erode) / max(feather, 1 / _FINE), 0.0, 1.0)
    matte = ramp * ramp * (3 - 2 * ramp)
    small = cv2.resize(matte, (size, size), interpolation=cv2.INTER_AREA)
    border = np.minimum.outer(_from_edge(size), _from_edge(size))
    return np.asarray(small * np.clip(border / max(feather, 1.0), 0, 1), np.float32)


def _from_edge(size: int) -> NDArray[np.float64]:
    """Distance of each pixel centre from the first and last pixel of a row."""
    index = np.arange(size)
    return np.minimum(index, size - 1 - index).astype(np.float64)
