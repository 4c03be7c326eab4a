"""How a face moves while the shutter is open, and the blur that this makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import HEAD_68, Head
from understudy.imaging.affine import FloatArray

MOST_STEPS = 64
"""Most places along its path at which a picture is seen; a longer path is seen in steps of more than a pixel."""

_FRONT = HEAD_68[17:]
_STEP = 0.75  # pixels from one of them to the next
_NEGLIGIBLE = 0.1  # pixels of path: less does not show


@dataclass(frozen=True, eq=False)
class Motion:
    """The motion of a face on a frame: a point (x, y) of the plate moves by ``field`` @ (x, y, 1) pixels a frame."""

    field: NDArray[np.float64]  # (2, 3)
    shutter: float  # for how long it is open, in frames; the frame's own time is its middle

    def at(self, time: float) -> NDArray[np.float64]:
        """The (2, 3) matrix from plate pixels on the frame to plate pixels ``time`` frames later."""
        return np.eye(2, 3) + time * self.field

    def length(self, box: tuple[float, float, float, float]) -> float:
        """How many pixels the fastest corner of a box (x0, y0, x1, y1) of the plate moves while the shutter is open."""
        x0, y0, x1, y1 = box
        corners = np.array([(x, y, 1.0) for x in (x0, x1) for y in (y0, y1)])
        return float(np.linalg.norm(corners @ self.field.T, axis=1).max() * self.shutter)


def motion(previous: Head | None, this: Head, following: Head | None, *, shutter: float) -> Motion:
    """How the face moves at ``this`` frame, from the heads on the frames before and after it; None where there is none.

    ``shutter`` in degrees: 180 is open for half a frame. The velocity is the central difference, one-sided at the ends
    of a track and nil for a face on one frame alone. It is fitted to where the mean head's brows, eyes, nose and mouth
    are seen, so that a turn of the head counts as far as a plane can follow it.
    """
    before, after = previous or this, following or this
    frames = (previous is not None) + (following is not None)
    seen = this.project(_FRONT)
    middle = seen.mean(0)
    speed = (after.project(_FRONT) - before.project(_FRONT)) / max(frames, 1)
    change = np.linalg.lstsq(seen - middle, speed - speed.mean(0), rcond=None)[0].T
    return Motion(np.column_stack([change, speed.mean(0) - change @ middle]), shutter / 360.0)


def smear(picture: NDArray[np.float32], moved: Motion, origin: tuple[float, float] = (0, 0)) -> NDArray[np.float32]:
    """``picture`` (h, w, 1 to 4), as it is seen while it moves: the mean over the open shutter.

    ``origin`` is where on the plate its first pixel begins, x y. Linear light, premultiplied where it has a matte. Beyond
    the edge the edge repeats. A picture that all but stands still is returned as it is.
    """
    height, width = picture.shape[:2]
    x, y = origin
    length = moved.length((x, y, x + width, y + height))
    if length < _NEGLIGIBLE:
        return picture
    steps = min(math.ceil(length / _STEP) + 1, MOST_STEPS)
    total = np.zeros_like(picture)
    for step in range(steps):
        matrix = _within(moved.at(((step + 0.5) / steps - 0.5) * moved.shutter), origin)
        seen = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        total += seen.reshape(picture.shape)
    # A cubic kernel overshoots at a highlight: what is seen lies between what there was.
    axes = (0, 1)
    return np.asarray(np.clip(total / np.float32(steps), picture.min(axes), picture.max(axes)), np.float32)


def _within(matrix: FloatArray, origin: tuple[float, float]) -> NDArray[Any]:
    """A matrix between plate pixels as one between the pixel indices of a picture that begins at ``origin``."""
    first = np.array(origin) + 0.5  # OpenCV counts from the middle of the first pixel
    return np.column_stack([matrix[:, :2], matrix[:, :2] @ first + matrix[:, 2] - first])
