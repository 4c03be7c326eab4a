"""Who is who from frame to frame: boxes joined into tracks, online.

A track predicts its box by constant velocity; detections are assigned to tracks as a whole (Hungarian method) by
overlap, distance and, where there is one, identity. A broken track can be mended by identity later, a wrong one spoils
a faceset: what is doubtful starts a new track. Nothing is random, so replaying the same calls gives the same ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from understudy.face.appearance import likeness as alike_colours
from understudy.face.boxes import intersection_over_union
from understudy.face.interfaces import Detection

REACH = 0.6
"""How far a face may be from its prediction, in face sizes."""

GROWTH = 1.6
"""How much a face's size may change over a gap, as a factor."""

USUAL = 0.35
"""The cosine from which ArcFace means one person. The likenesses here are on its scale: see :func:`_alike`."""

STRANGER = 0.2
"""Below this likeness two faces are two people, whatever their places."""

COLOURS = 0.4
"""Share of a match by place that other colours take away."""

LIKE, UNLIKE = 0.95, 0.6
"""Likeness of colours that one person keeps from frame to frame, and that of quite another."""

DOUBT = 0.15
"""How much better than the next best a match must be."""

GAP = 16
"""Frames for which a track waits for a face that is not seen."""

KNOWN = 0.5
"""From this likeness a face that appears is a person who was lost, wherever that was."""


class _TrackedDetection(NamedTuple):
    """What is known of a detection."""

    box: NDArray[np.float64]
    identity: NDArray[np.float64] | None
    colours: NDArray[np.float64] | None


@dataclass
class _Track:
    number: int
    frame: int
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    velocity: NDArray[np.float64]  # pixels a frame
    identity: NDArray[np.float64] | None = None
    colours: NDArray[np.float64] | None = None
    seen: int = 1  # times; from the second on its velocity is known

    def predicted(self, frame: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.centre + self.velocity * (frame - self.frame), self.size

    def take(self, frame: int, face: _TrackedDetection, crowded: bool) -> None:
        box, identity, colours = face
        centre, size = _centre_and_size(box)
        fresh = (centre - self.centre) / (frame - self.frame)
        # Who is partly hidden has a box that is pushed about: that is no motion.
        share = 0.1 if crowded and self.seen > 1 else 0.5
        self.velocity = (1 - share) * self.velocity + share * fresh
        self.frame, self.centre, self.size, self.seen = frame, centre, size, self.seen + 1
        if identity is not None:
            self.identity = identity if self.identity is None else 0.8 * self.identity + 0.2 * identity
        if colours is not None and not crowded:  # beside another face the colours are of both
            self.colours = colours if self.colours is None else 0.8 * self.colours + 0.2 * colours

    def back(self, frame: int, box: NDArray[np.float64]) -> _Track:
        """The same person at rest in another place."""
        return replace(
            self, frame=frame, centre=(box[:2] + box[2:]) / 2, size=_centre_and_size(box)[1], velocity=np.zeros(2)
        )


class Tracker:
    """Give it the detections of each frame in ascending order; it gives back their track numbers."""

    def __init__(self, gap: int = GAP, same: float = USUAL) -> None:
        """A track that was not seen for more than ``gap`` frames is closed; sooner one that was hardly ever seen.

        ``same`` is the cosine from which the recogniser means one person.
        """
        self._gap = gap
        self._same = same
        self._tracks: list[_Track] = []
        self._lost: list[_Track] = []  # closed, but not by a cut: known again by identity alone
        self._count = 0
        self._frame: int | None = None

    def update(
        self,
        frame: int,
        detections: Sequence[Detection],
        embeddings: Sequence[NDArray[np.float32] | None] | None = None,
        appearances: Sequence[NDArray[np.uint8] | None] | None = None,
    ) -> list[int]:
        """The track number (from 0) of each detection of ``frame``, in the same order.

        ``embeddings`` are unit vectors and ``appearances`` those of face/appearance.py, one for each detection, None where
        there is none. Raises ValueError when frames do not ascend.
        """
        if self._frame is not None and frame <= self._frame:
            raise ValueError(f"frame {frame} comes after frame {self._frame}")
        self._frame = frame
        late = [track for track in self._tracks if frame - track.frame > self._patience(track) + 1]
        self._tracks = [track for track in self._tracks if track not in late]
        self._lost += [track for track in late if track.identity is not None]
        nothing = [None] * len(detections)
        faces = [
            _TrackedDetection(one.box.astype(np.float64), _exact(identity), _exact(colours))
            for one, identity, colours in zip(detections, embeddings or nothing, appearances or nothing, strict=True)
        ]
        numbers = [-1] * len(faces)
        for track, index in self._matches(frame, faces):
            face = faces[index]
            crowded = any(intersection_over_union(face.box, other.box) > 0 for other in faces if other is not face)
            track.take(frame, face, crowded)
            numbers[index] = track.number
        for index, number in enumerate(numbers):
            face = faces[index]
            known = self._known_again(face.identity) if number < 0 else None
            if known is not None:
                self._lost.remove(known)
                self._tracks.append(known.back(frame, face.box))
                numbers[index] = known.number
            elif number < 0:
                centre, size = _centre_and_size(face.box)
                self._tracks.append(_Track(self._count, frame, centre, size, np.zeros(2), face.identity, face.colours))
                numbers[index] = self._count
                self._count += 1
        return numbers

    def cut(self) -> None:
        """Close all tracks: what follows is another shot."""
        self._tracks, self._lost = [], []

    def missed(self) -> list[tuple[int, NDArray[np.float32]]]:
        """Tracks that are open but were not seen on the latest frame, each with the box where it was expected."""
        gone = []
        for track in self._tracks:
            if self._frame is not None and track.frame < self._frame:
                centre, size = track.predicted(self._frame)
                box = np.concatenate([centre - size / 2, centre + size / 2]).astype(np.float32)
                gone.append((track.number, box))
        return gone

    def _known_again(self, identity: NDArray[np.float64] | None) -> _Track | None:
        """The lost track of whom this is, if it is beyond doubt nobody else's."""
        if identity is None or not self._lost:
            return None
        others, likeness = (
            [_alike(identity, track.identity, self._same) for track in tracks if track.identity is not None]
            for tracks in (self._tracks, self._lost)
        )
        best = int(np.argmax(likeness))
        next_best = max([*others, *np.delete(likeness, best)], default=-1.0)
        return self._lost[best] if likeness[best] >= max(KNOWN, next_best + DOUBT) else None

    def _patience(self, track: _Track) -> int:
        """Frames for which a track is waited for: a slip of the detector must not take over who appears there later."""
        return min(self._gap, 2 * track.seen + 1)

    def _matches(self, frame: int, faces: list[_TrackedDetection]) -> list[tuple[_Track, int]]:
        """Tracks and the indices of their faces. Who was seen last is served first: who is hidden is seldom a rival."""
        latest = max((track.frame for track in self._tracks), default=frame)
        present = [track for track in self._tracks if track.frame == latest]
        hidden = [track for track in self._tracks if track.frame < latest]
        free = list(range(len(faces)))
        kept: list[tuple[_Track, int]] = []
        for tracks, others in ((present, hidden), (hidden, [])):
            likeness, rivals = (
                np.array([[_likeness(track, frame, faces[index], self._same) for index in free] for track in some])
                for some in (tracks, others)
            )
            claimed: set[int] = set()
            for row, column in _assigned(likeness):
                claimed.add(column)
                match = likeness[row, column]
                # A young track hardly knows its velocity: somebody hidden may well seem nearer.
                other = max(rivals[:, column]) if others and tracks[row].seen > 2 else 0.0
                if other - match < 2 * DOUBT and match - _next_best(likeness, row, column) >= DOUBT:
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


def _exact(values: NDArray[np.float32] | NDArray[np.uint8] | None) -> NDArray[np.float64] | None:
    return None if values is None else np.asarray(values, np.float64)


def _likeness(track: _Track, frame: int, face: _TrackedDetection, same: float) -> float:
    """0 (cannot be) to 2 (overlaps fully and is the same person)."""
    box, identity, colours = face
    where, before = track.predicted(frame)
    centre, size = _centre_and_size(box)
    scale = float(np.sqrt(np.sqrt(np.prod(before) * np.prod(size))))
    distance = float(np.linalg.norm(centre - where)) / scale
    growth = float(np.sqrt(np.prod(size) / np.prod(before)))
    if distance > REACH or not 1 / GROWTH < growth < GROWTH:
        return 0.0
    expected = np.concatenate([where - before / 2, where + before / 2])
    place = 0.6 * intersection_over_union(expected, box) + 0.4 * (1 - distance / REACH)
    if colours is not None and track.colours is not None:
        # Light may change from one frame to the next: colours weigh, but never decide alone.
        shade = np.clip((alike_colours(colours, track.colours) - UNLIKE) / (LIKE - UNLIKE), 0.0, 1.0)
        place *= 1.0 - COLOURS * (1.0 - float(shade))
    if identity is None or track.identity is None:
        return place
    alike = _alike(identity, track.identity, same)
    return 0.0 if alike < STRANGER else place + alike


def _alike(one: NDArray[np.float64], other: NDArray[np.float64], same: float) -> float:
    """The cosine of two identities on ArcFace's scale: 1 for the same picture, ``USUAL`` where the cosine is ``same``."""
    cosine = float(one @ other) / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9)
    return 1.0 - (1.0 - cosine) * (1.0 - USUAL) / (1.0 - same)


def _centre_and_size(box: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return (box[:2] + box[2:]) / 2, np.maximum(box[2:] - box[:2], 1.0)
