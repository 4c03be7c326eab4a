"""Whose faces are they: the people of a set told apart by what a recogniser said of each face."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from understudy.errors import FacesetError
from understudy.face.interfaces import SAME_PERSON
from understudy.faceset.record import Face

_OTHER = 0.5  # for a recogniser that is not known here

AT_ONCE = 10_000
"""Faces whose distances to each other are all held: 400 MB, and as much again while they are linked."""


def identities(faces: Sequence[Face]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The (M, D) unit vectors of the faces that have one, and which of the N those are.

    Raises :class:`FacesetError` when none has, or when several recognisers gave them.
    """
    has = np.array([face.identity is not None for face in faces], bool)
    if not has.any():
        raise FacesetError(
            "No face of the set says whose it is: it was extracted without a recogniser.",
            "Extract the footage again with --recogniser insightface or --recogniser dlib.",
        )
    recognisers = {face.analysis.get("recogniser", "") for face in faces if face.identity is not None}
    if len(recognisers) > 1 or len({len(face.identity) for face in faces if face.identity is not None}) > 1:
        raise FacesetError(
            "The faces of the set were told apart by several recognisers, whose figures cannot be compared.",
            "Extract the footage again with one recogniser.",
        )
    vectors = np.array([face.identity for face in faces if face.identity is not None], np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-9), has


def same_person(faces: Sequence[Face]) -> float:
    """The usual threshold of the recogniser that the records of ``faces`` name."""
    named = next((face.analysis.get("recogniser", "") for face in faces if face.identity is not None), "")
    return SAME_PERSON.get(named.split(" ", 1)[0], _OTHER)


def cluster(vectors: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """Which person each of the (M, D) unit ``vectors`` is: (M,) numbers from 0, those with most faces first.

    Average linkage: groups are joined while the mean cosine over all pairs across them is at least ``threshold``, so
    that a few faces between two people do not chain them together. Of more than ``AT_ONCE`` faces an even sample is
    grouped, the others join the nearest group, and those far from all are grouped in their turn.
    """
    labels = np.full(len(vectors), -1, np.intp)
    left = np.arange(len(vectors))
    while len(left):
        sample = left[np.linspace(0, len(left) - 1, min(AT_ONCE, len(left))).round().astype(np.intp)]
        labels[sample] = labels.max(initial=-1) + _linked(vectors[sample], threshold)
        left = left[labels[left] < 0]
        if len(left):
            middles = _middles(vectors, labels)
            alike = vectors[left] @ middles.T
            nearest = alike.argmax(axis=1)
            near = alike[np.arange(len(left)), nearest] >= threshold
            labels[left[near]] = nearest[near]
            left = left[~near]
    numbers, counts = np.unique(labels, return_counts=True)
    ranks = np.empty(len(numbers), np.intp)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(len(numbers))
    return ranks[labels]


def people_of(faces: Sequence[Face], threshold: float) -> NDArray[np.intp]:
    """As :func:`cluster`, for all N faces: one without identity goes with most of its track, and is -1 without one.

    Raises as :func:`identities`.
    """
    vectors, has = identities(faces)
    people = np.full(len(faces), -1, np.intp)
    people[has] = cluster(vectors, threshold)
    of_track: dict[tuple[str, int], Counter[int]] = defaultdict(Counter)
    for face, person in zip(faces, people.tolist(), strict=True):
        if person >= 0:
            of_track[face.plate, face.track][person] += 1
    for index in np.flatnonzero(~has):
        known = of_track.get((faces[index].plate, faces[index].track))
        if known:
            people[index] = known.most_common(1)[0][0]
    return people


def _linked(vectors: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """Numbers from 1, in no order."""
    count = len(vectors)
    if count == 1:
        return np.ones(1, np.intp)
    distances = np.empty(count * (count - 1) // 2)  # the upper triangle, row by row, as scipy wants it
    end = 0
    for row in range(count - 1):
        start, end = end, end + count - 1 - row
        np.subtract(1.0, vectors[row + 1 :] @ vectors[row], out=distances[start:end])
    np.maximum(distances, 0, out=distances)
    groups: NDArray[np.intp] = fcluster(linkage(distances, "average"), 1 - threshold, "distance").astype(np.intp)
    return groups


def _middles(vectors: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float32]:
    """The mean direction of each label's vectors; labels number from 0 without a gap."""
    sums = np.zeros((labels.max() + 1, vectors.shape[1]), np.float32)
    there = labels >= 0
    np.add.at(sums, labels[there], vectors[there])
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), np.float32)
