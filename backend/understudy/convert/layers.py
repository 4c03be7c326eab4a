"""One frame's layers: names, channels and types are fixed here, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
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


def compose(plate: NDArray[Any], alpha: NDArray[Any] | None, placed: Placed | None) -> list[Layer]:
    """The layers of one frame, the main one first.

    ``plate`` (H, W, 3) half or float, scene-linear; the composite has its type, and its bits wherever the matte is 0.
    ``placed`` is in the plate's own colour space; None gives a black matte and the plate alone.
    """
    if placed is None:
        return [_main(plate, alpha), *of_person(None, plate)]
    region = placed.region
    under, matte = _under(plate, placed), _matte(placed)
    swap = placed.swap
    delta = _delta(swap, under, matte)
    # A pixel that was no number stays what it was, unless the new face covers it whole.
    with np.errstate(invalid="ignore", over="ignore"):
        blended = np.where(np.isfinite(under), under + delta, np.where(matte >= 1, swap, under))
    result = plate.copy()
    target = result[region.rows, region.columns]
    covered = matte[..., 0] > 0
    with np.errstate(over="ignore"):
        target[covered] = blended.astype(plate.dtype)[covered]
    return [_main(result, alpha), *of_person(placed, plate)]


def of_person(placed: Placed | None, plate: NDArray[Any], label: str = "") -> list[Layer]:
    """One person's layers over ``plate`` (H, W, 3), without a composite; black where ``placed`` is None.

    With a ``label`` their names are ``swap_LABEL`` and so on.
    """
    if placed is None:
        blank = {name: np.zeros((1, 1, len(channels))) for name, (channels, _) in LAYERS.items()}
        return _layers(blank, Region(0, 0, 1, 1), label)
    matte = _matte(placed)
    delta = _delta(placed.swap, _under(plate, placed), matte)
    pictures = {
        "swap": np.concatenate([placed.swap * matte, matte], axis=-1),
        "raw": np.where(placed.inside[..., None], placed.raw, 0),
        "delta": np.where(np.isfinite(delta), delta, 0),
        "matte": matte,
        "occlusion": placed.occlusion[..., None],
        "st": placed.st,
        "confidence": np.where(placed.inside, placed.confidence, 0.0)[..., None],
    }
    return _layers(pictures, placed.region, label)


def together(people: Sequence[Placed]) -> Placed | None:
    """Several people as one, each laid over those before; None when there is nobody.

    Light and mattes add up as by *over*; raw, st and confidence are those of the last person at each pixel.
    """
    if len(people) < 2:
        return people[0] if people else None
    first, *others = people
    region = first.region
    for one in others:
        region = region.union(one.region)
    light, raw = (np.zeros((region.height, region.width, 3), np.float32) for _ in range(2))
    matte, occlusion, confidence = (np.zeros((region.height, region.width), np.float32) for _ in range(3))
    st, inside = np.zeros((*matte.shape, 2), np.float32), np.zeros(matte.shape, np.bool_)
    for one in people:
        rows = slice(one.region.y - region.y, one.region.y - region.y + one.region.height)
        columns = slice(one.region.x - region.x, one.region.x - region.x + one.region.width)
        share = _matte(one)
        light[rows, columns] = light[rows, columns] * (1 - share) + one.swap * share
        matte[rows, columns] = 1 - (1 - matte[rows, columns]) * (1 - share[..., 0])
        occlusion[rows, columns] = np.maximum(occlusion[rows, columns], one.occlusion)
        inside[rows, columns] |= one.inside
        for whole, part in ((raw, one.raw), (st, one.st)):
            whole[rows, columns][one.inside] = part[one.inside]
        confidence[rows, columns][one.inside] = one.confidence
    swap = light / np.maximum(matte, np.float32(1e-6))[..., None]
    return Placed(region, swap, raw, matte, occlusion, st, inside, confidence)


def _under(plate: NDArray[Any], placed: Placed) -> NDArray[np.float32]:
    return plate[placed.region.rows, placed.region.columns].astype(np.float32)


def _matte(placed: Placed) -> NDArray[np.float32]:
    """The matte (h, w, 1) as it is written, which is the matte that is used."""
    return placed.matte.astype(np.float16).astype(np.float32)[..., None]


def _delta(swap: NDArray[np.float32], under: NDArray[np.float32], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(matte > 0, matte * (swap - under), 0)


def _main(rgb: NDArray[Any], alpha: NDArray[Any] | None) -> Layer:
    pixels = np.empty((*rgb.shape[:2], 4), rgb.dtype)
    for channel in range(3):  # one by one: numpy is several times slower over rows of three
        pixels[..., channel] = rgb[..., channel]
    pixels[..., 3] = 1 if alpha is None else alpha.astype(rgb.dtype, copy=False)
    return Layer("", ("R", "G", "B", "A"), pixels)


def _layers(pictures: dict[str, NDArray[Any]], region: Region, label: str) -> list[Layer]:
    return [
        Layer(f"{name}_{label}" if label else name, channels, _as(pictures[name], dtype), (region.x, region.y))
        for name, (channels, dtype) in LAYERS.items()
    ]


def _as(picture: NDArray[Any], dtype: type[Any]) -> NDArray[Any]:
    if dtype is not np.float16:
        return picture.astype(dtype)
    # By torch, which makes halves of floats several times as fast as numpy.
    return torch.from_numpy(np.ascontiguousarray(picture)).clamp(-HALF_MAX, HALF_MAX).half().numpy()
