"""Everybody else on a shot's frames, so that nobody's new face is painted over somebody who stands before it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from understudy.extraction.shot import Shot
from understudy.face.boxes import intersection_over_union
from understudy.face.hull import people_mask
from understudy.face.interfaces import Detection
from understudy.face.tracker import Tracker
from understudy.faceset.journal import NAME, Sighting, entry_of
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.tracks.depth_order import Standing, in_front, is_seen, overlap
from understudy.tracks.track import Origin

_HIDDEN = (
    0.25,
    0.6,
)  # part of a head that another one covers, from which a face that nobody found is hidden, and wholly


@dataclass(frozen=True, eq=False)
class InFront:
    """Who stands before a person on a frame; (68, 2) landmarks in square pixels."""

    faces: list[NDArray[np.float32]]  # of those before a face that is seen: they cover no more of it than is known
    heads: list[NDArray[np.float32]]  # of those before a face that is not
    hidden: float  # 0..1 how much of the person is hidden anyway

    def mask(self, matrix: NDArray[np.float64], size: int) -> NDArray[np.float32]:
        """(size, size) 0..1 what of the person they cover, seen through ``matrix`` (plate -> crop pixels)."""
        return np.maximum(people_mask(self.faces, self.heads, matrix, size), np.float32(self.hidden))


Before = Mapping[int, InFront]
"""By frame, where there is anybody."""

_SAME = 0.5  # intersection over union from which a box that was found is that of a face which is known
_FOUND, _FRAME = '"found":true', re.compile(r'"frame":(-?\d+)')


@dataclass(frozen=True, eq=False)
class _Passer:
    """Somebody who was found on a frame, and is not in the faceset."""

    landmarks: NDArray[np.float32]
    confidence: float
    origin: Origin = "seen"


def who_is_before(shot: Shot, faceset: Faceset, faces: Mapping[int, Face]) -> Before:
    """Who stands before the person whose ``faces`` of ``faceset``, by frame, are swapped in the ``shot``.

    Others are known by their own faces in the faceset, and else by what the extraction saw on its way. Raises
    FacesetError for a journal that is damaged where it tells of somebody else.
    """
    name = Path(shot.key).name
    everybody = [one.square for one in faceset.faces() if Path(one.plate).name == name]
    own = {(one.frame, one.track) for one in faces.values()}
    people: dict[object, dict[int, Standing]] = defaultdict(dict)
    for one in everybody:
        if (one.frame, one.track) not in own:
            people["faceset", one.track][one.frame] = one
    for number, passer in _passers(faceset, everybody).items():
        people["journal", number].update(passer)
    before: dict[int, list[NDArray[np.float32]]] = defaultdict(list)
    for other in people.values():
        for frame in sorted(in_front(faces, other)):
            before[frame].append(other[frame].landmarks)
    return {frame: _in_front(faces[frame], others) for frame, others in before.items()}


def _in_front(face: Face, others: list[NDArray[np.float32]]) -> InFront:
    if is_seen(face):
        return InFront(others, [], 0.0)
    low, high = _HIDDEN
    covered = max(overlap(face.landmarks, other) for other in others)
    return InFront([], others, float(np.clip((covered - low) / (high - low), 0, 1)))


def unhidden(faces: Mapping[int, Face], before: Before) -> Mapping[int, Face]:
    """Those of ``faces`` by frame before which nobody stands, to be measured; all of them where there are none."""
    return {frame: face for frame, face in faces.items() if frame not in before} or faces


def _passers(faceset: Faceset, known: list[Face]) -> dict[int, dict[int, _Passer]]:
    """By a number of their own and frame: people of the journal who are not among the ``known`` faces."""
    text = faceset.text(NAME)
    if text is None:
        return {}
    boxes: dict[int, list[NDArray[np.float32]]] = defaultdict(list)
    for face in known:
        if is_seen(face):
            boxes[face.frame].append(face.box)
    tracker, people = Tracker(), defaultdict[int, dict[int, _Passer]](dict)
    for index, line in enumerate(text.splitlines()):
        # Reading a line takes a while, and on most shots nobody else is there.
        frame = _FRAME.search(line)
        if frame is not None and line.count(_FOUND) <= len(boxes[int(frame[1])]):
            continue
        entry = entry_of(line, f"Line {index + 1} of {NAME} in {faceset.folder}")
        strange = [one for one in entry.sightings if _is_strange(one, boxes[entry.frame])]
        numbers = tracker.update(
            index,
            [Detection(one.box, one.score) for one in strange],
            [one.identity for one in strange],
            [one.appearance for one in strange],
        )
        for number, one in zip(numbers, strange, strict=True):
            if one.landmarks is not None:
                people[number][entry.frame] = _Passer(one.landmarks, float(one.trust * one.score))
    return people


def _is_strange(one: Sighting, boxes: list[NDArray[np.float32]]) -> bool:
    return one.found and all(intersection_over_union(one.box, box) < _SAME for box in boxes)
