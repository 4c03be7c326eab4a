"""Faces of every size and any way up in a plate of any size, at bounded cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from understudy.face.boxes import grouped, intersection_over_union, is_loose, is_part, is_same, mean, sides
from understudy.face.confidence import logit
from understudy.face.interfaces import Detection, Detector, Image
from understudy.face.tiles import Tile, placed, show, views

LARGE = 0.2
"""Share of the frame that a face must fill to be believed on the reduced copy, which blurs all smaller ones."""

UPRIGHT = 0.9997
"""A face that is seen upright with this confidence stands upright; any other is looked at from all four sides."""

CLEARER = 0.5
"""By how much a turned look must be surer than the upright one, in log-odds: upright faces look less sure by 1 turned."""

ROLLED = 0.99
"""Least confidence in a face that is not upright: heads seldom hang, and much looks like a face from the side."""

SHRUNK = 0.8
"""Share of its true side that the box of a face at the limit of what the network sees may have."""

SURROUNDINGS = 2.5
"""Side of the square that is turned to see a face upright, in sides of the face's box."""

COARSE = 0.25
"""Share of the frame's long side of the smallest squares that are turned where nobody is seen upright."""


OVERLAP = 0.2
"""Intersection over union above which two boxes that were seen different ways up are of one face."""

KEPT = "kept"
"""The verdict on a box that is fused into a face's; the others say how a box came not to be."""

BELOW = "confidence below"  # and the gate
FAINT = "too small to be believed on the reduced copy"
CUT = "cut by the edge of what was looked at"
ELSEWHERE = "not where the face is"
TURNED = "seen more clearly another way up"
PART = "a part of a stronger face, or loosely around it"
SMALL = "smaller than the least face"

_ROLLED = (1, 2, 3)  # quarter turns


@dataclass(frozen=True, eq=False)
class Candidate:
    """A box that a detector gave for one of its looks, in the picture's pixels, and what became of it."""

    face: Detection
    view: Tile
    verdict: str


class _Found(NamedTuple):
    """A face, and how often the picture was turned where it was seen."""

    face: Detection
    turns: int


@dataclass(frozen=True, eq=False)
class DetectionReport:
    """All that a search for faces came to."""

    faces: list[Detection]  # left to right
    candidates: list[Candidate]


def find_faces(detector: Detector, image: Image, *, minimum: float = 40.0, score: float = 0.5) -> list[Detection]:
    """Faces in ``image`` (H, W, 3) uint8 RGB whose smaller box side is about ``minimum`` pixels or more, left to right.

    The detector looks at the whole picture, at a reduced copy with a border (for a face that fills the frame), and,
    where its network would lose faces of ``minimum`` pixels, at overlapping tiles. Every look is reduced to the
    network's own size first, so that a large plate costs what its tiles cost, not what its pixels cost. A face about
    which it is not sure is looked at from all four sides, and where it sees nobody, so is the picture, for heads may
    lie or hang; the points of a rolled face keep the order that they have when it is upright.
    Boxes of one face are fused, weighted by score; ``score`` only gates.
    """
    return survey(detector, image, minimum=minimum, score=score).faces


def survey(detector: Detector, image: Image, *, minimum: float = 40.0, score: float = 0.5) -> DetectionReport:
    """As :func:`find_faces`, with every box that was seen and what became of it."""
    height, width = image.shape[:2]
    least = SHRUNK * minimum
    upright = list(views(width, height, detector.side * minimum / detector.smallest))
    candidates = _looked(detector, image, upright, score)
    found = _settled(candidates)
    if found:
        doubtful = [face for face, _ in found if face.score < UPRIGHT and min(sides(face.box)) >= least]
        candidates += [one for face in doubtful for one in _turned(detector, image, face, score)]
    else:
        coarse = [view for view in upright if view.side >= COARSE * max(width, height)]
        candidates += _looked(
            detector, image, [replace(view, turns=turns) for turns in _ROLLED for view in coarse], score
        )
    found = _settled(candidates)
    judged = [_judged(candidate, found, least) for candidate in candidates]
    large = [face for face, _ in found if min(sides(face.box)) >= least]
    return DetectionReport(
        sorted(large, key=lambda face: (float(face.box[0] + face.box[2]), float(face.box[1]))), judged
    )


def _turned(detector: Detector, image: Image, face: Detection, score: float) -> list[Candidate]:
    """What is seen in the place of a face the other three ways up."""
    side = round(SURROUNDINGS * max(sides(face.box)))
    left, top = np.rint((face.box[:2] + face.box[2:] - side) / 2).astype(int).tolist()
    seen = _looked(detector, image, [Tile(left, top, side, turns) for turns in _ROLLED], score)
    return [
        replace(one, verdict=one.verdict or ELSEWHERE)
        if intersection_over_union(one.face.box, face.box) <= OVERLAP
        else one
        for one in seen
    ]


def _looked(detector: Detector, image: Image, looks: Iterable[Tile], score: float) -> list[Candidate]:
    """Every box of every look, with what is wrong with it, or nothing."""
    height, width = image.shape[:2]
    candidates = []
    for view in looks:
        # The padded whole is there for large faces only: half the network's size shows them well.
        padded = view.side > max(width, height)
        target = max(192, detector.side // 2) if padded else detector.side
        shown, matrix = show(image, view, target)
        for seen in detector.detect(shown):
            face = placed(seen, matrix)
            gate = max(score, ROLLED) if view.turns else score
            candidates.append(Candidate(face, view, _wrong(face, view, gate, padded, width, height)))
    return candidates


def _wrong(face: Detection, view: Tile, gate: float, padded: bool, width: int, height: int) -> str:
    if face.score < gate:
        return f"{BELOW} {gate:g}"
    if padded and max(sides(face.box)) < LARGE * max(width, height):
        return FAINT
    if view.cuts(face.box, width, height):
        return CUT
    return ""


def _settled(candidates: Iterable[Candidate]) -> list[_Found]:
    """One detection for each face, fused from the looks that show it most clearly the same way up; strongest first."""
    by_box = {id(one.face): one for one in candidates if not one.verdict}
    found = []
    for group in grouped([one.face for one in by_box.values()]):
        turns = [by_box[id(face)].view.turns for face in group]
        clearest = max(zip(group, turns, strict=True), key=lambda one: _clearness(_Found(*one)))[1]
        found.append(_Found(mean([face for face, way in zip(group, turns, strict=True) if way == clearest]), clearest))
    kept: list[_Found] = []
    for one in sorted(found, key=_clearness, reverse=True):
        if not any(_is_another_look(one, other) for other in kept):
            kept.append(one)
    return kept


def _clearness(one: _Found) -> float:
    """How sure it is that a face is seen the right way up, in log-odds."""
    return logit(one.face.score) + (CLEARER if one.turns == 0 else 0.0)


def _is_another_look(one: _Found, other: _Found) -> bool:
    """Whether a weaker find shows the face that ``other`` shows, in part, loosely or another way up."""
    box, clearer = one.face.box, other.face.box
    overlap = intersection_over_union(box, clearer)
    return is_part(box, clearer) or is_loose(box, clearer) or (one.turns != other.turns and overlap > OVERLAP)


def _judged(candidate: Candidate, found: Sequence[_Found], least: float) -> Candidate:
    """The candidate with its final verdict."""
    if candidate.verdict:
        return candidate
    nearest = max(found, key=lambda one: intersection_over_union(one.face.box, candidate.face.box))
    if nearest.turns != candidate.view.turns:
        verdict = TURNED
    elif not is_same(candidate.face.box, nearest.face.box):
        verdict = PART
    elif min(sides(nearest.face.box)) < least:
        verdict = SMALL
    else:
        verdict = KEPT
    return replace(candidate, verdict=verdict)
