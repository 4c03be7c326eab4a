"""Which faces of a set are worth keeping: the best of every pose, and one of each group that looks the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from understudy.faceset.order import unlikeness, values_of
from understudy.faceset.record import Face
from understudy.imaging.affine import apply

_LANDMARKS = 4.0
"""How much the landmarks' distance counts against the thumbnails': a blink hardly shows in a thumbnail."""

_BLOCK = 512

Bin = tuple[int, int]
"""A bin of yaw and pitch; 0, 0 is the one around the frontal pose."""


def quality(faces: Sequence[Face]) -> NDArray[np.float64]:
    """(N,) 0..1: the mean of a face's ranks by sharpness, confidence, size and unlikeness within ``faces``."""
    columns = [
        values_of(faces, "sharpness"),
        values_of(faces, "confidence"),
        values_of(faces, "size"),
        unlikeness(faces),
    ]
    return np.asarray(np.mean([rankdata(column) for column in columns], axis=0) / max(1, len(faces)), np.float64)


def pose_bins(faces: Sequence[Face], width: float) -> list[Bin]:
    """The bin of each face, ``width`` degrees of yaw and of pitch wide."""
    return [(round(face.pose[0] / width), round(face.pose[1] / width)) for face in faces]


def select(faces: Sequence[Face], count: int, width: float) -> list[Face]:
    """The best ``count`` of ``faces``, evenly over the bins of pose, best first.

    Each round takes the best face that is left in every bin; a last round that is too large takes the best of its own.
    """
    score, bins = quality(faces), defaultdict[Bin, list[int]](list)
    for index, place in enumerate(pose_bins(faces, width)):
        bins[place].append(index)
    queues = [sorted(members, key=lambda index: -score[index]) for members in bins.values()]
    chosen: list[int] = []
    for turn in range(max(map(len, queues), default=0)):
        chosen += sorted((queue[turn] for queue in queues if turn < len(queue)), key=lambda index: -score[index])
    return [faces[index] for index in chosen[:count]]


def duplicates(faces: Sequence[Face], threshold: float) -> list[tuple[Face, Face]]:
    """Faces that look like a sharper one: (face, the one that is kept for it).

    Two faces look alike when the root of the mean squared difference of their thumbnails (0..1), and that of their
    landmarks in the crop (as parts of its side, counted four times), come together to less than ``threshold``. The
    sharpest face is kept, then each that is not like one kept before it; so nobody goes for being like one who went.
    """
    features = _features(faces)
    order = np.argsort(-values_of(faces, "sharpness"), kind="stable")
    squares = (features**2).sum(axis=1)
    kept, twin = np.empty(0, np.intp), np.full(len(faces), -1, np.intp)
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        others = np.concatenate([kept, block])
        gaps = squares[block, None] + squares[others] - 2 * features[block] @ features[others].T
        allowed = np.concatenate([np.ones(len(kept), bool), np.zeros(len(block), bool)])
        for row in range(len(block)):
            near = np.flatnonzero(allowed & (gaps[row] < threshold**2))
            if len(near):
                twin[block[row]] = others[near[gaps[row, near].argmin()]]
            else:
                allowed[len(kept) + row] = True
        kept = others[allowed]
    return [(faces[index], faces[twin[index]]) for index in np.flatnonzero(twin >= 0)]


def _features(faces: Sequence[Face]) -> NDArray[np.float64]:
    """(N, D): their distance is that which :func:`duplicates` tells of. About their mean, for the sake of precision."""
    pictures = np.array([np.frombuffer(face.measures.thumbnail, np.uint8) for face in faces], np.float64) / 255
    points = np.array([apply(face.matrix, face.landmarks).ravel() / face.crop_size for face in faces])
    parts = [pictures / np.sqrt(pictures.shape[1]), points * (_LANDMARKS / np.sqrt(points.shape[1] / 2))]
    features = np.concatenate(parts, axis=1)
    return np.asarray(features - features.mean(axis=0), np.float64)
