"""What was laid in square pixels, in those of a plate whose pixels are not: the delivery is the plate's."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from understudy.convert.inverse_warp import PlacedFace, Placer
from understudy.imaging.affine import FloatArray
from understudy.imaging.region import Region
from understudy.plate.frame import Frame
from understudy.plate.layers import Layer
from understudy.plate.square import weights

_MOTION = ("forward", "backward")


def in_stored(placed: PlacedFace, frame: Frame, matrix: FloatArray, size: int) -> PlacedFace:
    """``placed`` over the array of a ``frame`` with square pixels over that of its file; itself where that is the same.

    ``matrix`` (2, 3) goes from the frame's array to the pixels of the crop of ``size`` that the layer ``st`` tells of.
    Light is filtered by a kernel that does not blur, mattes by the mean over a pixel: a pixel of which nothing is covered
    stays at 0. ``st`` is computed anew.
    """
    if frame.stored is None:
        return placed
    change = _Change(frame, placed.region)
    confidence = placed.confidence
    if isinstance(confidence, np.ndarray):
        confidence = change.of(confidence, "nearest")
    crop = Placer(_from_stored(matrix, frame), size, change.region)
    return PlacedFace(
        change.region,
        change.of(placed.swap, "cubic"),
        change.of(placed.raw, "cubic"),
        np.clip(change.of(placed.matte, "area"), 0, 1),
        np.clip(change.of(placed.occlusion, "area"), 0, 1),
        crop.st,
        crop.inside,
        confidence,
    )


def layer_in_stored(layer: Layer, frame: Frame) -> Layer:
    """A ``layer`` of data over the array of ``frame`` over that of its file: values of the nearest pixel, never mixed.

    Motion is told in the plate's pixels. A layer with a window of its own does not lie over the plate.
    """
    if frame.stored is None or layer.window is not None:
        return layer
    height, width = layer.pixels.shape[:2]
    change = _Change(frame, Region(*layer.origin, width, height))
    pixels = change.of(layer.pixels, "nearest")
    if layer.name in _MOTION:
        pixels = pixels / np.array(frame.stretch, np.float32)
    return replace(layer, pixels=pixels.astype(layer.pixels.dtype), origin=(change.region.x, change.region.y))


class _Change:
    """From a region of a frame's array to the one of its file's array that holds all of it."""

    def __init__(self, frame: Frame, region: Region) -> None:
        stored = frame.as_stored
        self._axes = [
            _Axis(region.x + frame.origin[0], region.width, stored.origin[0], stored.size[0], frame.stretch[0]),
            _Axis(region.y + frame.origin[1], region.height, stored.origin[1], stored.size[1], frame.stretch[1]),
        ]
        across, down = self._axes
        self.region = Region(across.begin, down.begin, across.count, down.count)

    def of(self, values: NDArray[Any], kind: Literal["area", "cubic", "nearest"]) -> NDArray[np.float32]:
        """``values`` (h, w) or (h, w, c) of the region, float32."""
        result = np.asarray(values, np.float32)
        for index, axis in ((1, self._axes[0]), (0, self._axes[1])):
            if axis.stretch != 1.0:
                moved = np.moveaxis(result, index, 0)
                flat = moved.reshape(len(moved), -1)
                kept = axis.weights(kind) @ flat if kind != "nearest" else flat[axis.weights(kind).argmax(1)]
                result = np.moveaxis(kept.reshape(-1, *moved.shape[1:]), 0, index)
        return np.ascontiguousarray(result)


class _Axis:
    def __init__(self, first: int, count: int, origin: int, length: int, stretch: float) -> None:
        """``count`` square pixels from ``first`` on, told as the ``origin`` of ``length`` stored ones is, in the plate."""
        self._first, self._count, self._origin, self.stretch = first, count, origin, stretch
        self.begin = min(max(math.floor(first / stretch + 1e-6) - origin, 0), length - 1)
        end = max(min(math.ceil((first + count) / stretch - 1e-6) - origin, length), self.begin + 1)
        if stretch == 1.0:
            self.begin, end = first - origin, first - origin + count
        self.count = end - self.begin

    def weights(self, kind: Literal["area", "cubic", "nearest"]) -> NDArray[np.float32]:
        return weights(self._first, self._count, self.begin + self._origin, self.count, self.stretch, kind)


def _from_stored(matrix: FloatArray, frame: Frame) -> NDArray[np.float64]:
    """The matrix for coordinates of the file's array."""
    scale = np.array(frame.stretch)
    shift = np.array(frame.as_stored.origin) * scale - frame.origin
    within = np.asarray(matrix, np.float64)
    return np.column_stack([within[:, :2] * scale, within[:, :2] @ shift + within[:, 2]])
