"""Faces in the order of a measure, of likeness or of identity. Nothing here looks at pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.faceset.identity import cluster, identities, same_person
from understudy.faceset.record import Face
from understudy.settings import FaceMeasure, FaceOrder

_LARGEST_FIRST = ("sharpness", "size", "confidence", "unlikeness")

_BLOCK = 1024
"""Faces compared with all others at a time: bounds the memory."""

_ROUNDING = 1e-6
"""What a product of roots in float32 may be off by; histograms of bytes differ by more or not at all."""

_OF: dict[FaceMeasure, Callable[[Face], float]] = {
    "sharpness": lambda face: face.measures.sharpness,
    "motion-blur": lambda face: face.measures.motion_blur,
    "yaw": lambda face: face.pose[0],
    "pitch": lambda face: face.pose[1],
    "roll": lambda face: face.pose[2],
    "size": lambda face: float(np.sqrt((face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))),
    "brightness": lambda face: face.measures.brightness,
    "hue": lambda face: face.measures.hue,
    "confidence": lambda face: face.confidence,
    "frame": lambda face: face.frame,
}


@dataclass(frozen=True)
class OrderedFace:
    """A face in its place."""

    face: Face
    value: float | None  # what it was sorted by; None where the face does not tell


def values_of(faces: Sequence[Face], measure: FaceMeasure) -> NDArray[np.float64]:
    """(N,) angles in degrees, size (root of the box's area) in plate pixels, the others as in the record."""
    return np.array([_OF[measure](face) for face in faces], np.float64)


def sort_faces(faces: Sequence[Face], by: FaceOrder, reverse: bool = False) -> list[OrderedFace]:
    """``faces`` sorted: sharp, large, trusted and unlike ones first, and by all else the smallest first.

    ``likeness`` chains each face to the most alike one that is left, beginning at the one most unlike all: its value is
    the distance to the one before. ``unlikeness`` is the mean distance to all others. Both compare histograms by the
    Hellinger distance, 0..1. ``identity`` is the distance, 1 - cosine, to the person on most faces; a face without
    identity comes last. Equal faces keep their order.
    Raises FacesetError when identity is asked for and no face has one.
    """
    if by == "likeness":
        order, values = _chain(_roots(faces))
    elif by == "identity":
        values = _strangeness(faces)
        order = np.argsort(values, kind="stable")
    else:
        values = unlikeness(faces) if by == "unlikeness" else values_of(faces, by)
        order = np.argsort(-values if by in _LARGEST_FIRST else values, kind="stable")
    if reverse:
        order = order[::-1]
    return [OrderedFace(faces[index], float(values[index]) if np.isfinite(values[index]) else None) for index in order]


def unlikeness(faces: Sequence[Face]) -> NDArray[np.float64]:
    """(N,) mean Hellinger distance of each face's histogram to those of all others, 0..1, to a hundred-thousandth."""
    roots = _roots(faces)
    sums = []
    for start in range(0, len(roots), _BLOCK):
        gaps = 1 - roots[start : start + _BLOCK] @ roots.T
        # Histograms that are the same must not differ by what a processor rounds.
        sums.append(np.sqrt(np.where(gaps > _ROUNDING, gaps, 0)).sum(axis=1, dtype=np.float64))
    return np.round(np.concatenate(sums) / max(1, len(roots) - 1), 5) if sums else np.empty(0)


def _chain(roots: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The greedy nearest-neighbour chain, and each face's distance to the one before it."""
    count = len(roots)
    order, values = np.empty(count, np.intp), np.zeros(count)
    # The one most unlike the middle of all begins: the chain runs from one end of the set to the other.
    here = int(np.argmin(roots @ roots.mean(axis=0)))
    left, rest, nearness = np.arange(count), roots.copy(), 1.0
    for step in range(count):
        order[step] = left[here]
        values[left[here]] = np.sqrt(max(1 - nearness, 0.0))
        last = rest[here].copy()
        # The last one fills the gap, so that the work shrinks with what is left.
        left[here], rest[here] = left[-1], rest[-1]
        left, rest = left[:-1], rest[:-1]
        if len(left):
            alike = rest @ last
            here = int(np.argmax(alike))
            nearness = float(alike[here])
    return order, values


def _strangeness(faces: Sequence[Face]) -> NDArray[np.float64]:
    vectors, has = identities(faces)
    labels = cluster(vectors, same_person(faces))
    middle = vectors[labels == 0].mean(axis=0)
    values = np.full(len(faces), np.nan)
    values[has] = 1 - vectors @ (middle / np.linalg.norm(middle))
    return values


def _roots(faces: Sequence[Face]) -> NDArray[np.float32]:
    return np.array([face.measures.roots for face in faces], np.float32).reshape(len(faces), -1)
