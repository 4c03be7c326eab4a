"""One frame's layers: names, channels and types are fixed here, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.convert.place import Placed, Region
from understudy.plate.layers import Layer

LAYERS: dict[str, tuple[tuple[str, ...], type[Any]]] = {
    "swap": (("R", "G", "B", "A"), np.float16),
    "raw": (("R", "G", "B"), np.float16),
    "delta": (("R", "G", "B"), np.float16),
    "matte": (("A",), np.float16),
    "occlusion": (("A",), np.float16),
    "st": (("u", "v"), np.float32),
    "confidence": (("Y",), np.float16),
}
"""Every layer beside the main one: channels and type."""

CHANNELS = ("R", "G", "B", "A", *(f"{name}.{channel}" for name, (names, _) in LAYERS.items() for channel in names))
"""All channels of a complete frame."""

HALF_MAX = 65504.0


def compose(plate: NDArray[Any], alpha: NDArray[Any] | None, placed: Placed | None, confidence: float) -> list[Layer]:
    """The layers of one frame, the main one first.

    ``plate`` (H, W, 3) half or float, scene-linear; the composite has its type, and its bits wherever the matte is 0.
    ``placed`` is in the plate's own colour space; None gives a black matte and the plate alone. ``confidence`` 0..1.
    """
    if placed is None:
        empty = Region(0, 0, 1, 1)
        pictures: dict[str, NDArray[Any]] = {
            name: np.zeros((1, 1, len(channels))) for name, (channels, _) in LAYERS.items()
        }
        return [_main(plate, alpha), *_layers(pictures, empty)]
    region = placed.region
    under = plate[region.rows, region.columns].astype(np.float32)
    # The matte that is written is the matte that is used.
    matte = placed.matte.astype(np.float16).astype(np.float32)[..., None]
    swap = placed.swap
    with np.errstate(invalid="ignore", over="ignore"):
        delta = np.where(matte > 0, matte * (swap - under), 0)
        blended = under + delta
    # A pixel that was no number stays what it was, unless the new face covers it whole.
    blended = np.where(np.isfinite(under), blended, np.where(matte >= 1, swap, under))
    delta = np.where(np.isfinite(delta), delta, 0)
    result = plate.copy()
    target = result[region.rows, region.columns]
    covered = matte[..., 0] > 0
    with np.errstate(over="ignore"):
        target[covered] = blended.astype(plate.dtype)[covered]
    pictures = {
        "swap": np.concatenate([swap * matte, matte], axis=-1),
        "raw": np.where(placed.inside[..., None], placed.raw, 0),
        "delta": delta,
        "matte": matte,
        "occlusion": placed.occlusion[..., None],
        "st": placed.st,
        "confidence": np.where(placed.inside, confidence, 0.0)[..., None],
    }
    return [_main(result, alpha), *_layers(pictures, region)]


def _main(rgb: NDArray[Any], alpha: NDArray[Any] | None) -> Layer:
    opaque = np.ones(rgb.shape[:2], rgb.dtype) if alpha is None else alpha.astype(rgb.dtype, copy=False)
    return Layer("", ("R", "G", "B", "A"), np.concatenate([rgb, opaque[..., None]], axis=-1))


def _layers(pictures: dict[str, NDArray[Any]], region: Region) -> list[Layer]:
    return [
        Layer(name, channels, _as(pictures[name], dtype), (region.x, region.y))
        for name, (channels, dtype) in LAYERS.items()
    ]


def _as(picture: NDArray[Any], dtype: type[Any]) -> NDArray[Any]:
    limit = HALF_MAX if dtype is np.float16 else np.inf
    return np.clip(picture, -limit, limit).astype(dtype)
