"""How well faces are aligned: against the truth, and from one frame to the next.

Errors are percentages of the distance of the outer eye corners as it is from the front, so that a profile, whose corners
lie behind each other, is measured by the same length as the frontal face.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from understudy.face.geometry import CropKind, Head, crop_matrix
from understudy.imaging.affine import FloatArray, apply, invert

EYES = 0.72
"""Distance of the outer eye corners in mean-face units."""

_LATEST = 4  # frames of lag that are looked for


def landmark_error(landmarks: FloatArray, true: FloatArray, head: Head) -> float:
    """Mean distance of (N, 2) ``landmarks`` from the ``true`` ones, percent of the eye distance of the true ``head``."""
    return float(np.linalg.norm(landmarks - true, axis=1).mean() / (head.scale * EYES) * 100.0)


def crop_corners(head: Head, kind: CropKind) -> NDArray[np.float64]:
    """The (4, 2) corners of a head's crop in plate pixels, clockwise from the crop's top left."""
    return apply(invert(crop_matrix(head, kind, 1)), np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]))


def corner_errors(
    corners: Sequence[NDArray[np.float64] | None], true: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """(F, 4, 2) offsets of crop corners from the true ones, percent of the crop's true side; NaN where there is none."""
    nothing = np.full((4, 2), np.nan)
    side = np.array([np.linalg.norm(one[1] - one[0]) for one in true])[:, None, None]
    own = np.array([nothing if one is None else one for one in corners])
    return np.asarray((own - np.array(true)) / side * 100.0)


def jitter(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F - 1,) how far the mean corner of (F, 4, 2) ``errors`` moves from frame to frame; NaN where either has none."""
    return np.asarray(np.linalg.norm(np.diff(errors, axis=0), axis=2).mean(axis=1))


def lag(path: NDArray[np.float64], true: NDArray[np.float64]) -> int:
    """By how many frames the (F, 2) ``path`` comes later than the ``true`` one: where their speeds correlate best."""
    speed, own = np.diff(true, axis=0), np.diff(path, axis=0)

    def likeness(late: int) -> float:
        first, second = (own[late:], speed[: len(speed) - late]) if late >= 0 else (own[:late], speed[-late:])
        first, second = first - first.mean(0), second - second.mean(0)
        length = np.linalg.norm(first) * np.linalg.norm(second)
        return float((first * second).sum() / length) if length > 0 else -1.0

    most = min(_LATEST, len(speed) - 3)
    return max(range(-most, most + 1), key=lambda late: (likeness(late), -abs(late))) if most > 0 else 0


def rank_correlation(confidence: Sequence[float], error: Sequence[float]) -> float | None:
    """Spearman's rank correlation of ``confidence`` with how small ``error`` is; None where either is the same all over."""
    if len(set(confidence)) < 2 or len(set(error)) < 2:
        return None
    return float(spearmanr(confidence, [-one for one in error]).statistic)


def spread(values: Sequence[float]) -> float:
    """By how much the largest of ``values`` is above the smallest, percent."""
    return (max(values) / min(values) - 1.0) * 100.0
