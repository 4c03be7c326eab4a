"""Frames written with the OpenEXR library: an oracle that shares no code with OpenImageIO."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR


def write_exr(path: Path, channels: Mapping[str, np.ndarray[Any, Any]], **header: Any) -> Path:
    full = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(full, {name: np.ascontiguousarray(pixels) for name, pixels in channels.items()}).write(str(path))
    return path


def rgb_channels(rgb: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    return {name: rgb[..., index] for index, name in enumerate("RGB")}


def every_half() -> np.ndarray[Any, Any]:
    """(256, 256, 3) float16 in which every half bit pattern occurs: NaNs, infinities, denormals, negatives."""
    plane = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    return np.stack([plane, plane[::-1], plane.T], axis=-1).copy().view(np.float16)


def bits(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(pixels).view({2: np.uint16, 4: np.uint32}[pixels.dtype.itemsize])
