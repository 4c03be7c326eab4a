"""Which faces of a set somebody should look at, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.faceset.record import Face

SURE = 0.6
"""Confidence below which a face is doubtful: only where trusted landmarks agree with the solved head is it higher."""

JOLT = 1.0
"""Percent of the crop's side: what a crop's jolt must at least come to, to be doubtful."""

UNUSUAL = 6.0
"""How many times the track's median a doubtful jolt is."""

REASONS = {
    "confidence": f"confidence below {SURE:g}: no trusted landmarks bear the head out",
    "bridged": "place bridged: nothing was seen, it rests on the frames around",
    "jolt": f"jolt of over {JOLT:g} % of the crop's side and {UNUSUAL:g} times the track's median",
}
"""What makes a face doubtful."""

TrackKey = tuple[str, int]
"""Plate and number of a track."""


@dataclass(frozen=True)
class TrackSuspects:
    """The faces of one track by frame, and what is doubtful about them."""

    key: TrackKey
    faces: tuple[Face, ...]
    jolts: NDArray[np.float64]  # (N,) percent of the crop's side
    doubts: dict[str, tuple[int, ...]]  # reason to frames, ascending

    @property
    def doubtful(self) -> set[int]:
        """The frames with any doubt."""
        return {frame for frames in self.doubts.values() for frame in frames}


def followed(faces: Sequence[Face]) -> list[TrackSuspects]:
    """The tracks of ``faces``, those on most frames first."""
    tracks = defaultdict[TrackKey, list[Face]](list)
    for face in sorted(faces, key=lambda face: face.frame):
        tracks[face.plate, face.track].append(face)
    found = [_followed(key, own) for key, own in tracks.items()]
    return sorted(found, key=lambda track: (-len(track.faces), track.key))


def jolts(faces: Sequence[Face]) -> NDArray[np.float64]:
    """(N,) how far the crop's centre is from the middle of those before and after, in percent of the crop's side.

    That is half its acceleration, which a steady movement has little of. NaN where a neighbouring frame is missing.
    """
    found = np.full(len(faces), np.nan)
    if len(faces) < 3:
        return found
    frames = np.array([face.frame for face in faces])
    sides, centres = np.empty(len(faces)), np.empty((len(faces), 2))
    for index, face in enumerate(faces):
        matrix = np.asarray(face.matrix, np.float64)
        scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        sides[index] = face.crop_size / scale if scale else np.nan
        if scale:
            centres[index] = np.linalg.solve(matrix[:, :2], np.full(2, face.crop_size / 2) - matrix[:, 2])
    steps = np.diff(frames)
    even = (steps[1:] == steps.min()) & (steps[:-1] == steps.min())
    bend = np.linalg.norm(centres[1:-1] - (centres[:-2] + centres[2:]) / 2, axis=1)
    found[1:-1] = np.where(even, 100 * bend / sides[1:-1], np.nan)
    return found


def _followed(key: TrackKey, faces: list[Face]) -> TrackSuspects:
    moved = jolts(faces)
    known = moved[np.isfinite(moved)]
    limit = max(JOLT, UNUSUAL * float(np.median(known))) if len(known) else np.inf
    doubts = {
        # Written so that NaN is doubtful.
        "confidence": [face.frame for face in faces if not face.confidence >= SURE],
        "bridged": [face.frame for face in faces if face.origin == "bridged"],
        "jolt": [face.frame for face, jolt in zip(faces, moved, strict=True) if jolt > limit],
    }
    return TrackSuspects(key, tuple(faces), moved, {why: tuple(frames) for why, frames in doubts.items() if frames})
