"""How far a face is tilted in the picture, from its eyes and mouth."""

from __future__ import annotations

import numpy as np

from understudy.face.interfaces import Points
from understudy.imaging.affine import FloatArray


def tilt(eye: FloatArray, other: FloatArray, mouth: FloatArray) -> float:
    """Roll in radians, clockwise as seen, of a face whose eyes (image left first when it is upright) and mouth are known.

    On a profile the line of the eyes says little and the line to the mouth speaks.
    """
    across, down = other - eye, mouth - (eye + other) / 2
    upright = across + np.array([down[1], -down[0]])
    return float(np.arctan2(upright[1], upright[0]))


def tilt_of(points: Points | None) -> float:
    """As :func:`tilt`, of a detection's five points; 0 where the detector gives none."""
    return 0.0 if points is None else tilt(points[0], points[1], points[3:].mean(0))
