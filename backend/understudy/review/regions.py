"""Where a measure is taken: the soft regions of a frame that a matte and a holdout cut out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import UsageError
from understudy.plate.frame import Header, Window
from understudy.plate.picture import channel_names
from understudy.plate.ranges import format_range
from understudy.plate.reader import read_channel
from understudy.plate.sequence import Plate, open_plate
from understudy.review.metrics import Mask


@dataclass(frozen=True)
class Matte:
    """One channel of a sequence, or of one still for all frames, as a weight for each pixel."""

    plate: Plate
    channel: str

    @staticmethod
    def open(spec: str, frames: tuple[int, ...]) -> Matte:
        """The matte that ``spec`` (FILE or FILE:CHANNEL) names; without a channel A, else Y, else R.

        Raises UsageError for a movie and where no such channel is, and as :func:`open_plate`.
        """
        pattern, channel = split_channel(spec)
        plate = open_plate(pattern)
        if plate.kind == "movie":
            raise UsageError(f"The matte {pattern} is a movie.", "Give a sequence of pictures, or one picture.")
        if plate.kind == "sequence":
            plate = open_plate(pattern, format_range(frames))
        if channel is None:
            names = set[str]().union(*channel_names(plate.path(plate.frames[0])))
            channel = next((name for name in ("A", "Y", "R") if name in names), None)
            if channel is None:
                raise UsageError(
                    f"The matte {pattern} has no channel A, Y or R.",
                    f"Name one of its channels, like {pattern}:{min(names)}.",
                )
        return Matte(plate, channel)

    def weights(self, frame: int, header: Header) -> Mask:
        """(H, W) in 0..1 over the display window of ``header``, NaN as 0.

        The file covers that display window or that data window: anything else raises UsageError.
        """
        path = self.plate.path(frame)
        values = np.clip(np.nan_to_num(read_channel(path, self.channel), nan=0.0), 0.0, 1.0)
        if values.shape == (header.display.height, header.display.width):
            return values
        if values.shape == (header.data.height, header.data.width):
            return over_display(values, header.data, header.display)
        raise UsageError(
            f"The matte {path} is {values.shape[1]} x {values.shape[0]} pixels, "
            f"but frame {frame} is {header.display.width} x {header.display.height}.",
            "Give a matte that was made for this plate.",
        )


def split_channel(spec: str) -> tuple[str, str | None]:
    """``shot.####.exr:mask.face`` as pattern and channel; the colon of a Windows drive does not count."""
    pattern, _, channel = spec.rpartition(":")
    if len(pattern) < 2 or not channel or "/" in channel or "\\" in channel:
        return spec, None
    return pattern, channel


def regions(frame: int, header: Header, matte: Matte | None, holdout: Matte | None) -> dict[str, Mask]:
    """The weights of ``inside`` and ``outside`` the matte, or of the ``whole`` frame where there is none.

    All are multiplied by one minus the holdout. Raises as :meth:`Matte.weights`.
    """
    kept = np.ones((header.display.height, header.display.width), np.float32)
    if holdout:
        kept -= holdout.weights(frame, header)
    if matte is None:
        return {"whole": kept}
    inside = matte.weights(frame, header)
    return {"inside": inside * kept, "outside": (1 - inside) * kept}


def over_display(pixels: NDArray[Any], data: Window, display: Window) -> NDArray[Any]:
    """``pixels`` (H, W) or (H, W, C) of the data window, cut and padded with 0 to the display window."""
    if data == display:
        return pixels
    result = np.zeros((display.height, display.width, *pixels.shape[2:]), pixels.dtype)
    x, y = data.x - display.x, data.y - display.y
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + data.width, display.width), min(y + data.height, display.height)
    if left < right and top < bottom:
        result[top:bottom, left:right] = pixels[top - y : bottom - y, left - x : right - x]
    return result
