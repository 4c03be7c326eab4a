"""What a face's surroundings look like, so that people can be told apart without knowing who they are."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.interfaces import Image
from understudy.imaging.affine import FloatArray

_BINS = 6  # of each of R, G and B
_AROUND = 1.4  # side of what is looked at, in sides of the box: hair and collar count as well


def appearance(image: Image, box: FloatArray) -> NDArray[np.uint8]:
    """The colours in and around ``box`` (x0 y0 x1 y1) of ``image`` (H, W, 3): (216,) 255 times the roots of their shares."""
    corners = np.asarray(box, np.float64)
    middle, half = (corners[:2] + corners[2:]) / 2, _AROUND * (corners[2:] - corners[:2]) / 2
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(middle - half), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(middle + half), (left + 1, top + 1), (width, height)).astype(int)
    region = np.ascontiguousarray(image[top:bottom, left:right])
    counts = cv2.calcHist([region], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3).ravel()
    return np.asarray(np.rint(255.0 * np.sqrt(counts / max(float(counts.sum()), 1.0))), np.uint8)


def likeness(one: FloatArray, other: FloatArray) -> float:
    """Bhattacharyya's coefficient of two appearances, 0 (no colour in common) to 1."""
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one.astype(np.float64) @ other.astype(np.float64)) / max(length, 1e-9)
