"""Performers made of the head's mesh with a texture, in any pose, expression and light: what is true of them is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from made_people import describe, stand, write_exr
from numpy.typing import NDArray
from understudy.events import Events
from understudy.extraction.cut_crop import cut
from understudy.extraction.shot import prepare
from understudy.face.geometry import Head, crop_matrix
from understudy.face.mesh import HeadMesh, Posed, at_landmarks, follow_landmarks, rest, triangles
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.raster import rasterise, vertex_normals
from understudy.imaging.resample import coverage, warp
from understudy.plate.reader import read_frame
from understudy.rendering.footage import Footage
from understudy.settings import PlateOptions

SIZE = (150, 160)  # height and width of the pictures
_FINE = 3
_UPPER_LIDS, _LOWER_LIDS = [37, 38, 43, 44], [41, 40, 47, 46]
_LOWER_LIPS = [55, 56, 57, 58, 59, 65, 66, 67]


@dataclass(frozen=True)
class Moment:
    """What a performer does on a frame: degrees, mean-face units, and how far the eyes are open, 1 as usual."""

    yaw: float = 0.0
    pitch: float = 0.0
    mouth: float = 0.0
    lids: float = 1.0
    x: float = 80.0
    y: float = 80.0
    scale: float = 48.0

    @property
    def head(self) -> Head:
        return stand(self.x, self.y, self.scale, self.yaw, self.pitch, 0.0)

    @property
    def expression(self) -> NDArray[np.float64]:
        """(68, 3) how the landmarks are moved, head space."""
        moved = np.zeros((68, 3))
        moved[_LOWER_LIPS, 1] = self.mouth
        shape = at_landmarks(rest())
        moved[_UPPER_LIDS] = (1 - self.lids) * (shape[_LOWER_LIDS] - shape[_UPPER_LIDS])
        return moved


@dataclass(frozen=True, eq=False)
class Performer:
    """Somebody with a skin, in a light: log gain by a constant and the eight harmonics of order 1 and 2."""

    skin: tuple[float, float, float] = (0.42, 0.28, 0.21)
    light: NDArray[np.float64] = field(default_factory=lambda: np.zeros((9, 3)))
    mesh: NDArray[np.float64] = field(default_factory=rest)
    ripples: float = 0.12  # how strongly the skin is patterned
    pattern: float = 24.0
    pores: float = 0.0  # detail of every size, down to a pixel

    def albedo(self, places: NDArray[np.float32]) -> NDArray[np.float64]:
        """(P, 3) of points of the mean head (P, 3): patterned skin, dark brows and irises, white eyes, red lips."""
        x, y = np.abs(places[:, 0]), places[:, 1]
        ripple = np.sin(self.pattern * places[:, 0] + 1) * np.sin(1.3 * self.pattern * y) + 0.4 * np.sin(
            9 * places[:, 0] + 4 * y
        )
        waves = np.random.default_rng(5).normal(0, 1, (40, 2)) * np.geomspace(8, 150, 40)[:, None]
        pores = np.cos(places[:, :2] @ waves.T + np.arange(40)).sum(1) / 6 if self.pores else np.zeros(len(places))
        colour = np.array(self.skin) * np.exp(self.ripples * ripple + self.pores * pores)[:, None]
        for middle, radii, painted in (
            ((0.29, -0.43), (0.15, 0.03), (0.05, 0.04, 0.03)),
            ((0.265, -0.308), (0.095, 0.04), (0.7, 0.7, 0.7)),
            ((0.265, -0.308), (0.035, 0.035), (0.05, 0.06, 0.08)),
            ((0.0, 0.33), (0.22, 0.085), (0.35, 0.1, 0.1)),
        ):
            away = np.hypot((x - middle[0]) / radii[0], (y - middle[1]) / radii[1])
            share = np.clip((1.15 - away) / 0.3, 0, 1)[:, None]
            colour = colour * (1 - share) + np.array(painted) * share
        return colour

    def posed(self, moment: Moment) -> Posed:
        return Posed(moment.head, self.mesh + follow_landmarks(moment.expression))


def shine(normals: NDArray[np.float64], light: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) log gain of a ``light`` (9, 3) on ``normals`` (N, 3), x right, y up, z towards the camera."""
    x, y, z = normals.T
    basis = np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], axis=1)
    return np.asarray(basis @ light)


def ground(size: tuple[int, int] = SIZE) -> NDArray[np.float32]:
    """(h, w, 3) what stands behind a performer."""
    height, width = size
    row, column = np.mgrid[:height, :width]
    wave = 0.12 + 0.05 * np.sin(column / 7) * np.cos(row / 9)
    return np.dstack([wave, 1.1 * wave, 0.9 * wave]).astype(np.float32)


def film(who: Performer, moment: Moment, behind: NDArray[np.float32]) -> NDArray[np.float32]:
    """``behind`` (h, w, 3) with a performer before it, scene-linear, antialiased."""
    height, width = behind.shape[:2]
    posed = who.posed(moment)
    surface = rasterise(posed.plate * _FINE, posed.distance(1000.0), triangles(), height * _FINE, width * _FINE)
    gain = shine(vertex_normals(posed.turned, triangles()) * (1, -1, -1), who.light)
    light = who.albedo(surface.blend(rest())) * np.exp(surface.blend(gain))
    picture = np.dstack([surface.spread(light.astype(np.float32)), surface.coverage])
    small = cv2.resize(picture.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small[..., :3] + (1 - small[..., 3:]) * behind, np.float32)


def record(who: Performer, moment: Moment, frame: int, plate: str, size: int = 128, **changes: Any) -> Face:
    """What a perfect landmarker and solver would say of a performer on a frame; ``size`` is the crop's."""
    seen = who.posed(moment).plate
    points = at_landmarks(seen).astype(np.float32)
    irises = [(0.265 * side, -0.308) for side in (-1, 1)]
    ring = np.array([(0, 0), (0.035, 0), (0, -0.035), (-0.035, 0), (0, 0.035)])
    eyes = [moment.head.project(np.column_stack([ring + iris, np.full(5, -0.02)])) for iris in irises]
    face = describe(points, frame, plate, "whole", size)
    values: dict[str, Any] = {name: getattr(face, name) for name in face.__dataclass_fields__}
    values |= {"head": moment.head, "matrix": crop_matrix(moment.head, "whole", size)}
    values |= {"dense": np.concatenate([seen, *eyes]).astype(np.float32), "confidence": 0.9}
    return Face(**(values | changes))


def take(
    folder: Path,
    who: Performer,
    moments: Sequence[Moment],
    *,
    size: int = 128,
    pictures: Sequence[NDArray[np.float32]] | None = None,
    first: int = 1001,
    **changes: Any,
) -> Faceset:
    """A faceset of a performer in ``moments``, or with ``pictures`` of them in the place of those that are filmed."""
    faceset = Faceset.create(folder, {})
    for index, moment in enumerate(moments):
        image = film(who, moment, ground()) if pictures is None else pictures[index]
        face = record(who, moment, first + index, f"{folder.name}.%04d.exr", size, **changes)
        inside = coverage(image.shape[1], image.shape[0], face.matrix, size)
        faceset.add(face, np.dstack([warp(image, face.matrix, size), inside]).astype(np.float16))
    return faceset


def footage(faceset: Faceset, who: Performer, without: Sequence[int] = ()) -> Footage:
    """A faceset's faces on the performer's true head, without those counted in ``without``."""
    faces = [face for index, face in enumerate(faceset.faces()) if index not in without]
    return Footage(faceset, faces, HeadMesh(at_landmarks(who.mesh), who.mesh))


@dataclass(frozen=True)
class Filmed:
    """A plate of a performer and its extraction."""

    pattern: str
    faceset: Path
    frames: tuple[int, ...]

    def plate(self, frame: int) -> Path:
        return Path(self.pattern % frame)


def shoot(
    folder: Path,
    who: Performer,
    moments: Sequence[Moment | None],
    *,
    size: tuple[int, int] = SIZE,
    dtype: Any = np.float16,
    origin: tuple[int, int] = (0, 0),
    spoil: Any = lambda image, index: None,
    **header: Any,
) -> Filmed:
    """A plate on frames from 1001, nobody where there is no moment; ``origin`` is where its data window begins.

    A moment's place counts from the array's first pixel. ``spoil`` may change a frame before it is written.
    """
    pattern = (folder / "shot.%04d.exr").as_posix()
    for index, moment in enumerate(moments):
        image = ground(size) if moment is None else film(who, moment, ground(size))
        image = image.astype(dtype)
        spoil(image, index)
        write_exr(Path(pattern % (1001 + index)), image, **header)
    shot = prepare(PlateOptions(plate=pattern), Events())
    faceset = Faceset.create(folder / "faces", {})
    for index, moment in enumerate(moments):
        if moment is not None:
            there = Moment(**{**vars(moment), "x": moment.x + origin[0], "y": moment.y + origin[1]})
            face = record(who, there, 1001 + index, shot.key)
            faceset.add(face, cut(shot, read_frame(shot.plate, face.frame), face.matrix, face.crop_size))
    return Filmed(pattern, folder / "faces", tuple(range(1001, 1001 + len(moments))))
