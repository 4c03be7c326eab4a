"""Plates that a measurement needs, made from a sample's own frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.plate.frame import Header, Window
from understudy.plate.layers import Layer, write_layers
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate


def enlarged(sample: Path, folder: Path, width: int) -> str:
    """Write the plate of ``sample`` at ``width`` pixels across into ``folder``, as half-float EXR; returns its pattern.

    Raises MissingInputError when the sample has no plate, and OutputError.
    """
    plate = open_plate((sample / "plate.%04d.exr").as_posix())
    for number in plate.frames:
        frame = read_frame(plate, number)
        size = width, round(frame.size[1] * width / frame.size[0])
        rgb = cv2.resize(np.asarray(frame.rgb, np.float32), size, interpolation=cv2.INTER_CUBIC)
        write(folder / f"plate.{number:04d}.exr", np.asarray(rgb, np.float32), frame.header)
    return (folder / "plate.%04d.exr").as_posix()


def still(sample: Path, folder: Path, count: int, grain: float, smooth: float = 0.0) -> str:
    """Write the first frame of the plate of ``sample`` ``count`` times, each with grain of its own; returns its pattern.

    ``grain`` is the standard deviation at scene-linear 1; it falls with the root of the light, as that of photons does.
    The frame's own noise, which would stand still, is blurred away first by a Gaussian of ``smooth`` pixels.
    """
    plate = open_plate((sample / "plate.%04d.exr").as_posix())
    frame = read_frame(plate, plate.frames[0])
    rgb = np.asarray(frame.rgb, np.float32)
    if smooth:
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), smooth), np.float32)
    random = np.random.default_rng(1)
    for number in range(1, count + 1):
        noise = random.normal(0.0, grain, rgb.shape) * np.sqrt(np.maximum(rgb, 0.0))
        write(folder / f"still.{number:04d}.exr", rgb + noise, frame.header)
    return (folder / "still.%04d.exr").as_posix()


def there_and_back(pattern: str, folder: Path, times: int) -> str:
    """Write the plate at ``pattern`` into ``folder`` ``times`` as long, forwards and backwards by turns; its pattern.

    Nothing jumps, but at its turns a frame stands for one frame more.
    """
    folder.mkdir(parents=True)
    plate = open_plate(pattern)
    frames = [*plate.frames, *reversed(plate.frames)]
    for number in range(times * len(plate.frames)):
        frame = read_frame(plate, frames[number % len(frames)])
        write(folder / f"long.{1001 + number}.exr", np.asarray(frame.rgb, np.float32), frame.header)
    return (folder / "long.%04d.exr").as_posix()


def write(path: Path, rgb: NDArray[np.floating[Any]], header: Header) -> None:
    """Write (H, W, 3) ``rgb`` as half-float EXR of that size, with what ``header`` says of colour and time."""
    window = Window(0, 0, rgb.shape[1], rgb.shape[0])
    layer = Layer("", ("R", "G", "B"), rgb.astype(np.float16))
    header = replace(header, data=window, display=window, dtype="half")
    write_layers(path, [layer], header, profile="flat", interop_id=header.interop_id)
