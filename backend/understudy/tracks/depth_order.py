"""Who stands before whom where the faces of two people overlap: from what is seen of each over the whole time of it.

A face that another one hides is not found, or is known less well, for as long as the two overlap; where both are seen as
well, the larger face is nearer to the camera.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.boxes import CONCENTRIC
from understudy.face.hull import head_outline

GAP = 2
"""Frames by which two people may be apart and meet again in one and the same passing."""

_SIZE = 0.5  # what a face's size says, as a logarithm, against the confidence in it, 0..1
_SURE = 0.5  # confidence from which a face that is found is hidden by nobody who is not


class Standing(Protocol):
    """A person's face on a frame, such as a faceset's."""

    @property
    def landmarks(self) -> NDArray[np.float32]:
        """(68, 2) plate pixels."""

    @property
    def confidence(self) -> float:
        """0..1."""

    @property
    def origin(self) -> str:
        """As tracks.track.Origin."""


def in_front(person: Mapping[int, Standing], other: Mapping[int, Standing]) -> set[int]:
    """The frames on which the ``other`` person stands before the ``person``, both by frame.

    Whoever is bridged, found on that frame by nobody, is never in front of somebody who is found; and of two that are
    bridged neither is.
    """
    shared = {
        frame: share
        for frame in sorted(person.keys() & other.keys())
        if (share := overlap(person[frame].landmarks, other[frame].landmarks)) > 0
    }
    found: set[int] = set()
    for run in _runs(list(shared)):
        nearer = sum(shared[frame] * _evidence(person[frame], other[frame]) for frame in run) > 0
        found |= {frame for frame in run if _before(person[frame], other[frame], nearer)}
    return found


def overlap(landmarks: NDArray[Any], other: NDArray[Any]) -> float:
    """The part of the smaller one of two heads that the other one covers in the picture, 0..1, of (68, 2) landmarks each."""
    first, second = np.asarray(landmarks, np.float64), np.asarray(other, np.float64)
    reach = (_size(first) + _size(second)) * 2
    if np.abs(first.mean(0) - second.mean(0)).max() > reach:
        return 0.0
    one, two = head_outline(first), head_outline(second)
    area, _ = cv2.intersectConvexConvex(one, two)
    least = min(cv2.contourArea(one), cv2.contourArea(two))
    return float(np.clip(area / max(least, 1e-6), 0, 1))


def _evidence(person: Standing, other: Standing) -> float:
    """How much speaks for the other one, above 0, or for the person."""
    size = np.log(_size(other.landmarks) / _size(person.landmarks))
    return other.confidence - person.confidence + is_seen(other) - is_seen(person) + _SIZE * float(size)


def _before(person: Standing, other: Standing, nearer: bool) -> bool:
    if not is_seen(person):
        return True
    if is_seen(other) and _apart(person, other) < CONCENTRIC:
        return False  # two people cannot share a place: that is the person once more
    if not is_seen(other):
        return nearer and person.confidence < _SURE
    return nearer


def is_seen(one: Standing) -> bool:
    """Whether the face was found on its frame, or the artist put it there."""
    return one.origin != "bridged"


def _apart(one: Standing, other: Standing) -> float:
    """How far two faces are from each other, in sizes of the two."""
    first, second = np.asarray(one.landmarks, np.float64), np.asarray(other.landmarks, np.float64)
    return float(np.linalg.norm(first.mean(0) - second.mean(0)) / np.sqrt(_size(first) * _size(second)))


def _size(landmarks: NDArray[Any]) -> float:
    """Of a face in the picture, whichever way it is turned: most of its height stays."""
    return max(float(np.ptp(landmarks, axis=0).max()), 1e-6)


def _runs(frames: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for frame in frames:
        if run and frame > run[-1] + GAP:
            yield run
            run = []
        run.append(frame)
    if run:
        yield run
