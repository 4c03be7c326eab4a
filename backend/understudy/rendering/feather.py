"""How the new face fades into the bent plate around it: widely on skin that faces the camera, narrowly at silhouettes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import Posed
from understudy.imaging.raster import Surface, unit
from understudy.rendering.footage import camera_normals
from understudy.rendering.pixels import distance_within

WIDEST, NARROWEST = 0.09, 0.015
"""Widths in mean-face units."""

_SILHOUETTE = (0.12, 0.42)  # cosines to the camera between which the width grows
_EVEN = 0.018  # mean-face units over which cosines are evened


def feathered(surface: Surface, posed: Posed) -> NDArray[np.float32]:
    """(h, w) 0..1 how much of the new face, ``posed`` and seen as ``surface``, is laid over what is around it."""
    scale = posed.head.scale
    depth = distance_within(np.pad(surface.coverage, 1))[1:-1, 1:-1]
    facing = surface.spread(unit(surface.blend(camera_normals(posed))).astype(np.float32))[..., 2]
    share = surface.coverage.astype(np.float32)
    even = _EVEN * scale
    facing = cv2.GaussianBlur(facing * share, (0, 0), even) / np.maximum(cv2.GaussianBlur(share, (0, 0), even), 1e-3)
    low, high = _SILHOUETTE
    width = scale * (NARROWEST + (WIDEST - NARROWEST) * np.clip((facing - low) / (high - low), 0, 1))
    return np.asarray(cv2.GaussianBlur(np.clip(depth / width, 0, 1).astype(np.float32), (0, 0), 0.6) * share)
