"""What was seen of one person on the frames of a shot: what a track is solved from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.imaging.affine import FloatArray
from understudy.imaging.crop import square

LOOK = 320
"""Side in pixels of the small grey picture that is kept of a face, whatever the size of the plate."""

_FIELD = 2.4  # side of that picture in sides of the face's box


@dataclass(frozen=True, eq=False)
class Observed:
    """One face on one frame. Plate pixels, centres at +0.5."""

    frame: int
    box: NDArray[np.float32]  # (4,) x0 y0 x1 y1
    found: bool  # False: nobody was detected here, the box is where the face was expected
    landmarks: NDArray[np.float32] | None  # (68, 2)
    trust: float  # 0..1: how far to trust the landmarks
    keypoints: NDArray[np.float32] | None  # (6, 2) as face.keypoints
    look: NDArray[np.uint8] | None  # (LOOK, LOOK) luma, display-encoded: the plate under look_matrix(box)
    given: bool = False  # the artist gave the box
    dense: NDArray[np.float32] | None = None  # (N, 2) all points of the landmarker


def look_matrix(box: FloatArray) -> NDArray[np.float64]:
    """The (2, 3) matrix from plate pixels to those of the small picture around ``box``."""
    corners = np.asarray(box, np.float64)
    side = max(float(np.max(corners[2:] - corners[:2])), 1.0)
    return square((corners[:2] + corners[2:]) / 2, _FIELD * side, 0.0, LOOK)
