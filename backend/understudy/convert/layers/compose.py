"""One frame's layers: names, channels and types are fixed here, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.convert.inverse_warp import PlacedFace
from understudy.imaging.extent import extent
from understudy.imaging.half import as_float, as_half
from understudy.imaging.region import Region
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


def compose(plate: NDArray[Any], alpha: NDArray[Any] | None, placed: PlacedFace | None) -> list[Layer]:
    """The layers of one frame, the main one first.

    ``plate`` (H, W, 3) half or float, scene-linear; the composite has its type, and its bits wherever the matte is 0.
    ``placed`` is in the plate's own colour space; None gives a black matte and the plate alone.
    """
    if placed is None:
        return [_main(plate, alpha), *of_person(None, plate)]
    main = _main(plate, alpha)
    mix = _mixed(plate, placed)
    with np.errstate(invalid="ignore", over="ignore"):
        blended = mix.under + mix.delta
        # A pixel that was no number stays what it was, unless the new face covers it whole.
        broken = ~np.isfinite(mix.under)
        blended[broken] = np.where(mix.matte >= 1, placed.swap[mix.rows, mix.columns], mix.under)[broken]
        target = main.pixels[placed.region.rows, placed.region.columns, :3][mix.rows, mix.columns]
        np.copyto(target, blended.astype(plate.dtype), where=mix.matte > 0)
    return [main, *_of_mix(placed, mix, "")]


def of_person(placed: PlacedFace | None, plate: NDArray[Any], label: str = "") -> list[Layer]:
    """One person's layers over ``plate`` (H, W, 3), without a composite; black where ``placed`` is None.

    With a ``label`` their names are ``swap_LABEL`` and so on.
    """
    if placed is None:
        blank = {name: np.zeros((1, 1, len(channels))) for name, (channels, _) in LAYERS.items()}
        return _layers(blank, Region(0, 0, 1, 1), label)
    return _of_mix(placed, _mixed(plate, placed), label)


def together(people: Sequence[PlacedFace]) -> PlacedFace | None:
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
        share = _matte(one.matte)
        light[rows, columns] = light[rows, columns] * (1 - share) + one.swap * share
        matte[rows, columns] = 1 - (1 - matte[rows, columns]) * (1 - share[..., 0])
        occlusion[rows, columns] = np.maximum(occlusion[rows, columns], one.occlusion)
        inside[rows, columns] |= one.inside
        known = np.broadcast_to(np.float32(one.confidence), one.matte.shape)
        for whole, part in ((raw, one.raw), (st, one.st), (confidence, known)):
            whole[rows, columns][one.inside] = part[one.inside]
    swap = light / np.maximum(matte, np.float32(1e-6))[..., None]
    return PlacedFace(region, swap, raw, matte, occlusion, st, inside, confidence)


@dataclass(frozen=True, eq=False)
class _Mix:
    """What a face changes of the plate, over the rectangle of its region outside of which its matte is 0."""

    rows: slice  # of the region
    columns: slice
    under: NDArray[np.float32]  # (h, w, 3) the plate
    matte: NDArray[np.float32]  # (h, w, 3) the same for each channel, as it is written
    delta: NDArray[np.float32]  # (h, w, 3) what is added to the plate, which need not be finite


def _mixed(plate: NDArray[Any], placed: PlacedFace) -> _Mix:
    part = rows, columns = extent(placed.matte)
    # Three of each: numpy is several times slower where one value meets rows of three.
    matte = np.repeat(_matte(placed.matte[part]), 3, axis=-1)
    under = as_float(plate[placed.region.rows, placed.region.columns][part])
    with np.errstate(invalid="ignore", over="ignore"):
        delta = np.where(matte > 0, matte * (placed.swap[part] - under), np.float32(0))
    return _Mix(rows, columns, under, matte, delta)


def _of_mix(placed: PlacedFace, mix: _Mix, label: str) -> list[Layer]:
    part, shape = (mix.rows, mix.columns), placed.matte.shape
    swap, delta = np.zeros((*shape, 4), np.float16), np.zeros((*shape, 3), np.float16)
    swap[part] = as_half(np.dstack([placed.swap[part] * mix.matte, mix.matte[..., :1]]))
    delta[part] = as_half(np.where(np.isfinite(mix.delta), mix.delta, np.float32(0)))
    raw = as_half(placed.raw)
    raw[~placed.inside] = 0
    pictures: dict[str, NDArray[Any]] = {
        "swap": swap,
        "raw": raw,
        "delta": delta,
        "matte": swap[..., 3:],
        "occlusion": placed.occlusion[..., None],
        "st": placed.st,
        "confidence": np.where(placed.inside, placed.confidence, np.float32(0))[..., None],
    }
    return _layers(pictures, placed.region, label)


def _matte(matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """A matte as (h, w, 1), as it is written, which is the matte that is used."""
    return as_float(as_half(matte))[..., None]


def _main(rgb: NDArray[Any], alpha: NDArray[Any] | None) -> Layer:
    # By OpenCV, which copies rows of three more than twice as fast; to it halves are integers of their size.
    raw = np.ascontiguousarray(rgb)
    kind = np.uint16 if rgb.dtype == np.float16 else rgb.dtype
    pixels = cv2.cvtColor(raw.view(kind), cv2.COLOR_RGB2RGBA).view(rgb.dtype)
    pixels[..., 3] = 1 if alpha is None else alpha.astype(rgb.dtype, copy=False)
    return Layer("", ("R", "G", "B", "A"), pixels)


def _layers(pictures: dict[str, NDArray[Any]], region: Region, label: str) -> list[Layer]:
    return [
        Layer(f"{name}_{label}" if label else name, channels, _as(pictures[name], dtype), (region.x, region.y))
        for name, (channels, dtype) in LAYERS.items()
    ]


def _as(picture: NDArray[Any], dtype: type[Any]) -> NDArray[Any]:
    return as_half(picture) if dtype is np.float16 else picture.astype(dtype, copy=False)
