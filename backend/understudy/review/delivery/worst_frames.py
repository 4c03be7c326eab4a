"""Pictures of the worst frames of a delivery, kept while its frames go by."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.review.delivery.delivered import Box, Delivered, Finding, UnderFrame
from understudy.review.delivery.pixel_checks import DELTA, MATTE, box_of
from understudy.review.metrics import Picture
from understudy.review.stability import Look

KEPT = 2
"""Frames of each check that are shown."""

GAIN = 4.0
"""Times that a difference is made brighter."""

_SIDE = 340  # pixels of a picture's longer side
_AROUND = 32  # pixels of the plate around one pixel that is meant
_TINT = np.array([0.9, 0.15, 0.1], np.float32)


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame's pictures by their names, each (H, W, 3) display-encoded, and what there is to see."""

    check: str
    frame: int
    weight: float
    told: str
    pictures: dict[str, Picture]


class Worst:
    """The worst frames by check. Pictures are made only of what may stay."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._kept: dict[str, list[Shown]] = defaultdict(list)

    def offer(self, finding: Finding, frame: Delivered, plate: UnderFrame | None) -> None:
        """Show ``frame`` for the ``finding``, unless :data:`KEPT` worse ones are there. Raises ColourError."""
        kept = self._kept[finding.check]
        same = next((one for one in kept if one.frame == finding.frame), None)
        if not frame.has_colour or (same and same.weight >= finding.weight):
            return
        others = [one for one in kept if one is not same]
        if len(others) == KEPT and others[-1].weight >= finding.weight:
            return
        pictures = self._pictures(frame, plate, finding.pixel)
        shown = Shown(finding.check, finding.frame, finding.weight, finding.told, pictures)
        self._kept[finding.check] = sorted([*others, shown], key=lambda one: -one.weight)[:KEPT]

    def of(self, check: str) -> list[Shown]:
        """The frames kept for ``check``, the worst first."""
        return self._kept[check]

    def _pictures(
        self, frame: Delivered, plate: UnderFrame | None, pixel: tuple[int, int] | None
    ) -> dict[str, Picture]:
        matte = frame.plane(MATTE)
        if matte is None:
            matte = np.zeros((frame.window.height, frame.window.width), np.float16)
        box = _box(matte, pixel)
        composite = self._look(np.asarray(frame.colour("", box)))
        tint = 0.6 * np.clip(np.nan_to_num(matte[box]), 0, 1)[..., None].astype(np.float32)
        pictures = {"composite": composite, "matte over it": composite * (1 - tint) + tint * _TINT}
        delta = frame.colour(DELTA, box)
        if plate is not None:
            under = self._look(plate.over(frame.window)[0][box])
            pictures[f"difference from the plate, {GAIN:g} times"] = np.clip(GAIN * np.abs(composite - under), 0, 1)
        elif delta is not None:
            pictures["the layer delta, without its sign"] = self._look(np.abs(delta))
        mark = None if pixel is None else (pixel[0] - box[1].start, pixel[1] - box[0].start)
        return {name: _sized(picture, mark) for name, picture in pictures.items()}


def _box(matte: NDArray[Any], pixel: tuple[int, int] | None) -> Box:
    """What to show: what is around the ``pixel``, else the ``matte``, else all."""
    height, width = matte.shape
    if pixel is not None:
        x, y = pixel
        return slice(max(y - _AROUND, 0), y + _AROUND + 1), slice(max(x - _AROUND, 0), x + _AROUND + 1)
    return box_of(matte, max(8, height // 24)) or (slice(0, height), slice(0, width))


def _sized(picture: Picture, mark: tuple[int, int] | None) -> Picture:
    """``picture`` at the size of the page, with a ring around the pixel ``mark``."""
    height, width = picture.shape[:2]
    scale = _SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    result = cv2.resize(np.ascontiguousarray(picture, np.float32), size, interpolation=method)
    if mark is not None:
        centre = round((mark[0] + 0.5) * scale), round((mark[1] + 0.5) * scale)
        cv2.circle(result, centre, round(max(4 * scale, 8)), (1.0, 0.9, 0.1), 1, cv2.LINE_AA)
    return np.asarray(result, np.float32)
