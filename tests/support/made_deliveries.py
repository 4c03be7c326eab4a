"""Converted shots made by hand: a soft disc of slightly lighter plate, with every layer, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

Planes = dict[str, NDArray[Any]]

HEIGHT, WIDTH = 40, 64


def plate_planes(frame: int) -> Planes:
    """A plate with a slope of light and grain: R, G and B as halves."""
    grain = np.random.default_rng(frame).normal(0, 0.02, (HEIGHT, WIDTH, 3))
    slope = np.linspace(0.1, 0.5, WIDTH)[None, :, None]
    rgb = np.clip(slope + grain, -0.1, 1).astype(np.float16)
    return {name: rgb[..., index] for index, name in enumerate("RGB")}


def disc() -> NDArray[np.float16]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.clip((14 - np.hypot(x - 32, y - 20)) / 6, 0, 1).astype(np.float16)


def delivered_planes(frame: int, gain: float = 1.04, matte: NDArray[np.float16] | None = None) -> Planes:
    """All channels of a converted frame whose new face is the plate times ``gain``."""
    matte = disc() if matte is None else matte
    weight = matte.astype(np.float32)
    planes: Planes = {}
    for name, plate in plate_planes(frame).items():
        under = plate.astype(np.float32)
        face = under * gain
        delta = weight * (face - under)
        planes[name] = np.where(weight > 0, (under + delta).astype(np.float16), plate)
        planes[f"swap.{name}"] = (face * weight).astype(np.float16)
        planes[f"raw.{name}"] = face.astype(np.float16)
        planes[f"delta.{name}"] = delta.astype(np.float16)
    planes |= {
        "A": np.ones_like(matte),
        "swap.A": matte.copy(),
        "matte.A": matte.copy(),
        "occlusion.A": np.zeros_like(matte),
    }
    planes["confidence.Y"] = np.full_like(matte, 0.9)
    planes |= {name: np.zeros((HEIGHT, WIDTH), np.float32) for name in ("st.u", "st.v")}
    return planes


MADE_OF = "understudy/fingerprint"

USUAL: dict[str, Any] = {
    "compression": "zip", "colorInteropID": "lin_rec709_scene", MADE_OF: '{"model":"a","opacity":1.0,"plate":"b"}',
}  # fmt: skip
"""What every header holds."""


def write(path: Path, planes: Planes, number: int, **header: Any) -> None:
    """Write ``planes`` to one part, each of its own type; ``header`` adds attributes, and None takes one away."""
    names = list(planes)
    height, width = next(iter(planes.values())).shape
    spec = oiio.ImageSpec(width, height, len(names), "float")
    spec.channelnames = tuple(names)
    spec.channelformats = tuple(
        oiio.TypeDesc("half" if planes[name].dtype == np.float16 else "float") for name in names
    )
    spec.attribute("framesPerSecond", oiio.TypeDesc("rational"), (24, 1))
    spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01000000 + number - 1001, 0))
    for name, value in {**USUAL, **header}.items():
        if value is None:
            spec.erase_attribute(name)
        else:
            spec.attribute(name, value)
    target = oiio.ImageOutput.create(str(path))
    assert target.open(str(path), spec), target.geterror()
    assert target.write_image(np.stack([planes[name].astype(np.float32) for name in names], axis=-1))
    target.close()


@dataclass(frozen=True)
class MadeDelivery:
    """Frames 1001 to 1006 of a plate and of what was made of it."""

    folder: Path
    frames: tuple[int, ...] = (1001, 1002, 1003, 1004, 1005, 1006)

    @staticmethod
    def make(folder: Path) -> MadeDelivery:
        made = MadeDelivery(folder)
        (folder / "plate").mkdir(parents=True)
        for frame in made.frames:
            write(folder / "plate" / f"plate.{frame}.exr", plate_planes(frame), frame)
            made.spoil(frame)
        return made

    @property
    def pattern(self) -> str:
        return f"{self.folder.as_posix()}/out.####.exr"

    @property
    def plate(self) -> str:
        return f"{self.folder.as_posix()}/plate/plate.####.exr"

    def path(self, frame: int) -> Path:
        return self.folder / f"out.{frame}.exr"

    def spoil(self, frame: int, change: Callable[[Planes], None] = lambda planes: None, **header: Any) -> None:
        """Write a frame again, after a ``change`` to its planes or with another ``header``."""
        planes = delivered_planes(frame)
        change(planes)
        write(self.path(frame), planes, frame, **header)
