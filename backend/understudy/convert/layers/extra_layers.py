"""The layers that are written on request: the fitted head's motion, normals and depth, an inverse ST map, Cryptomatte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from understudy.convert.inverse_warp import PlacedFace
from understudy.convert.layers.cryptomatte import CHANNELS as CRYPTOMATTE_CHANNELS
from understudy.convert.layers.cryptomatte import LEVELS, cryptomatte, header
from understudy.convert.layers.geometry_layers import GEOMETRY_LAYERS, head_layers, st_inverse
from understudy.convert.squeeze import layer_in_stored
from understudy.errors import UsageError
from understudy.extraction.shot import Shot
from understudy.face.geometry import CropKind, crop_matrix
from understudy.face.mesh import HeadMesh
from understudy.face.parts import PARTS, part_coverage
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.region import Region
from understudy.plate.frame import Frame, Window
from understudy.plate.layers import Layer
from understudy.settings import ExtraLayer
from understudy.tracks.formats.json_tracks import tracks_of
from understudy.tracks.track import TRACKS

CRYPTOMATTE = "CryptoFace"

_ON_REQUEST: dict[ExtraLayer, tuple[str, ...]] = {
    "motion": ("forward", "backward"),
    "normals": ("normals",),
    "depth": ("depth",),
    "st_inv": ("st_inv",),
    "cryptomatte": tuple(f"{CRYPTOMATTE}{level:02}" for level in range(LEVELS)),
}
"""The layers that each request is for."""


@dataclass(frozen=True)
class More:
    """What a frame holds beside the usual layers, and what its header says of it."""

    layers: tuple[Layer, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


def check_profile(wanted: Sequence[ExtraLayer], profile: Literal["flat", "parts"]) -> None:
    """Raise UsageError for ``st_inv`` in one part for all layers."""
    if "st_inv" in wanted and profile == "flat":
        raise UsageError(
            "The layer st_inv is as large as the aligned face, which one part for all layers cannot hold.",
            "Add --profile parts, or leave st_inv out.",
        )


class ExtraLayers:
    """The requested layers of a shot: set once, then given frames. Those of a frame without a face are black."""

    def __init__(
        self,
        shot: Shot,
        faceset: Faceset,
        wanted: Sequence[ExtraLayer],
        crop: tuple[CropKind, int],
        labels: Sequence[str],
    ) -> None:
        """``crop`` is the aligned face's, ``labels`` name the people.

        Without solved tracks in the faceset the head is the mean one.
        """
        self._shot, (self._kind, self._size) = shot, crop
        self._labels = [label or "face" for label in labels]
        self._wanted = frozenset(wanted)
        self.layers = [name for request in _ON_REQUEST if request in self._wanted for name in _ON_REQUEST[request]]
        """Their names, in the order in which they are written."""
        self._meshes: dict[int, HeadMesh] = {}
        if self._wanted - {"st_inv"} and (text := faceset.text(TRACKS)) is not None:
            solved = tracks_of(text, faceset.folder).tracks
            self._meshes = {track.number: HeadMesh(track.shape) for track in solved}

    def of(self, frame: Frame, people: Sequence[Mapping[int, Face]], placed: Sequence[PlacedFace | None]) -> More:
        """The layers of ``frame``: where several people overlap, those of the last one."""
        if not self.layers:
            return More()
        seen = [(faces, one) for faces, one in zip(people, placed, strict=True) if one is not None]
        empty = Region(0, 0, 1, 1)
        region = empty
        for index, (_, one) in enumerate(seen):
            region = one.region if index == 0 else region.union(one.region)
        pictures: dict[str, NDArray[np.float32]] = {}
        for faces, _ in seen:
            self._add_head(pictures, frame, faces, region)
        attributes: dict[str, str] = {}
        if "cryptomatte" in self._wanted:
            attributes = header(CRYPTOMATTE, self._names())
            if seen:
                pictures |= cryptomatte(CRYPTOMATTE, self._coverage(frame, people, placed, region))[0]
        layers = (self._layer(name, pictures.get(name), region) for name in self.layers)
        return More(tuple(layer_in_stored(layer, frame) for layer in layers), attributes)

    def _add_head(
        self, pictures: dict[str, NDArray[np.float32]], frame: Frame, faces: Mapping[int, Face], region: Region
    ) -> None:
        face = faces[frame.number]
        if self._wanted & {"motion", "normals", "depth"}:
            mesh = self._mesh_of(face)
            before, after = (_beside(faces, face, step) for step in (-1, 1))
            own = head_layers(mesh, face, before, after, region, frame.origin, frame.header.display.width)
            covered = own["depth"][..., :1] > 0
            for name in own.keys() & set(self.layers):
                pictures[name] = np.where(covered, own[name], pictures.get(name, np.float32(0)))
        if "st_inv" in self._wanted:
            display = frame.header.display
            matrix = crop_matrix(face.head, self._kind, self._size)
            pictures["st_inv"] = st_inverse(matrix, self._size, display.width, display.height)

    def _mesh_of(self, face: Face) -> HeadMesh:
        if face.track not in self._meshes:
            self._meshes[face.track] = HeadMesh()
        return self._meshes[face.track]

    def _names(self) -> list[str]:
        return [f"{label}/{part}" for label in self._labels for part in PARTS]

    def _coverage(
        self,
        frame: Frame,
        people: Sequence[Mapping[int, Face]],
        placed: Sequence[PlacedFace | None],
        region: Region,
    ) -> dict[str, NDArray[np.float32]]:
        """How much each part of each face covers; who is laid later stands before the others."""
        free = np.ones((region.height, region.width), np.float32)
        coverage = {name: np.zeros_like(free) for name in self._names()}
        for label, faces, one in reversed(list(zip(self._labels, people, placed, strict=True))):
            if one is None:
                continue
            rows = slice(one.region.y - region.y, one.region.y - region.y + one.region.height)
            columns = slice(one.region.x - region.x, one.region.x - region.x + one.region.width)
            room = free.copy()
            room[rows, columns] *= 1 - one.occlusion
            face = faces[frame.number]
            corner = region.x + frame.origin[0], region.y + frame.origin[1]
            parts = part_coverage(self._mesh_of(face).posed(face), *corner, region.width, region.height)
            for part, share in parts.items():
                coverage[f"{label}/{part}"] = share * room
                free = free - share * room
        return coverage

    def _layer(self, name: str, picture: NDArray[Any] | None, region: Region) -> Layer:
        crypto = name.startswith(CRYPTOMATTE)
        channels, dtype = (CRYPTOMATTE_CHANNELS, np.float32) if crypto else GEOMETRY_LAYERS[name]
        if picture is None:
            picture = np.zeros((1, 1, len(channels)), np.float32)
        window = Window(0, 0, self._size, self._size) if name == "st_inv" else None
        return Layer(name, channels, picture.astype(dtype), (0, 0) if window else (region.x, region.y), window)


def _beside(faces: Mapping[int, Face], face: Face, step: int) -> Face | None:
    """The same face ``step`` frames later; None across a cut, where it is of another track."""
    other = faces.get(face.frame + step)
    return other if other is not None and other.track == face.track else None
