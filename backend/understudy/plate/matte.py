"""Mattes from files: one channel of a sequence, or of one still for all frames, as weights for a plate's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.errors import MissingInputError, UsageError
from understudy.plate.defects import specks
from understudy.plate.frame import Header, Window
from understudy.plate.picture import Plane, channel_names, read_plane, read_plane_header
from understudy.plate.ranges import format_range
from understudy.plate.sequence import Plate, open_plate

_LEAST, _MOST = -1.0, 2.0  # of a coverage that rang where it was made smaller


@dataclass(frozen=True)
class Matte:
    """One channel of a sequence, or of one still for all frames. Data: no colour conversion touches it."""

    plate: Plate
    channel: str

    @staticmethod
    def open(spec: str, frames: tuple[int, ...]) -> Matte:
        """The matte that ``spec`` (FILE or FILE:CHANNEL) names; without a channel A, else Y, else R.

        Raises MissingInputError that names those of ``frames`` which are not there, UsageError for a movie and where
        no such channel is, and as :func:`open_plate`.
        """
        pattern, channel = split_channel(spec)
        plate = open_plate(pattern)
        if plate.kind == "movie":
            raise UsageError(f"The matte {pattern} is a movie.", "Give a sequence of pictures, or one picture.")
        if plate.kind in ("sequence", "stills"):
            try:
                plate = open_plate(pattern, format_range(frames))
            except MissingInputError as error:
                raise MissingInputError(
                    error.message, "Give a matte for every frame, or one picture for all."
                ) from None
        if channel is None:
            names = set[str]().union(*channel_names(plate.path(plate.frames[0])))
            channel = next((name for name in ("A", "Y", "R") if name in names), None)
            if channel is None:
                raise UsageError(
                    f"The matte {pattern} has no channel A, Y or R.",
                    f"Name one of its channels, like {pattern}:{min(names)}.",
                )
        return Matte(plate, channel)

    def check(self, header: Header, frames: Sequence[int]) -> None:
        """Raise as :meth:`weights` would for any of the plate's ``frames``, by the headers of its files alone.

        ``header`` is that of the plate's frames.
        """
        for path, frame in reversed({self.plate.path(frame): frame for frame in reversed(frames)}.items()):
            own = read_plane_header(path, self.channel)
            if _place_in(own, header) is None:
                raise _other_size(path, own, frame, header)

    def weights(self, frame: int, header: Header, window: Window) -> NDArray[np.float32]:
        """(H, W) in 0..1 over ``window`` of the plate whose frame has ``header``; NaN and what the file lacks are 0.

        Single pixels that can be no coverage (NaN, beyond -1 to 2) are as the least of what is around them.
        The file's own display window must be as large as the plate's display window, or as its data window: anything
        else raises UsageError. Integers count as parts of their largest value.
        """
        path = self.plate.path(frame)
        plane = read_plane(path, self.channel)
        there = _place_in(plane, header)
        if there is None:
            raise _other_size(path, plane, frame, header)
        return laid_over(_sound(plane.values), there, window)


def split_channel(spec: str) -> tuple[str, str | None]:
    """``shot.####.exr:mask.face`` as pattern and channel; the colon of a Windows drive does not count."""
    pattern, _, channel = spec.rpartition(":")
    if len(pattern) < 2 or not channel or "/" in channel or "\\" in channel:
        return spec, None
    return pattern, channel


def laid_over(pixels: NDArray[Any], data: Window, window: Window) -> NDArray[Any]:
    """``pixels`` (H, W) or (H, W, C) of the window ``data``, cut and padded with 0 to ``window``."""
    if data == window:
        return pixels
    result = np.zeros((window.height, window.width, *pixels.shape[2:]), pixels.dtype)
    x, y = data.x - window.x, data.y - window.y
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + data.width, window.width), min(y + data.height, window.height)
    if left < right and top < bottom:
        result[top:bottom, left:right] = pixels[top - y : bottom - y, left - x : right - x]
    return result


def _sound(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) of a file as weights: held to 0..1, NaN as 0, but for :func:`specks`, which would be holes, or dots on the face."""
    strange = ~((values >= _LEAST) & (values <= _MOST))
    held = np.clip(np.nan_to_num(values, nan=0.0), 0.0, 1.0)
    if strange.any() and (lone := specks(strange)).any():
        least = cv2.erode(np.where(strange, np.float32(1), held), np.ones((3, 3), np.uint8))
        held[lone] = least[lone]
    return held


def _other_size(path: Path, matte: Plane | Header, frame: int, header: Header) -> UsageError:
    return UsageError(
        f"The matte {path} is {matte.display.width} x {matte.display.height} pixels, "
        f"but frame {frame} is {header.display.width} x {header.display.height}.",
        "Give a matte that was made for this plate.",
    )


def _place_in(plane: Plane | Header, header: Header) -> Window | None:
    """Where in the plate the matte's pixels lie: hosts write only the part of a matte that is not black."""
    data, display = plane.data, plane.display
    for window in (header.display, header.data):
        if (display.width, display.height) == (window.width, window.height):
            return Window(data.x - display.x + window.x, data.y - display.y + window.y, data.width, data.height)
    return None
