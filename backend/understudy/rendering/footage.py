"""A person's faces in some footage as rendering sees them: the fitted head on each, and what of it each frame shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import HeadMesh, Posed, at_landmarks, follow_landmarks, mirrored, triangles
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.affine import apply, scale_of
from understudy.imaging.raster import rasterise, vertex_normals
from understudy.rendering.openings import Openings, measure_openings, usual_lid_gaps, with_lids

FAR = 1000.0
"""Focal length in plate pixels that orders the depths of a head without a camera."""

_DEPTH_SIDE = 128  # pixels of the crop in which visibility is tested
_DEPTH_SLACK = 0.04  # mean-face units that a visible vertex may lie behind the nearest surface
_MIRROR = np.array([-1.0, 1.0, 1.0])
_PICTURES = 64  # crops that are kept


@dataclass(frozen=True, eq=False)
class Views:
    """N views of one person's head; in head space x is right, y down, z away, in mean-face units.

    A mirrored view is a frame seen in a mirror: it shows the other side of the face.
    """

    picture: NDArray[np.intp]  # (N,) index of the face whose pixels are seen
    is_mirrored: NDArray[np.bool_]  # (N,)
    crop: NDArray[np.float64]  # (N, 468, 2) vertices in pixels of the stored crop, which is mirrored alike
    normals: NDArray[np.float64]  # (N, 468, 3) in the camera's axes, x right, y up, z towards the camera
    visible: NDArray[np.float64]  # (N, 468) 0..1
    direction: NDArray[np.float64]  # (N, 3) from the head towards the camera, head space
    moved: NDArray[np.float64]  # (N, 468, 3) vertices against those at rest, head space
    openings: Openings

    def __len__(self) -> int:
        return len(self.picture)

    def in_mirror(self, widths: NDArray[np.float64]) -> Views:
        """The same views in a mirror; ``widths`` (N,) are those of the crops in pixels."""
        other = mirrored()
        crop = self.crop[:, other]
        return Views(
            picture=self.picture,
            is_mirrored=~self.is_mirrored,
            crop=np.stack([widths[:, None] - crop[..., 0], crop[..., 1]], axis=-1),
            normals=self.normals[:, other] * _MIRROR,
            visible=self.visible[:, other],
            direction=self.direction * _MIRROR,
            moved=self.moved[:, other] * _MIRROR,
            openings=self.openings.mirrored(),
        )

    def joined(self, other: Views) -> Views:
        """Both, one after the other."""
        arrays = [field.name for field in fields(Views) if field.name != "openings"]
        pairs = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in arrays}
        return Views(**pairs, openings=self.openings.joined(other.openings))


class Footage:
    """The faces of one person in one faceset."""

    def __init__(self, faceset: Faceset, faces: Sequence[Face], mesh: HeadMesh) -> None:
        """``mesh`` is the person's; ``faces`` of ``faceset`` are in the order of their frames."""
        self.faces, self.mesh = tuple(faces), mesh
        self._faceset = faceset
        self.openings = measure_openings(self.faces, mesh.shape)
        solved = mesh.shape + np.array([mesh.expression(face.head, face.refined) for face in faces])
        self.usual_lids = usual_lid_gaps(solved)
        """(2,) gaps of the lids as they usually are, mean-face units."""
        shapes = with_lids(solved, self.openings.lids * self.usual_lids)
        self.moved = follow_landmarks(shapes - mesh.shape)
        """(N, 468, 3) vertices against those at rest, head space."""
        self.posed = [Posed(face.head, mesh.rest + moved) for face, moved in zip(faces, self.moved, strict=True)]
        self.picture = lru_cache(maxsize=_PICTURES)(self._read)

    @property
    def landmarks(self) -> NDArray[np.float64]:
        """(N, 68, 3) the landmarks on the meshes, head space."""
        return np.asarray([at_landmarks(one.points) for one in self.posed])

    def places(self, index: int) -> NDArray[np.float64]:
        """(468, 2) where the vertices of one face are seen, in pixels of its crop."""
        return apply(self.faces[index].matrix, self.posed[index].plate)

    def unit(self, index: int) -> float:
        """Pixels of one face's crop per mean-face unit."""
        face = self.faces[index]
        return face.head.scale * scale_of(face.matrix)

    def views(self) -> Views:
        """All faces as they are."""
        return views_of(self.posed, self.faces, self.mesh.rest, self.openings)

    @property
    def widths(self) -> NDArray[np.float64]:
        """(N,) sides of the crops in pixels."""
        return np.array([face.crop_size for face in self.faces], np.float64)

    def _read(self, index: int) -> NDArray[np.float32]:
        """(S, S, 3) scene-linear light of one face's crop, in the faceset's space."""
        return np.ascontiguousarray(self._faceset.read_sound(self.faces[index])[..., :3], np.float32)


def views_of(posed: Sequence[Posed], faces: Sequence[Face], rest: NDArray[np.float64], openings: Openings) -> Views:
    """A head ``posed`` on each of ``faces``, whose vertices at rest are ``rest`` (468, 3)."""
    pairs = list(zip(faces, posed, strict=True))
    crop = np.array([apply(face.matrix, one.plate) for face, one in pairs])
    return Views(
        picture=np.arange(len(pairs)),
        is_mirrored=np.zeros(len(pairs), np.bool_),
        crop=crop,
        normals=np.array([camera_normals(one) for one in posed]),
        visible=np.array([_visible(face, one, places) for (face, one), places in zip(pairs, crop, strict=True)]),
        direction=np.array([np.asarray(one.head.rotation, np.float64).T @ (0.0, 0.0, -1.0) for one in posed]),
        moved=np.array([one.points - rest for one in posed]),
        openings=openings,
    )


def camera_normals(posed: Posed) -> NDArray[np.float64]:
    """(468, 3) normals in the camera's axes, x right, y up, z towards the camera."""
    return np.asarray(vertex_normals(posed.turned, triangles()) * (1, -1, -1))


def _visible(face: Face, posed: Posed, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(468,) how surely each vertex is the nearest surface and lies inside the crop, 0..1."""
    small = places * (_DEPTH_SIDE / face.crop_size)
    distance = posed.distance(FAR)
    surface = rasterise(small, distance, triangles(), _DEPTH_SIDE, _DEPTH_SIDE)
    depth = np.full(_DEPTH_SIDE * _DEPTH_SIDE, 1e3, np.float32)
    depth[surface.pixels] = surface.blend(distance[:, None])[:, 0]
    nearest = cv2.erode(depth.reshape(_DEPTH_SIDE, _DEPTH_SIDE), np.ones((3, 3), np.uint8))
    column, row = np.clip(small, 0, _DEPTH_SIDE - 1).astype(np.intp).T
    behind = distance - nearest[row, column]
    inside = ((small > 0) & (small < _DEPTH_SIDE)).all(1)
    return np.asarray(np.clip(2 - behind / _DEPTH_SLACK, 0, 1) * inside)
