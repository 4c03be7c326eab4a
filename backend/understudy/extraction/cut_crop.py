"""A crop cut out of a frame's own float pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.extraction.shot import Shot
from understudy.imaging.half import HALF_MAX
from understudy.imaging.resample import coverage, footprint, warp
from understudy.plate.frame import Frame


def cut(shot: Shot, frame: Frame, matrix: NDArray[np.float64], size: int) -> NDArray[np.float16]:
    """The crop under ``matrix`` (2, 3: plate pixels -> crop pixels) from the plate's own float pixels.

    Returns (size, size, 4) float16, RGB in the working space (resampled in linear light), A the share of each pixel
    that lies inside the plate's data window.
    """
    within = _after_shift(matrix, frame.origin)
    return np.dstack([cut_colours(shot, frame, within, size), coverage(*frame.size, within, size)]).astype(np.float16)


def cut_colours(shot: Shot, frame: Frame, matrix: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """The colours under ``matrix`` (2, 3: pixels of the frame's array -> crop pixels), resampled in linear light.

    Returns (size, size, 3) float32 in the working space, finite, and held to half floats: what is brighter could
    overflow on its way to a network.
    """
    left, top, right, bottom = footprint(matrix, size, *frame.size)
    region = shot.sound(frame.rgb[top:bottom, left:right])
    to_crop = _after_shift(matrix, (left, top))
    # A matrix of colours can wait until the crop is small; a curve cannot.
    linear = shot.space.scene_linear
    rgb = shot.working(warp(region, to_crop, size)) if linear else warp(shot.working(region), to_crop, size)
    return np.clip(np.nan_to_num(rgb), -HALF_MAX, HALF_MAX)


def _after_shift(matrix: NDArray[np.float64], shift: tuple[int, int]) -> NDArray[np.float64]:
    """The matrix for coordinates that are measured from ``shift``."""
    moved = np.array(matrix, np.float64)
    moved[:, 2] += moved[:, :2] @ np.array(shift, np.float64)
    return moved
