"""Who is who from frame to frame: boxes joined into tracks, online.

A track predicts its box by constant velocity; detections are assigned to tracks as a whole (Hungarian method) by
overlap, distance and, where there is one, identity. A broken track can be mended by identity later, a wrong one spoils
a faceset: what is doubtful starts a new track. Nothing is random, so replaying the same calls gives the same ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from understudy.face.boxes import intersection_over_union
from understudy.face.roles import Detection

REACH = 0.6
"""How far a face may be from its prediction, in face sizes."""

GROWTH = 1.6
"""How much a face's size may change over a gap, as a factor."""

STRANGER = 0.2
"""Below this cosine two faces are two people, whatever their places."""

DOUBT = 0.15
"""How much better than the next best a match must be."""


@dataclass
class _Track:
    number: int
    frame: int
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    velocity: NDArray[np.float64]  # pixels a frame
    identity: NDArray[np.float64] | None = None
    steady: bool = False  # seen more than once: its velocity is known

    def predicted(self, frame: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.centre + self.velocity * (frame - self.frame), self.size

    def take(self, frame: int, box: NDArray[np.float64], identity: NDArray[np.float64] | None) -> None:
        centre, size = _centre_and_size(box)
        fresh = (centre - self.centre) / (frame - self.frame)
        self.velocity = 0.5 * self.velocity + 0.5 * fresh
        self.frame, self.centre, self.size, self.steady = frame, centre, size, True
        if identity is not None:
            self.identity = identity if self.identity is None else 0.8 * self.identity + 0.2 * identity


class Tracker:
    """Give it the detections of each frame in ascending order; it gives back their track numbers."""

    def __init__(self, gap: int = 8) -> None:
        """A track that was not seen for more than ``gap`` frames is closed."""
        self._gap = gap
        self._tracks: list[_Track] = []
        self._count = 0
        self._frame: int | None = None

    def update(
        self,
        frame: int,
        detections: Sequence[Detection],
        embeddings: Sequence[NDArray[np.float32] | None] | None = None,
    ) -> list[int]:
        """The track number (from 0) of each detection of ``frame``, in the same order.

        ``embeddings`` are unit vectors, one for each detection, None where there is none. Raises ValueError when
        frames do not ascend.
        """
        if self._frame is not None and frame <= self._frame:
            raise ValueError(f"frame {frame} comes after frame {self._frame}")
        self._frame = frame
        self._tracks = [track for track in self._tracks if frame - track.frame <= self._gap + 1]
        identities = [
            None if one is None else np.asarray(one, np.float64) for one in embeddings or [None] * len(detections)
        ]
        boxes = [detection.box.astype(np.float64) for detection in detections]
        numbers = [-1] * len(boxes)
        for track, index in self._matches(frame, boxes, identities):
            track.take(frame, boxes[index], identities[index])
            numbers[index] = track.number
        for index, number in enumerate(numbers):
            if number < 0:
                centre, size = _centre_and_size(boxes[index])
                self._tracks.append(_Track(self._count, frame, centre, size, np.zeros(2), identities[index]))
                numbers[index] = self._count
                self._count += 1
        return numbers

    def cut(self) -> None:
        """Close all tracks: what follows is another shot."""
        self._tracks = []

    def missed(self) -> list[tuple[int, NDArray[np.float32]]]:
        """Tracks that are open but were not seen on the latest frame, each with the box where it was expected."""
        gone = []
        for track in self._tracks:
            if self._frame is not None and track.frame < self._frame:
                centre, size = track.predicted(self._frame)
                box = np.concatenate([centre - size / 2, centre + size / 2]).astype(np.float32)
                gone.append((track.number, box))
        return gone

    def _matches(
        self, frame: int, boxes: list[NDArray[np.float64]], identities: list[NDArray[np.float64] | None]
    ) -> list[tuple[_Track, int]]:
        """Tracks and the indices of their boxes. Who was seen last is served first: who is hidden is seldom a rival."""
        latest = max((track.frame for track in self._tracks), default=frame)
        present = [track for track in self._tracks if track.frame == latest]
        hidden = [track for track in self._tracks if track.frame < latest]
        free = list(range(len(boxes)))
        kept: list[tuple[_Track, int]] = []
        for tracks, others in ((present, hidden), (hidden, [])):
            likeness, rivals = (
                np.array(
                    [[_likeness(track, frame, boxes[index], identities[index]) for index in free] for track in some]
                )
                for some in (tracks, others)
            )
            claimed: set[int] = set()
            for row, column in _assigned(likeness):
                claimed.add(column)
                match = likeness[row, column]
                # A track of one frame has no velocity yet: somebody hidden may well seem nearer.
                other = max(rivals[:, column]) if others and tracks[row].steady else 0.0
                if other - match < DOUBT <= match - _next_best(likeness, row, column):
                    kept.append((tracks[row], free[column]))
            free = [index for column, index in enumerate(free) if column not in claimed]
        return kept


def _assigned(likeness: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows and columns of (T, B) ``likeness`` that go together best on the whole."""
    if not likeness.size:
        return []
    pairs = zip(*linear_sum_assignment(-likeness), strict=True)
    return [(int(row), int(column)) for row, column in pairs if likeness[row, column] > 0]


def _next_best(likeness: NDArray[np.float64], row: int, column: int) -> float:
    """The greatest likeness that either of a pair has to another; 0 without others."""
    rivals = np.concatenate([np.delete(likeness[row], column), np.delete(likeness[:, column], row)])
    return float(rivals.max(initial=0.0))


def _likeness(track: _Track, frame: int, box: NDArray[np.float64], identity: NDArray[np.float64] | None) -> float:
    """0 (cannot be) to 2 (overlaps fully and is the same person)."""
    where, before = track.predicted(frame)
    centre, size = _centre_and_size(box)
    scale = float(np.sqrt(np.sqrt(np.prod(before) * np.prod(size))))
    distance = float(np.linalg.norm(centre - where)) / scale
    growth = float(np.sqrt(np.prod(size) / np.prod(before)))
    if distance > REACH or not 1 / GROWTH < growth < GROWTH:
        return 0.0
    expected = np.concatenate([where - before / 2, where + before / 2])
    place = 0.6 * intersection_over_union(expected, box) + 0.4 * (1 - distance / REACH)
    if identity is None or track.identity is None:
        return place
    length = float(np.linalg.norm(identity) * np.linalg.norm(track.identity))
    cosine = float(identity @ track.identity) / max(length, 1e-9)
    return 0.0 if cosine < STRANGER else place + cosine


def _centre_and_size(box: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return (box[:2] + box[2:]) / 2, np.maximum(box[2:] - box[:2], 1.0)
