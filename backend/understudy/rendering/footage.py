"""A person's faces in some footage as rendering sees them: the fitted head on each, and what of it each frame shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import apply
from understudy.face.mesh import HeadMesh, Posed, mirrored, triangles
from understudy.face.raster import rasterise, vertex_normals
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.rendering.openings import Openings, measure_openings

FAR = 1000.0
"""Focal length in plate pixels that orders the depths of a head without a camera."""

_DEPTH_SIDE = 128  # pixels of the crop in which visibility is tested
_DEPTH_SLACK = 0.04  # mean-face units that a visible vertex may lie behind the nearest surface
_MIRROR = np.array([-1.0, 1.0, 1.0])


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

    def mirror(self, chosen: NDArray[np.intp], widths: NDArray[np.float64]) -> Views:
        """The ``chosen`` views in a mirror; ``widths`` (N,) are those of the crops in pixels."""
        other, crop = mirrored(), self.crop[chosen][:, mirrored()].copy()
        crop[..., 0] = widths[chosen][:, None] - crop[..., 0]
        return Views(
            picture=self.picture[chosen],
            is_mirrored=~self.is_mirrored[chosen],
            crop=crop,
            normals=self.normals[chosen][:, other] * _MIRROR,
            visible=self.visible[chosen][:, other],
            direction=self.direction[chosen] * _MIRROR,
            moved=self.moved[chosen][:, other] * _MIRROR,
            openings=self.openings.part(chosen).mirrored(),
        )

    def joined(self, other: Views) -> Views:
        """Both, one after the other."""
        plain = {
            field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)])
            for field in fields(Views)
            if field.name != "openings"
        }
        return Views(**plain, openings=self.openings.joined(other.openings))


class Footage:
    """The faces of one person in one faceset."""

    def __init__(self, faceset: Faceset, faces: Sequence[Face], mesh: HeadMesh) -> None:
        """``mesh`` is the person's; ``faces`` of ``faceset`` are in the order of their frames."""
        self.faces, self.mesh = tuple(faces), mesh
        self._faceset = faceset
        self.expression = np.array([mesh.expression(face.head, face.refined) for face in faces])
        """(N, 68, 3) head space."""
        self.openings = measure_openings(self.faces, mesh.shape + self.expression)
        self.expression = self.openings.applied(mesh.shape + self.expression) - mesh.shape
        self.posed = [
            mesh.with_expression(face.head, moved) for face, moved in zip(faces, self.expression, strict=True)
        ]
        self.picture = lru_cache(maxsize=64)(self._read)

    @property
    def sizes(self) -> NDArray[np.float64]:
        """(N,) sides of the crops in pixels."""
        return np.array([face.crop_size for face in self.faces], np.float64)

    def views(self) -> Views:
        """All faces as they are."""
        pairs = list(zip(self.faces, self.posed, strict=True))
        return Views(
            picture=np.arange(len(pairs)),
            is_mirrored=np.zeros(len(pairs), np.bool_),
            crop=np.array([apply(face.matrix, posed.plate) for face, posed in pairs]),
            normals=np.array([camera_normals(posed) for _, posed in pairs]),
            visible=np.array([_visible(face, posed) for face, posed in pairs]),
            direction=np.array([direction_of(posed) for _, posed in pairs]),
            moved=np.array([posed.points - self.mesh.rest for _, posed in pairs]),
            openings=self.openings,
        )

    def _read(self, index: int) -> NDArray[np.float32]:
        """(S, S, 3) scene-linear light of one face's crop, in the faceset's space."""
        return np.ascontiguousarray(self._faceset.read(self.faces[index])[..., :3], np.float32)


def camera_normals(posed: Posed) -> NDArray[np.float64]:
    """(468, 3) normals in the camera's axes, x right, y up, z towards the camera."""
    return np.asarray(vertex_normals(posed.turned, triangles()) * (1, -1, -1))


def direction_of(posed: Posed) -> NDArray[np.float64]:
    """(3,) from the head towards the camera, head space."""
    return np.asarray(posed.head.rotation, np.float64).T @ np.array([0.0, 0.0, -1.0])


def _visible(face: Face, posed: Posed) -> NDArray[np.float64]:
    """(468,) how surely each vertex is the nearest surface and lies inside the crop, 0..1."""
    scale = _DEPTH_SIDE / face.crop_size
    places = apply(face.matrix, posed.plate) * scale
    distance = posed.distance(FAR)
    surface = rasterise(places, distance, triangles(), _DEPTH_SIDE, _DEPTH_SIDE)
    depth = np.full(_DEPTH_SIDE * _DEPTH_SIDE, 1e3, np.float32)
    depth[surface.pixels] = surface.blend(distance[:, None])[:, 0]
    around = cv2.erode(depth.reshape(_DEPTH_SIDE, _DEPTH_SIDE), np.ones((3, 3), np.uint8))
    column, row = np.clip(places, 0, _DEPTH_SIDE - 1).astype(np.intp).T
    behind = distance - around[row, column]
    inside = ((places > 0) & (places < _DEPTH_SIDE)).all(1)
    return np.asarray(np.clip(2 - behind / _DEPTH_SLACK, 0, 1) * inside)


def subset(views: Views, chosen: NDArray[np.intp]) -> Views:
    """The ``chosen`` views."""
    plain: dict[str, Any] = {
        field.name: getattr(views, field.name)[chosen] for field in fields(Views) if field.name != "openings"
    }
    return replace(views, **plain, openings=views.openings.part(chosen))
