"""Which point of a mesh is seen at each pixel: a depth buffer, at pixel centres, without a graphics card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.imaging.affine import FloatArray

_PORTION = 1 << 19
"""Pixels of triangles that are looked at together: bounds the memory, however large the face."""


@dataclass(frozen=True, eq=False)
class Surface:
    """What is seen of a mesh in a picture of ``height`` x ``width`` pixels: P of them show it."""

    height: int
    width: int
    pixels: NDArray[np.intp]  # (P,) row * width + column, ascending
    corners: NDArray[np.intp]  # (P, 3) the vertices of the triangle that is seen there
    weights: NDArray[np.float32]  # (P, 3) of these vertices, on the surface itself (perspective is undone); sum 1

    def blend(self, values: FloatArray) -> NDArray[np.float32]:
        """(P, k) of what the vertices have, (N, k), at the points that are seen."""
        known = np.asarray(values, np.float32)
        blended = self.weights[:, :1] * known[self.corners[:, 0]]
        for corner in (1, 2):
            blended += self.weights[:, corner : corner + 1] * known[self.corners[:, corner]]
        return np.asarray(blended)

    def spread(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(height, width, k) of (P, k); 0 where the mesh is not seen."""
        picture = np.zeros((self.height * self.width, values.shape[1]), np.float32)
        picture[self.pixels] = values
        return picture.reshape(self.height, self.width, -1)

    @property
    def coverage(self) -> NDArray[np.bool_]:
        """(height, width) whether the mesh is seen at the pixel's centre."""
        covered = np.zeros(self.height * self.width, np.bool_)
        covered[self.pixels] = True
        return covered.reshape(self.height, self.width)


def rasterise(
    points: FloatArray, distance: FloatArray, triangles: NDArray[np.integer[Any]], height: int, width: int
) -> Surface:
    """The nearest surface at each pixel's centre.

    ``points`` (N, 2) pixels of the picture, x right, y down, centres at +0.5; ``distance`` (N,) before the camera along its
    axis, in any unit; ``triangles`` (T, 3) anticlockwise as seen from outside: the inside of the mesh is not seen, and nor
    is what reaches behind the camera. Between vertices 1 / distance is linear in the picture, as behind a pinhole.
    Time grows with the area that the triangles cover.
    """
    before = (np.asarray(distance)[triangles] > 0).all(1)
    shown = before & facing(np.asarray(points, np.float64), triangles)
    corners = np.asarray(triangles[shown], np.intp)
    edges = _edges(np.asarray(points, np.float64)[corners])  # (T, 3, 3)
    # Flat weights times nearness: what is linear in the picture, and adds up to the nearness of the surface.
    parts = edges / edges.sum(1, keepdims=True)[..., 2:] / np.asarray(distance, np.float64)[corners][..., None]
    planes = parts.sum(1)
    nearest, seen = np.zeros(height * width), np.full(height * width, -1, np.int32)
    for owner, row, column in _centres(edges, np.asarray(points)[corners][..., 1], height, width):
        pixels, nearness = row * width + column, _at(planes[owner], row, column)
        np.maximum.at(nearest, pixels, nearness)
        won = nearness == nearest[pixels]
        seen[pixels[won]] = owner[won]
    pixels = np.flatnonzero(seen >= 0)
    owner = seen[pixels]
    row, column = np.divmod(pixels, width)
    weights = np.stack([_at(parts[owner, corner], row, column) for corner in range(3)], axis=1)
    weights /= nearest[pixels, None]
    return Surface(height, width, pixels, corners[owner], weights.astype(np.float32))


def facing(points: NDArray[np.float64], triangles: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """(T,) whether a triangle's outside is seen, of (N, 2) ``points`` in pixels, y down."""
    one, two, three = (points[triangles[:, corner]] for corner in range(3))
    side, other = two - one, three - one
    return np.asarray(side[:, 0] * other[:, 1] - side[:, 1] * other[:, 0] < 0)  # anticlockwise, with y pointing down


def vertex_normals(points: FloatArray, triangles: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """(N, 3) unit normals, outward, of (N, 3) points: the mean of the triangles around, weighted by their area."""
    one, two, three = (points[triangles[:, corner]] for corner in range(3))
    across = np.cross(two - one, three - one)
    normals = np.zeros((len(points), 3))
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], across)
    return np.asarray(unit(normals), np.float64)


def unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """(N, 3) vectors at length 1."""
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, 1e-12)[:, None])


def _edges(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 3, 3) of triangles (T, 3, 2): a, b, c for each corner, with a x + b y + c <= 0 on the inside of the side
    across from it. Two triangles find exactly opposite numbers for the side they share, so that no pixel slips between.
    The sum of the three is (0, 0, c): -2 times the area.
    """
    one, two = np.roll(places, -1, axis=1), np.roll(places, -2, axis=1)
    slope = one - two
    return np.stack([slope[..., 1], -slope[..., 0], one[..., 0] * two[..., 1] - one[..., 1] * two[..., 0]], axis=-1)


def _centres(
    edges: NDArray[np.float64], y: NDArray[np.float64], height: int, width: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
    """Triangle, row and column (M,) of every pixel's centre inside every triangle, some at a time; ``y`` (T, 3) of corners."""
    top = np.clip(np.ceil(y.min(1) - 0.5), 0, height).astype(np.intp)
    below = np.clip(np.floor(y.max(1) - 0.5) + 1, 0, height).astype(np.intp)
    owner, step = _counted(np.maximum(below - top, 0))
    row = top[owner] + step
    a, b, c = np.moveaxis(edges[owner], -1, 0)  # (rows, 3)
    rest = b * (row + 0.5)[:, None] + c
    with np.errstate(divide="ignore", invalid="ignore"):
        meets = -rest / a
    left = np.where(a < 0, meets, -np.inf).max(1)
    right = np.where(a > 0, meets, np.inf).min(1)
    first = np.ceil(np.clip(left, 0, width) - 0.5).clip(0).astype(np.intp)
    beyond = np.floor(np.clip(right, 0, width) - 0.5).astype(np.intp) + 1
    outside = ((a == 0) & (rest > 0)).any(1)
    counts = np.where(outside, 0, np.maximum(beyond - first, 0))
    for rows in np.split(np.arange(len(counts)), np.flatnonzero(np.diff(np.cumsum(counts) // _PORTION)) + 1):
        span, step = _counted(counts[rows])
        yield owner[rows][span], row[rows][span], first[rows][span] + step


def _counted(counts: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each index as often as it counts, and beside it 0, 1, 2 and so on."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _at(plane: NDArray[np.float64], row: NDArray[np.intp], column: NDArray[np.intp]) -> NDArray[np.float64]:
    """(M,) of planes (M, 3) a x + b y + c at pixels' centres."""
    return np.asarray(plane[:, 0] * (column + 0.5) + plane[:, 1] * (row + 0.5) + plane[:, 2])
