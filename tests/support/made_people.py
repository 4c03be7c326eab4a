"""People drawn by the tests, with plates and facesets of them: heads whose landmarks are known, and no detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import torch
from numpy.typing import NDArray
from understudy.events import Events
from understudy.extraction.cut_crop import cut
from understudy.extraction.shot import prepare
from understudy.face.geometry import HEAD_68, Head, crop_matrix, fit_head
from understudy.faceset.measures import UNMEASURED
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.resample import coverage, warp
from understudy.model.families import build
from understudy.model.network import SIDES
from understudy.model.quick import QuickArchitecture
from understudy.model.store import ModelCard, save_model
from understudy.plate.reader import read_frame
from understudy.settings import PlateOptions
from understudy.training.presets import PRESETS, Preset

TINY = QuickArchitecture(64, (8, 16, 24), 16)
"""A network that learns nothing useful, quickly."""


@dataclass(frozen=True)
class Person:
    skin: tuple[float, float, float]
    width: float = 1.0


ANNE = Person((0.46, 0.30, 0.22))
BERT = Person((0.20, 0.24, 0.32), 1.12)


def stand(x: float, y: float, scale: float, *turned: float) -> Head:
    """A head at ``x``, ``y`` with ``scale`` pixels to the mean-face unit, ``turned`` by yaw, pitch, roll in degrees."""
    yaw, pitch, roll = (*turned, 0.0, 0.0, 0.0)[:3]
    turns = [np.radians(turn) * axis for turn, axis in zip((roll, pitch, -yaw), np.eye(3)[[2, 0, 1]], strict=True)]
    z, across, up = (cv2.Rodrigues(turn)[0] for turn in turns)
    return Head(scale, z @ across @ up, np.array([x, y]), 0.0)


def draw(image: NDArray[np.float32], person: Person, head: Head, mouth: float = 0.0) -> NDArray[np.float32]:
    """Paint a head with its mouth open by ``mouth`` into linear ``image`` (H, W, 3); returns its landmarks (68, 2)."""
    shape = HEAD_68 * (person.width, 1.0, 1.0)
    shape[[56, 57, 58, 65, 66, 67], 1] += mouth
    points = head.project(shape).astype(np.float32)
    lifted = points[17:27] + (points[17:27].mean(0) - points[27:36].mean(0)) * 0.5
    column = np.arange(image.shape[1], dtype=np.float32)[None, :, None]
    light = 1 + 0.5 * np.tanh((column - head.offset[0]) / head.scale)

    def fill(outline: NDArray[np.float32], colour: tuple[float, float, float]) -> None:
        mask = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(
            mask, [np.round((cv2.convexHull(outline)[:, 0] - 0.5) * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4
        )
        part = mask[..., None].astype(np.float32) / 255
        image[:] = image * (1 - part) + np.array(colour, np.float32) * light * part

    fill(np.concatenate([points, lifted]), person.skin)
    for feature in (range(36, 42), range(42, 48)):
        fill(points[list(feature)], (0.03, 0.03, 0.05))
    fill(points[48:60], (0.4, 0.05, 0.06))
    fill(points[27:36], tuple(1.2 * value for value in person.skin))  # type: ignore[arg-type]
    return points


def describe(points: NDArray[np.float32], frame: int, plate: str, kind: str, size: int, **changes: Any) -> Face:
    """The record of a face with these landmarks."""
    head = fit_head(points)
    values: dict[str, Any] = {
        "file": "",
        "plate": plate,
        "frame": frame,
        "track": 0,
        "box": np.concatenate([points.min(0), points.max(0)]),
        "landmarks": points,
        "raw": points,
        "refined": points,
        "dense": None,
        "matrix": crop_matrix(head, kind, size),  # type: ignore[arg-type]
        "crop_kind": kind,
        "crop_size": size,
        "confidence": 0.75,
        "origin": "seen",
        "head": head,
        "colour_space": "lin_ap1_scene",
        "identity": None,
        "measures": UNMEASURED,
        "analysis": {"detector": "drawn"},
    }
    return Face(**(values | changes))


def make_faceset(
    folder: Path, person: Person, count: int = 12, *, seed: int = 0, kind: str = "whole", size: int = 64, **changes: Any
) -> Path:
    """A faceset of ``person`` in ``count`` moments; returns its folder."""
    rng = np.random.default_rng(seed)
    faceset = Faceset.create(folder, {})
    for index in range(count):
        yaw, pitch, roll = rng.uniform(-1, 1, 3) * (20, 10, 10)
        image = np.full((160, 160, 3), rng.uniform(0.05, 0.2), np.float32)
        points = draw(image, person, stand(80, 84, 50, yaw, pitch, roll), rng.uniform(0, 0.15))
        face = describe(points, 1001 + index, f"{folder.name}.%04d.exr", kind, size, **changes)
        pixels = np.dstack([warp(image, face.matrix, size), coverage(160, 160, face.matrix, size)])
        faceset.add(face, pixels.astype(np.float16))
    return folder


def write_exr(path: Path, rgb: NDArray[Any], **header: Any) -> None:
    """A frame in linear Rec.709, written by the OpenEXR library; half or float as the array is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    full = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION}
    full |= {"colorInteropID": "lin_rec709_scene", **header}
    channels = {name: np.ascontiguousarray(rgb[..., index]) for index, name in enumerate("RGB")}
    OpenEXR.File(full, channels).write(str(path))


def read_exr(path: Path) -> OpenEXR.File:
    return OpenEXR.File(str(path), separate_channels=True)


def channel(path: Path, name: str) -> NDArray[Any]:
    """One channel of an EXR, whichever part holds it, by the OpenEXR library."""
    found = [part.channels[name].pixels for part in read_exr(path).parts if name in part.channels]
    assert len(found) == 1, (name, len(found))
    return found[0]


def bits(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(pixels).view({2: np.uint16, 4: np.uint32}[pixels.dtype.itemsize])


@dataclass(frozen=True)
class MadeShot:
    """A plate with one head in it, and the faceset of that head."""

    pattern: str
    faceset: Path
    frames: tuple[int, ...]

    def plate(self, frame: int) -> Path:
        return Path(self.pattern % frame)


def make_shot(
    folder: Path,
    count: int = 4,
    size: tuple[int, int] = (112, 96),
    *,
    dtype: type[np.floating[Any]] = np.float16,
    faceless: Sequence[int] = (),
    origin: tuple[int, int] = (0, 0),
    spoil: Callable[[NDArray[Any], int], None] = lambda image, index: None,
    **header: Any,
) -> MadeShot:
    """A shot of Anne, who moves to the right and turns, on frames from 1001; nobody on those counted in ``faceless``.

    ``spoil`` may change the pixels of a frame before it is written. ``origin`` is where the data window lies in the
    display window, which ``header`` may give.
    """
    pattern = (folder / "shot.%04d.exr").as_posix()
    frames = tuple(range(1001, 1001 + count))
    marks: dict[int, NDArray[np.float32]] = {}
    for index, number in enumerate(frames):
        image = np.full((size[1], size[0], 3), 0.1, np.float32)
        image += np.linspace(0, 0.1, size[0], dtype=np.float32)[None, :, None]
        if index not in faceless:
            step = index % 20
            head = stand(size[0] * 0.45 + step, size[1] * 0.52, size[1] * 0.3, 2.0 * step - 8, 3, step)
            marks[number] = draw(image, ANNE, head, 0.01 * step) + np.array(origin, np.float32)
        image = image.astype(dtype)
        spoil(image, index)
        write_exr(Path(pattern % number), image, **header)
    shot = prepare(PlateOptions(plate=pattern), Events())
    faceset = Faceset.create(folder / "faces", {})
    for number, points in marks.items():
        face = describe(points, number, shot.key, "whole", 64)
        faceset.add(face, cut(shot, read_frame(shot.plate, number), face.matrix, 64))
    return MadeShot(pattern, folder / "faces", frames)


def tiny_preset(**weights: float) -> Preset:
    """The cpu preset with a network of a few thousand weights and a batch of 2; ``weights`` of the loss may differ."""

    def architecture(resolution: int) -> QuickArchitecture:
        return QuickArchitecture(resolution, TINY.widths, TINY.code)

    usual = PRESETS["cpu"]
    recipe = replace(usual.recipe, batch=2, weights=replace(usual.recipe.weights, **weights))
    return replace(usual, architecture=architecture, recipe=recipe)


def make_model(folder: Path, kind: str = "whole", arch: QuickArchitecture = TINY) -> Path:
    """A model that has learned nothing, but paints a face of some colours with a mask in the middle."""
    torch.manual_seed(3)
    network = build(arch)
    line = torch.linspace(-1, 1, arch.resolution)
    mask = (3 - 8 * (line[:, None] ** 2 + line[None] ** 2)).clamp(-4, 4)
    means = {}
    for shift, side in enumerate(SIDES):
        ripples = [torch.sin(3 * line[:, None] + k + shift) * torch.cos(2 * line[None] * (k + 1)) for k in range(3)]
        means[side] = torch.stack([*ripples, mask])
    network.start(means)
    light = {"mean": [0.5, 0.4, 0.35], "spread": [0.15, 0.12, 0.1]}
    save_model(folder, network, ModelCard(arch, kind, steps=7, working_space="lin_ap1_scene", source_light=light))
    return folder
