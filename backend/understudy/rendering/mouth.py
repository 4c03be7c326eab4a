"""The inside of the mouth from the plate, moved to the new lips: teeth, tongue and dark are of the moment."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import at_landmarks
from understudy.face.raster import Surface

_INNER = slice(60, 68)
_FINE = 4
_OPEN = (0.0135, 0.018)  # mean-face units... of gap from which, and over which, the plate's mouth is taken


def interior(
    face: NDArray[np.float32], aligned: NDArray[np.float32], places: NDArray[np.float64], surface: Surface
) -> NDArray[np.float32]:
    """``face`` (h, w, 3) with what ``aligned`` (h, w, 3), the plate on the same mesh, shows between the lips.

    ``places`` (468, 2) are the new head's vertices in these pixels.
    """
    lips = at_landmarks(places)
    inner = lips[_INNER]
    height, width = face.shape[:2]
    canvas = np.zeros((height * _FINE, width * _FINE), np.uint8)
    cv2.fillPoly(canvas, [np.round(inner * _FINE - 0.5).astype(np.int32)], (255,))
    mask = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    size = float(np.linalg.norm(lips[36] - lips[45])) / 0.72
    gap = float(np.linalg.norm(inner[2] - inner[6])) / max(size, 1e-6)
    share = np.clip((gap - _OPEN[0]) / _OPEN[1], 0, 1)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None] * np.float32(share)
    return face * (1 - mask) + aligned * mask
