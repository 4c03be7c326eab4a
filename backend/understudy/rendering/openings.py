"""How far lids and lips stand open, and where the eyes look: what a solved track flattens, and an audience sees first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.faceset.record import Face

LIDS = (((37, 41), (38, 40)), ((43, 47), (44, 46)))
"""Landmarks of the upper and the lower lid that lie over each other, of the person's right and left eye."""

LIPS = ((61, 67), (62, 66), (63, 65))
"""The same of the inner lips."""

_CORNERS = ((36, 39), (42, 45))
_FRONTAL, _BLIND = 25.0, 58.0  # degrees of yaw: the usual opening is taken within, and beyond an eye tells nothing
_TURN = 6.0  # degrees over which trust passes from one eye to the other
_LEAST, _MOST = 0.05, 1.35  # of the usual opening


@dataclass(frozen=True, eq=False)
class Openings:
    """Of N faces; ``usual`` is that of the person."""

    lids: NDArray[np.float64]  # (N,) opening of the lids as a part of the usual one
    lips: NDArray[np.float64]  # (N,) gap of the inner lips, mean-face units
    gaze: NDArray[np.float64]  # (N,) iris from the middle of the eye, by its width, to image right; NaN where unknown
    usual: float  # usual gap of the lids, mean-face units

    def part(self, chosen: NDArray[np.intp]) -> Openings:
        """Those of the ``chosen`` faces."""
        return Openings(self.lids[chosen], self.lips[chosen], self.gaze[chosen], self.usual)

    def joined(self, other: Openings) -> Openings:
        """Both, one after the other."""
        pairs = ((self.lids, other.lids), (self.lips, other.lips), (self.gaze, other.gaze))
        return Openings(*(np.concatenate(pair) for pair in pairs), self.usual)

    def mirrored(self) -> Openings:
        """The same in a mirror."""
        return Openings(self.lids, self.lips, -self.gaze, self.usual)

    def applied(self, shapes: NDArray[np.float64]) -> NDArray[np.float64]:
        """``shapes`` (N, 68, 3) in head space with their lids as far open as this says."""
        return with_lids(shapes, self.lids * self.usual)


def measure_openings(faces: Sequence[Face], shapes: NDArray[np.float64]) -> Openings:
    """Openings of ``faces`` whose landmarks are ``shapes`` (N, 68, 3) in head space, mean-face units.

    Lids are the landmarker's own: a solve over time takes a blink of two frames for noise. Where it saw no eye they are
    the solved ones.
    """
    solved = lid_gaps(shapes)
    usual = float(np.quantile(solved, 0.6))
    yaw = np.array([face.pose[0] for face in faces])
    aspect = np.array([_aspects(face) for face in faces])
    frontal = (np.abs(yaw) < _FRONTAL) & np.isfinite(aspect).all(1)
    known = np.median(aspect[frontal if frontal.any() else np.isfinite(aspect).all(1)], axis=0)
    part = _nearer(aspect / known, yaw)
    unseen = ~np.isfinite(part) | (np.abs(yaw) > _BLIND)
    lids = np.where(unseen, _nearer(solved / usual, yaw), part)
    return Openings(np.clip(lids, _LEAST, _MOST), lip_gaps(shapes), _gazes(faces, yaw), usual)


def lid_gaps(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) gaps of the lids of (N, 68, 3) landmarks, right and left eye, in their units."""
    return np.stack([_gap(shapes, pairs) for pairs in LIDS], axis=1)


def lip_gaps(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) gaps of the inner lips of (N, 68, 3) landmarks, in their units."""
    return _gap(shapes, LIPS)


def with_lids(shapes: NDArray[np.float64], gaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """``shapes`` (N, 68, 3) with lids ``gaps`` (N,) open: the lower lids stay, for it is the upper ones that move."""
    result = shapes.copy()
    for upper, lower in (pair for pairs in LIDS for pair in pairs):
        way = shapes[:, upper] - shapes[:, lower]
        way = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-6)
        result[:, upper] = shapes[:, lower] + way * gaps[:, None]
    return result


def _gap(shapes: NDArray[np.float64], pairs: tuple[tuple[int, int], ...]) -> NDArray[np.float64]:
    gaps = [np.linalg.norm(shapes[:, upper] - shapes[:, lower], axis=-1) for upper, lower in pairs]
    return np.asarray(np.mean(gaps, axis=0))


def _aspects(face: Face) -> NDArray[np.float64]:
    """(2,) gap by width of both eyes as the landmarker saw them; NaN where it did not."""
    if face.raw is None:
        return np.full(2, np.nan)
    points = np.asarray(face.raw, np.float64)[None]
    widths = [np.linalg.norm(points[0, a] - points[0, b]) for a, b in _CORNERS]
    return np.array([_gap(points, pairs)[0] / max(width, 1e-6) for pairs, width in zip(LIDS, widths, strict=True)])


def _nearer(values: NDArray[np.float64], yaw: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) of (N, 2) the eye that is nearer to the camera: the right one when the head turns to image right."""
    right = 1 / (1 + np.exp(np.clip(-yaw / _TURN, -30, 30)))
    return values[:, 0] * right + values[:, 1] * (1 - right)


def _gazes(faces: Sequence[Face], yaw: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) horizontal gaze; NaN where no iris was seen."""
    offsets = np.full((len(faces), 2), np.nan)
    for row, face in enumerate(faces):
        if face.dense is not None and len(face.dense) >= 478:
            for eye, (iris, one, two) in enumerate(((468, 33, 133), (473, 362, 263))):
                start, end = (np.asarray(face.dense[vertex], np.float64) for vertex in (one, two))
                across = end - start
                offsets[row, eye] = (face.dense[iris] - (start + end) / 2) @ across / max(across @ across, 1e-6)
    gaze = np.where(np.abs(yaw) > _BLIND - 8, np.nan, _nearer(offsets, yaw))
    frontal = gaze[(np.abs(yaw) < _FRONTAL) & np.isfinite(gaze)]
    return np.asarray(gaze - (np.median(frontal) if len(frontal) else 0.0))
