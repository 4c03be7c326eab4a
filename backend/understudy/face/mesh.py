"""The skin of the face as a mesh of triangles, bent onto a person's head and onto what the face does on a frame.

The mesh is the one whose 468 points MediaPipe's network finds: its triangles are that network's (Apache-2.0), its shape
at rest is the mean of what the network sees of the project's own synthetic people, made symmetric and bent onto
:data:`face.geometry.HEAD_68`. Eyes and mouth are closed by a skin between the lids and between the lips.

Units and axes are those of face/geometry: mean-face units, x right, y down, z away from the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from understudy.face.components.mediapipe_models import IBUG_FROM_MESH
from understudy.face.geometry import CROP_LIFT, CROP_SIDE, HEAD_68, CropKind, Head
from understudy.imaging.affine import FloatArray

VERTICES = 468

RINGS: dict[str, tuple[int, ...]] = {
    "right_eye": (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    "left_eye": (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    "lips": (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
    "mouth": (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
}
"""Vertices around the lids, the lips and the gap between them; left and right are the person's own."""


class SeenFace(Protocol):
    """A face on a frame."""

    @property
    def head(self) -> Head: ...
    @property
    def landmarks(self) -> NDArray[np.floating[Any]]:
        """(68, 2) plate pixels."""


@dataclass(frozen=True, eq=False)
class Posed:
    """The mesh as it stands before the camera on one frame. Plate pixels have their centres at +0.5."""

    head: Head
    points: NDArray[np.float64]  # (468, 3) head space, mean-face units, with the frame's expression

    @cached_property
    def plate(self) -> NDArray[np.float64]:
        """(468, 2) where the vertices are seen, plate pixels."""
        return np.asarray(self.head.project(self.points), np.float64)

    @cached_property
    def turned(self) -> NDArray[np.float64]:
        """(468, 3) the vertices in the camera's axes, x right, y down, z away, from the head's origin; mean-face units."""
        return np.asarray(self.points @ np.asarray(self.head.rotation, np.float64).T)

    def distance(self, focal: float) -> NDArray[np.float64]:
        """(468,) how far the vertices lie before the camera along its axis, mean-face units.

        ``focal`` (plate pixels) is for a head that was solved without a camera; its own camera goes first.
        """
        known = self.head.camera.focal if self.head.camera else focal
        return known / self.head.scale + self.turned[:, 2]


class HeadMesh:
    """The mesh of one person. The same for all frames of a track: made once, then posed frame by frame."""

    def __init__(self, shape: FloatArray = HEAD_68, rest_shape: FloatArray | None = None) -> None:
        """``shape`` (68, 3): the person's landmarks at rest in mean-face units, as tracks.Track has them.

        ``rest_shape`` (468, 3) are its vertices at rest where they were fitted; otherwise they follow ``shape``.
        """
        self.shape = np.asarray(shape, np.float64)
        self.rest = bent(rest(), self.shape) if rest_shape is None else np.asarray(rest_shape, np.float64)
        """(468, 3) head space: its vertices at the landmarks meet ``shape``."""

    def posed(self, face: SeenFace) -> Posed:
        """The mesh in the pose and with the expression of ``face``: at the landmarks it is seen where they are.

        A landmark's depth is that of the person's head at rest; the picture says nothing of it.
        """
        return self.with_expression(face.head, self.expression(face.head, face.landmarks))

    def expression(self, head: Head, landmarks: FloatArray) -> NDArray[np.float64]:
        """(68, 3) how the landmarks differ from those at rest, in head space, where they are seen at (68, 2) plate pixels."""
        return displacement(head, self.shape, landmarks)

    def with_expression(self, head: Head, expression: FloatArray) -> Posed:
        """The mesh under ``head`` with its landmarks moved by ``expression`` (68, 3), as :meth:`expression` gives it."""
        return Posed(head, self.rest + follow_landmarks(expression))


@cache
def rest() -> NDArray[np.float64]:
    """(468, 3) the mean head's vertices, mean-face units."""
    return _file()[0]


@cache
def triangles() -> NDArray[np.int32]:
    """(898, 3) vertex numbers, anticlockwise as seen from outside."""
    return _file()[1]


def bent(vertices: FloatArray, shape: FloatArray) -> NDArray[np.float64]:
    """(468, 3) ``vertices`` near the mean head, moved smoothly so that at the landmarks they meet ``shape`` (68, 3)."""
    moved: NDArray[np.float64] = vertices + _operator() @ (np.asarray(shape, np.float64) - at_landmarks(vertices))
    return moved


def at_landmarks(vertices: FloatArray) -> NDArray[np.float64]:
    """(68, n) the iBUG points of (468, n) mesh vertices."""
    return np.asarray(_means() @ vertices)


@cache
def mirrored() -> NDArray[np.intp]:
    """(468,) for each vertex the one on the other side of the face; those of the middle are their own."""
    return np.asarray(cdist(rest() * (-1, 1, 1), rest()).argmin(1), np.intp)


def aligned(kind: CropKind) -> NDArray[np.float32]:
    """(468, 2) u v of the mean head's vertices, as a crop of ``kind`` shows them from the front; (0, 0) bottom left."""
    u, v = (rest()[:, :2] / CROP_SIDE[kind]).T
    return np.column_stack([0.5 + u, 0.5 - v - CROP_LIFT[kind] / CROP_SIDE[kind]]).astype(np.float32)


def displacement(head: Head, points: FloatArray, seen: FloatArray) -> NDArray[np.float64]:
    """(N, 3) ways in head space, parallel to the picture, that take head ``points`` (N, 3) to where they are ``seen``.

    ``seen`` (N, 2) are plate pixels.
    """
    rotation = np.asarray(head.rotation, np.float64)
    off = np.asarray(seen, np.float64) - head.project(points)
    if head.camera is not None:
        depth = head.scale * (points @ rotation.T)[:, 2:]
        off = off * (1 + depth / head.camera.focal)
    return np.column_stack([off / head.scale, np.zeros(len(off))]) @ rotation


def follow_landmarks(moved: FloatArray) -> NDArray[np.float64]:
    """(..., 468, 3) how the vertices move where the landmarks move by ``moved`` (..., 68, 3): smoothly, lids and lips apart."""
    return np.asarray(_operator() @ np.asarray(moved, np.float64))


@cache
def _means() -> NDArray[np.float64]:
    """(68, 468) what makes the iBUG points of the vertices."""
    means = np.zeros((68, VERTICES))
    for point, vertices in enumerate(IBUG_FROM_MESH):
        means[point, list(vertices)] = 1 / len(vertices)
    return means


@cache
def _operator() -> NDArray[np.float64]:
    """(468, 68) from displacements of the landmarks to those of all vertices.

    A spline in space: the smoothest field (kernel r, the biharmonic one in three dimensions, and a constant) that takes
    the mean of the vertices at each landmark where the landmark goes. The vertices on lids and lips are led along their
    ring, for in space the upper lid is as near to a landmark of the lower one.
    """
    held, moves = _held()
    distances, count = cdist(rest(), rest()), len(held)
    system = np.zeros((count + 1, count + 1))
    system[:count, :count] = held @ distances @ held.T
    system[count, :count] = system[:count, count] = 1
    solved = np.linalg.solve(system, np.concatenate([moves, np.zeros((1, 68))]))
    return np.asarray(distances @ held.T @ solved[:count] + solved[count])


def _held() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is told of the vertices: (m, 468) their means, and (m, 68) of which landmarks' displacements they take."""
    means, own = _means(), np.eye(68)
    held, moves, led = [], [], set()
    for ring in RINGS.values():
        points = rest()[list(ring)]
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1))])
        anchors = [(along[ring.index(v)], point) for point, of in enumerate(IBUG_FROM_MESH) for v in of if v in ring]
        led |= {point for _, point in anchors}
        places, marks = zip(*sorted(anchors), strict=True)
        for vertex, place in zip(ring, along[:-1], strict=True):
            held.append(np.eye(1, VERTICES, vertex)[0])
            moves.append([np.interp(place, places, own[list(marks), point], period=along[-1]) for point in range(68)])
    rest_of_them = [point for point in range(68) if point not in led]
    return np.vstack([held, means[rest_of_them]]), np.vstack([moves, own[rest_of_them]])


@cache
def _file() -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The vertices and triangles of head.obj, which has y up and z towards the camera, and counts from 1."""
    rows = [line.split() for line in files("understudy.face").joinpath("head.obj").read_text("ascii").splitlines()]
    points = np.array([row[1:] for row in rows if row[:1] == ["v"]], np.float64) * (1, -1, -1)
    corners = np.array([row[1:] for row in rows if row[:1] == ["f"]], np.int32) - 1
    return points, corners
