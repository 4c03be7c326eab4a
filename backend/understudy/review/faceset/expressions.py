"""Which expressions one set of faces asks for that another never shows: lids, lips and the direction of the eyes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.faceset.record import Face
from understudy.review.poses import LANDMARKED
from understudy.tracks.openings import usual_eyes

_SEEN = 0.5  # trust from which an eye counts


@dataclass(frozen=True)
class ExpressionGap:
    """Frames on which a channel of the target goes further than it ever does in the source."""

    what: str  # in words, after "The target"
    frames: tuple[int, ...]  # the target's, ascending
    farthest: float  # on them; eyes as a part of what is usual, mouths over their width, gaze in widths of an eye
    reached: float  # by the source


@dataclass(frozen=True)
class _Channel:
    measure: Callable[[Sequence[Face]], NDArray[np.float64]]  # (N,) NaN where it is not known
    tolerance: float  # what measuring leaves uncertain
    less: str
    more: str


def expression_gaps(source: Sequence[Face], target: Sequence[Face]) -> list[ExpressionGap]:
    """What the faces of ``source`` lack, most frames of ``target`` first; none where a set does not have the channels."""
    gaps = []
    for channel in _CHANNELS:
        own, asked = channel.measure(source), channel.measure(target)
        if not np.isfinite(own).any():
            continue
        low, high = float(np.nanmin(own)), float(np.nanmax(own))
        gaps += _beyond(channel.less, target, -asked, -low, channel.tolerance, -1)
        gaps += _beyond(channel.more, target, asked, high, channel.tolerance, 1)
    return sorted(gaps, key=lambda gap: -len(gap.frames))


def _beyond(
    what: str, faces: Sequence[Face], asked: NDArray[np.float64], reached: float, tolerance: float, sign: int
) -> list[ExpressionGap]:
    """The gap, if there is one, of what is ``asked`` above what was ``reached``; ``sign`` gives the figures back."""
    further = np.nan_to_num(asked, nan=-np.inf) > reached + tolerance
    if not further.any():
        return []
    frames = sorted({face.frame for face, wanted in zip(faces, further, strict=True) if wanted})
    return [ExpressionGap(what, tuple(frames), float(sign * asked[further].max()), float(sign * reached))]


def _eyes(faces: Sequence[Face]) -> NDArray[np.float64]:
    """The opening of both eyes as a part of what is usual with the person."""
    usual = usual_eyes(faces)
    values = np.full(len(faces), np.nan)
    for at, face in enumerate(faces):
        if usual is not None and face.eye_opening is not None and _is_plain(face):
            trust = np.ones(2) if face.eye_trust is None else np.asarray(face.eye_trust, np.float64)
            if trust.max() >= _SEEN:
                values[at] = np.average(face.eye_opening / usual, weights=trust)
    return values


def _mouth(faces: Sequence[Face]) -> NDArray[np.float64]:
    """The gap of the inner lips over their width at rest."""
    return np.array(
        [np.nan if face.mouth_opening is None or not _is_plain(face) else face.mouth_opening for face in faces]
    )


def _gaze(axis: int) -> Callable[[Sequence[Face]], NDArray[np.float64]]:
    """The direction of the eyes against the person's usual one, to image right (0) or down (1)."""

    def measure(faces: Sequence[Face]) -> NDArray[np.float64]:
        values = np.array(
            [np.nan if face.gaze is None or not _is_plain(face) else float(face.gaze[axis]) for face in faces]
        )
        return values - np.nanmedian(values) if np.isfinite(values).any() else values

    return measure


def _is_plain(face: Face) -> bool:
    return face.origin == "seen" and abs(face.pose[0]) <= LANDMARKED


_CHANNELS = (
    _Channel(_eyes, 0.3, "shuts the eyes further", "opens the eyes wider"),
    _Channel(_mouth, 0.08, "shuts the mouth further", "opens the mouth wider"),
    _Channel(_gaze(0), 0.08, "looks further to image left with the eyes", "looks further to image right with the eyes"),
    _Channel(_gaze(1), 0.08, "looks further up with the eyes", "looks further down with the eyes"),
)
