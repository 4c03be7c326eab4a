"""Faces in hard light made even, for networks that take a shadow's edge for the edge of a face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.interfaces import Image

_GAMMA = 2.2  # of the display encoding, near enough
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_GREY = 0.18  # linear luma that every part of the picture is brought towards
_STRENGTH = 0.9  # 1 would leave no broad light and shade at all
_LEAST = 0.001  # linear luma: darker than that is noise, and is not brightened further


def evenly_exposed(picture: Image, reach: float) -> Image:
    """``picture`` without the light and shade of ``reach`` pixels and more: (H, W, 3) RGB or (H, W) luma, uint8, encoded.

    Each pixel is scaled by its surroundings' mean luma to a common grey (a single-scale retinex: Land 1986, Jobson et al.
    1997): detail in a shadow looks as it does in the light.
    """
    linear = (picture.astype(np.float32) / 255.0) ** _GAMMA
    luma = linear @ _LUMA if picture.ndim == 3 else linear
    around: NDArray[np.float32] = np.asarray(cv2.GaussianBlur(luma, (0, 0), reach), np.float32)
    gain = (_GREY / (around + _LEAST)) ** _STRENGTH
    even = np.clip(linear * (gain[..., None] if picture.ndim == 3 else gain), 0.0, 1.0) ** (1 / _GAMMA)
    return np.asarray(np.rint(even * 255.0), np.uint8)
