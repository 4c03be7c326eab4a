"""How far the landmarks of a face lie from those of the face that it should have been.

Both are a landmarker's own answers, one on each picture: what it always gets wrong is in both and cancels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from understudy.face.geometry import fit_head
from understudy.imaging.affine import FloatArray
from understudy.review.alignment import landmark_error
from understudy.review.metrics import mean


@dataclass(frozen=True)
class LandmarkDistance:
    """The mean distance over 68 landmarks on one frame."""

    pixels: float
    percent: float  # of the distance of the outer eye corners as it is from the front


def landmark_distance(a: FloatArray, b: FloatArray) -> LandmarkDistance:
    """How far (68, 2) landmarks ``a`` lie from ``b``, plate pixels. Raises NoFaceError when ``b`` spans no face."""
    pixels = float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64), axis=1).mean())
    return LandmarkDistance(pixels, landmark_error(a, b, fit_head(b)))


def mean_distance(frames: Iterable[LandmarkDistance | None], asked: int) -> dict[str, Any] | None:
    """Of a shot: mean ``pixels`` and ``percent``, the ``frames`` measured, and those of ``asked`` on which A has no face.

    None where there is no figure and A was never asked.
    """
    known = [one for one in frames if one is not None]
    if not asked:
        return None
    return {
        "pixels": mean(one.pixels for one in known),
        "percent": mean(one.percent for one in known),
        "frames": len(known),
        "not_found": asked - len(known),
    }
