"""How far lids and lips stand open and where the eyes look, in terms that suit any person: to be carried and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.faceset.record import Face
from understudy.tracks.openings import measured_eyes, measured_mouth, usual_eyes

LIDS = (((37, 41), (38, 40)), ((43, 47), (44, 46)))
"""Landmarks of the upper and the lower lid that lie over each other, of the person's right and left eye."""

LIPS = ((61, 67), (62, 66), (63, 65))
"""The same of the inner lips."""

_LIP_CORNERS = (60, 64)
_LEAST, _MOST = 0.05, 1.4  # of the usual opening
_USUAL = 0.6  # quantile of a person's solved lid gaps that is taken for the usual one


@dataclass(frozen=True, eq=False)
class Openings:
    """Of N faces of one person."""

    lids: NDArray[np.float64]  # (N, 2) of the right and left eye, as a part of what is usual with the person
    trust: NDArray[np.float64]  # (N, 2) 0..1 how well that was seen
    lips: NDArray[np.float64]  # (N,) gap of the inner lips, mean-face units
    gaze: NDArray[
        np.float64
    ]  # (N, 2) irises from the middle of the eyes, image right and down, eye widths; NaN unknown

    def part(self, chosen: NDArray[np.intp]) -> Openings:
        """Those of the ``chosen`` faces."""
        return Openings(self.lids[chosen], self.trust[chosen], self.lips[chosen], self.gaze[chosen])

    def joined(self, other: Openings) -> Openings:
        """Both, one after the other."""
        pairs = (
            (self.lids, other.lids), (self.trust, other.trust), (self.lips, other.lips), (self.gaze, other.gaze)
        )  # fmt: skip
        return Openings(*(np.concatenate(pair) for pair in pairs))

    def mirrored(self) -> Openings:
        """The same in a mirror."""
        return Openings(self.lids[:, ::-1], self.trust[:, ::-1], self.lips, self.gaze * (-1, 1))


def measure_openings(faces: Sequence[Face], shape: NDArray[np.float64]) -> Openings:
    """Openings of ``faces``, whose head at rest is ``shape`` (68, 3) in mean-face units.

    They are the channels of the track, or of faces that have none the solved landmarks'.
    """
    lids = np.array([_eyes(face, shape) for face in faces])
    usual = usual_eyes(faces)
    if usual is None:
        usual = np.maximum(np.median(lids, axis=0), 1e-3)
    width = float(np.linalg.norm(np.subtract(*shape[list(_LIP_CORNERS)])))
    mouths = [
        measured_mouth(face.head, face.refined, shape) if face.mouth_opening is None else face.mouth_opening
        for face in faces
    ]
    unknown = np.full(2, np.nan)
    return Openings(
        lids=np.clip(lids / usual, _LEAST, _MOST),
        trust=np.array([np.ones(2) if face.eye_trust is None else face.eye_trust for face in faces], np.float64),
        lips=np.array(mouths) * width,
        gaze=np.array([unknown if face.gaze is None else face.gaze for face in faces], np.float64),
    )


def usual_lid_gaps(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2,) the usual gaps of the lids in (N, 68, 3) solved landmarks, in their units."""
    return np.asarray(np.quantile(lid_gaps(shapes), _USUAL, axis=0))


def lid_gaps(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) gaps of the lids of (N, 68, 3) landmarks, right and left eye, in their units."""
    return np.stack([_gap(shapes, pairs) for pairs in LIDS], axis=1)


def lip_gaps(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) gaps of the inner lips of (N, 68, 3) landmarks, in their units."""
    return _gap(shapes, LIPS)


def with_lids(shapes: NDArray[np.float64], gaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """``shapes`` (N, 68, 3) with lids ``gaps`` (N, 2) open: the lower lids stay, for it is the upper ones that move."""
    result = shapes.copy()
    for eye, pairs in enumerate(LIDS):
        for upper, lower in pairs:
            way = shapes[:, upper] - shapes[:, lower]
            way = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-6)
            result[:, upper] = shapes[:, lower] + way * gaps[:, eye, None]
    return result


def _eyes(face: Face, shape: NDArray[np.float64]) -> NDArray[np.float64]:
    return measured_eyes(face.head, face.refined, shape) if face.eye_opening is None else np.asarray(face.eye_opening)


def _gap(shapes: NDArray[np.float64], pairs: tuple[tuple[int, int], ...]) -> NDArray[np.float64]:
    gaps = [np.linalg.norm(shapes[:, upper] - shapes[:, lower], axis=-1) for upper, lower in pairs]
    return np.asarray(np.mean(gaps, axis=0))
