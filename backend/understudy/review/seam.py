"""Whether a new face shows where it ends: the step in colour across the edge of its matte, beside the plate's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.measure import find_contours

from understudy.review.metrics import Mask, Picture

REACH = 3.0
"""How far to either side of the edge colours are taken, in pixels: a seam is a step that is no wider than twice this."""

_BLUR = 1.0  # sigma in pixels of what a colour is taken over, so that grain counts little


@dataclass(frozen=True)
class Edge:
    """Mean CIEDE2000 across the edge of a matte, in the composite and in the plate."""

    points: int
    composite: float
    plate: float

    @property
    def excess(self) -> float:
        """How much of a step the edge has that the plate does not have."""
        return self.composite - self.plate


def edge_error(composite: Picture, plate: Picture, matte: Mask) -> Edge | None:
    """The step across the line where ``matte`` (H, W) is a half; None where no such line is.

    Both pictures are display-encoded (H, W, 3) in 0..1. At every point of the line a colour :data:`REACH` pixels inside is
    held against one as far outside, along the matte's gradient. Behind a hard edge these are the new face and the
    plate beside it; across a soft one both change slowly, as does what is seen.
    """
    lines = find_contours(matte, 0.5)  # type: ignore[no-untyped-call]
    if not lines:
        return None
    points = np.concatenate(lines)[:, ::-1].astype(np.float32)  # x, y of pixel centres at whole numbers
    soft = cv2.GaussianBlur(matte, (0, 0), _BLUR)
    inwards = np.stack([_sampled(cv2.Sobel(soft, cv2.CV_32F, *axis), points) for axis in ((1, 0), (0, 1))], axis=-1)
    length = np.linalg.norm(inwards, axis=1)
    inside, outside = (points + side * REACH * inwards / np.maximum(length, 1e-9)[:, None] for side in (1, -1))
    kept = (length > 1e-6) & _within(inside, matte.shape) & _within(outside, matte.shape)
    if not kept.any():
        return None
    steps = [_step(picture, inside[kept], outside[kept]) for picture in (composite, plate)]
    return Edge(int(kept.sum()), *steps)


def _step(picture: Picture, inside: NDArray[np.float32], outside: NDArray[np.float32]) -> float:
    soft = cv2.GaussianBlur(picture, (0, 0), _BLUR)
    a, b = (rgb2lab(np.clip(_sampled(soft, points), 0, 1)) for points in (inside, outside))
    return float(deltaE_ciede2000(a, b).mean())  # type: ignore[no-untyped-call]


def _sampled(picture: NDArray[Any], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """``picture`` (H, W) or (H, W, C) at ``points`` (N, 2), between pixels: (N,) or (N, C)."""
    # OpenCV takes maps of any shape, but no side above 32767.
    rows = -(-len(points) // 4096)
    x, y = (np.resize(points[:, axis], (rows, 4096)) for axis in (0, 1))
    found = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(rows * 4096, *picture.shape[2:])[: len(points)], np.float32)


def _within(points: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.asarray(((points >= 0) & (points <= (shape[1] - 1, shape[0] - 1))).all(axis=1))
