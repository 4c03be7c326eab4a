"""Layered EXR sequences of known content, written and read with the OpenImageIO that comes with bpy."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

sys.path.extend(map(str, Path(bpy.utils.resource_path("LOCAL"), "python").glob("**/site-packages")))
import OpenImageIO as oiio

Pixels = NDArray[Any]
WIDTH, HEIGHT = 24, 16
REC709, ACESCG = ("lin_rec709_scene", "Linear Rec.709 (sRGB)"), ("lin_ap1_scene", "ACEScg")


@dataclass(frozen=True)
class Frame:
    """What one frame is made of; rows from the top. ``composite`` is made as the backend makes it."""

    plate: Pixels  # (H, W, 3)
    alpha: Pixels  # (H, W)
    swap: Pixels  # (H, W, 3) not premultiplied
    matte: Pixels  # (H, W) half float values
    occlusion: Pixels  # (H, W)

    @property
    def composite(self) -> Pixels:
        matte = self.matte[..., None]
        with np.errstate(invalid="ignore"):
            return np.where(matte > 0, self.plate + matte * (self.swap - self.plate), self.plate).astype(np.float32)


def make_frame(seed: int) -> Frame:
    """A plate with negatives, highlights, an alpha; a matte with a soft edge, full in the middle, 0 around."""
    random = np.random.default_rng(seed)
    plate = half(random.normal(0.4, 0.6, (HEIGHT, WIDTH, 3)))
    plate[2, 3] = 60.0, 17.0, -0.5
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot((x - WIDTH / 2) / 8, (y - HEIGHT / 2) / 6)
    matte = half(np.clip((1 - away) * 2.0, 0, 1))
    occlusion = half(np.where(x > WIDTH / 2 + 3, 1.0, 0.0))
    alpha = half(np.clip(random.random((HEIGHT, WIDTH)) + 0.2, 0, 1))
    return Frame(plate, alpha, half(random.random((HEIGHT, WIDTH, 3)) * 2), matte * (1 - occlusion), occlusion)


def half(values: Pixels) -> Pixels:
    return np.asarray(values, np.float64).astype(np.float16).astype(np.float32)


def write_result(pattern: str, frames: dict[int, Frame], space: tuple[str, str] = REC709, plate: str = "") -> None:
    """The layers as ``convert`` writes them, one part; ``plate`` is the name that the header tells."""
    zeros = np.zeros((HEIGHT, WIDTH, 1))
    for number, frame in frames.items():
        matte = frame.matte[..., None]
        with np.errstate(invalid="ignore"):
            delta = frame.composite - frame.plate
        delta = np.where(np.isfinite(delta), delta, 0)
        layers = {
            "R G B": frame.composite,
            "A": frame.alpha[..., None],
            "swap.R swap.G swap.B": frame.swap * matte,
            "swap.A": matte,
            "raw.R raw.G raw.B": frame.swap,
            "delta.R delta.G delta.B": delta,
            "matte.A": matte,
            "occlusion.A": frame.occlusion[..., None],
            "st.u st.v": np.concatenate([zeros, zeros], -1),
            "confidence.Y": zeros,
        }
        names = " ".join(layers).split()
        pixels = np.concatenate(list(layers.values()), -1)
        attributes = {"colorInteropID": space[0], "understudy/colour_space": space[1], "understudy/version": "0.1.0"}
        _write(Path(pattern % number), pixels, names, attributes | ({"understudy/plate": plate} if plate else {}))


def write_plate(pattern: str, frames: dict[int, Frame], space: tuple[str, str] = REC709) -> None:
    for number, frame in frames.items():
        pixels = np.concatenate([frame.plate, frame.alpha[..., None]], -1)
        _write(Path(pattern % number), pixels, list("RGBA"), {"colorInteropID": space[0]})


def read(path: Path, channels: Iterable[str] = "RGBA") -> Pixels:
    """(H, W, channels) float32."""
    file = oiio.ImageInput.open(str(path))
    assert file, oiio.geterror()
    names = list(file.spec().channelnames)
    pixels = file.read_image("float")
    file.close()
    return np.asarray(pixels)[..., [names.index(channel) for channel in channels]]


def channels_of(path: Path) -> list[str]:
    file = oiio.ImageInput.open(str(path))
    names = list(file.spec().channelnames)
    file.close()
    return names


def _write(path: Path, pixels: Pixels, names: list[str], attributes: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = oiio.ImageSpec(WIDTH, HEIGHT, len(names), "half")
    spec.channelnames = tuple(names)
    spec.attribute("compression", "zip")
    spec.attribute("framesPerSecond", oiio.TypeDesc("rational"), (24000, 1001))
    for name, value in attributes.items():
        spec.attribute(name, value)
    file = oiio.ImageOutput.create(str(path))
    assert file.open(str(path), spec), file.geterror()
    assert file.write_image(np.ascontiguousarray(pixels, np.float32)), file.geterror()
    file.close()


def render(scene: Any, path: Path) -> Pixels:
    """The scene's current frame through its compositor, (H, W, 4) float32 in Blender's working space."""
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    scene.render.compositor_device = "CPU"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    return read(path)
