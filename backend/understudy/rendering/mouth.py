"""The inside of the mouth from the plate, moved to the new lips: teeth, tongue and dark are of the moment."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import at_landmarks

_INNER = slice(60, 68)
_MIDDLES = (62, 66)
_FINE = 4
_SHUT, _OPEN = 0.0135, 0.0315
"""Gap of the inner lips in mean-face units up to which there is no inside, and from which all of it is the plate's."""


def interior_mask(places: NDArray[np.float64], height: int, width: int, unit: float) -> NDArray[np.float32]:
    """(height, width) 0..1 how much of each pixel lies between the lips.

    ``places`` (468, 2) are the head's vertices in x y pixels, ``unit`` pixels per mean-face unit.
    """
    lips = at_landmarks(places)
    canvas = np.zeros((height * _FINE, width * _FINE), np.uint8)
    outline = np.round((lips[_INNER] * _FINE - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [outline], (255,), cv2.LINE_8, 4)
    mask = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    upper, lower = (lips[point] for point in _MIDDLES)
    gap = float(np.linalg.norm(upper - lower)) / unit
    share = np.clip((gap - _SHUT) / (_OPEN - _SHUT), 0, 1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8) * np.float32(share))
