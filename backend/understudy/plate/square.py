"""Plates whose pixels are not square: as pictures with square pixels, for whoever looks at faces, and back.

The longer side of a pixel is divided: nothing that the plate shows is lost. Plate pixels times the stretch are square ones,
both from the display window's top left corner.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.imaging.affine import Stretch
from understudy.plate.frame import Frame, Header, Window

_ALMOST = 0.002
"""Pixels whose sides differ by less are taken for square: ratios that were rounded on their way through files."""

HALF_MAX = 65504.0

MOST = 4.0
"""No camera or format squeezes more."""


def stretch_of(aspect: float) -> Stretch:
    """What x and y are multiplied by so that pixels of that ``aspect``, width over height, are square; one of both is 1.

    An aspect that no picture has changes nothing.
    """
    if not 1 / MOST <= aspect <= MOST or abs(aspect - 1) <= _ALMOST:
        return 1.0, 1.0
    return (aspect, 1.0) if aspect > 1 else (1.0, 1 / aspect)


def squared(frame: Frame, stretch: Stretch) -> Frame:
    """``frame`` with square pixels, which keeps the one that it was made from; the frame itself where nothing changes.

    ``rgb`` is float32, interpolated along the stretched axis in the file's own colour space by a cubic kernel.
    """
    if stretch == (1.0, 1.0):
        return frame
    header = squared_header(frame.header, stretch)
    alpha = None if frame.alpha is None else in_square(frame.alpha, frame.header, header, stretch)
    return replace(
        frame,
        rgb=in_square(frame.rgb, frame.header, header, stretch),
        alpha=alpha,
        header=header,
        stored=frame,
        stretch=stretch,
    )


def squared_header(header: Header, stretch: Stretch) -> Header:
    """``header`` of the same picture with square pixels; its display window begins at 0, 0."""
    if stretch == (1.0, 1.0):
        return header
    data, display = header.data, header.display
    x, y = (data.x - display.x) * stretch[0], (data.y - display.y) * stretch[1]
    left, top = math.floor(x + 1e-6), math.floor(y + 1e-6)
    right = math.ceil(x + data.width * stretch[0] - 1e-6)
    bottom = math.ceil(y + data.height * stretch[1] - 1e-6)
    return replace(
        header,
        data=Window(left, top, right - left, bottom - top),
        display=Window(0, 0, round(display.width * stretch[0]), round(display.height * stretch[1])),
        pixel_aspect=1.0,
    )


def in_square(values: NDArray[Any], header: Header, square: Header, stretch: Stretch) -> NDArray[np.float32]:
    """``values`` (H, W) or (H, W, C) over the data window of ``header`` over that of its ``square`` header, float32.

    NaN counts as 0 and infinities as the largest half float, so that one bad pixel does not spread.
    """
    across = _positions(square.data.x, square.data.width, header.data.x - header.display.x, stretch[0])
    down = _positions(square.data.y, square.data.height, header.data.y - header.display.y, stretch[1])
    image = np.nan_to_num(np.ascontiguousarray(values, np.float32), posinf=HALF_MAX, neginf=-HALF_MAX)
    map_x, map_y = np.meshgrid(across, down)
    flags, border = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
    return np.asarray(cv2.remap(image, map_x, map_y, flags, borderMode=border), np.float32)


def _positions(first: int, count: int, origin: int, stretch: float) -> NDArray[np.float32]:
    """Where the centres of square pixels lie in the stored array, counted from the centre of its first pixel."""
    return np.asarray((first + np.arange(count) + 0.5) / stretch - origin - 0.5, np.float32)


def weights(
    first: int, count: int, stored: int, stored_count: int, stretch: float, kind: Literal["area", "cubic", "nearest"]
) -> NDArray[np.float32]:
    """What each of ``count`` square pixels from ``first`` on gives to each of ``stored_count`` plate pixels from ``stored``
    on: (stored_count, count), along one axis.

    ``area``: the mean over the plate's pixel, nothing coming from beyond the square ones. ``cubic``: Catmull and Rom's kernel
    over two plate pixels to each side, for light, which the mean would blur; beyond the edge the edge repeats.
    """
    begins, square = stored + np.arange(stored_count), (first + np.arange(count)) / stretch
    if kind == "area":
        right = np.minimum(begins[:, None] + 1, square + 1 / stretch)
        return np.asarray(np.maximum(right - np.maximum(begins[:, None], square), 0), np.float32)
    apart = np.abs(square + 0.5 / stretch - (begins[:, None] + 0.5))
    if kind == "nearest":
        return np.asarray(apart == apart.min(1, keepdims=True), np.float32)
    near, far = (1.5 * apart - 2.5) * apart**2 + 1, ((-0.5 * apart + 2.5) * apart - 4) * apart + 2
    kernel = np.where(apart < 1, near, np.where(apart < 2, far, 0.0))
    return np.asarray(kernel / kernel.sum(1, keepdims=True), np.float32)
