"""Faces of every size in a plate of any size, at bounded cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.roles import Detection, Detector, Image

Box = NDArray[np.floating[Any]]
"""(4,) x0 y0 x1 y1."""

SAME_FACE = 0.4
"""Boxes whose intersection over union reaches this show one face."""

CONCENTRIC = 0.25
"""So do boxes whose centres are nearer than this, in box sizes: two people cannot share a place."""

LARGE = 0.2
"""Share of the frame that a face must fill to be believed on the reduced copy, which blurs all smaller ones."""

INSIDE = 0.8
"""A weaker box of which this share lies in a stronger one is a part of that face, not another face."""


def find_faces(detector: Detector, image: Image, *, minimum: float = 40.0, score: float = 0.5) -> list[Detection]:
    """Faces in ``image`` (H, W, 3) uint8 RGB whose smaller box side is at least ``minimum`` pixels, left to right.

    The detector looks at the whole picture, at a reduced copy with a border (for a face that fills the frame), and,
    where its network would lose faces of ``minimum`` pixels, at overlapping tiles. Every look is reduced to the
    network's own size first, so that a large plate costs what its tiles cost, not what its pixels cost.
    Boxes of one face are fused, weighted by score; ``score`` only gates.
    """
    found: list[Detection] = []
    height, width = image.shape[:2]
    for left, top, side in _views(width, height, detector.side * minimum / detector.smallest):
        # The padded whole is there for large faces only: half the network's size shows them well.
        padded = side > max(width, height)
        target = max(192, detector.side // 2) if padded else detector.side
        view, scale = _reduced(image, left, top, side, target)
        for face in detector.detect(view):
            if face.score >= score:
                placed = _placed(face, scale, left, top)
                if padded and max(_sides(placed.box)) < LARGE * max(width, height):
                    continue
                if not _cut(placed.box, (left, top, side), width, height):
                    found.append(placed)
    faces = [face for face in fuse(found) if min(_sides(face.box)) >= minimum]
    return sorted(faces, key=lambda face: (float(face.box[0] + face.box[2]), float(face.box[1])))


def fuse(detections: list[Detection]) -> list[Detection]:
    """One detection for each face, strongest first.

    Box and points are the means of their members weighted by score (the strongest alone changes place from frame to
    frame); the score is the strongest member's.
    """
    order = sorted(detections, key=lambda face: (-face.score, *face.box.tolist()))
    groups: list[list[Detection]] = []
    for face in order:
        means = [_mean(group).box for group in groups]
        best = max(range(len(groups)), key=lambda index: intersection_over_union(face.box, means[index]), default=None)
        if best is not None and _same(face.box, means[best]):
            groups[best].append(face)
        else:
            groups.append([face])
    faces: list[Detection] = []
    for face in sorted(map(_mean, groups), key=lambda face: -face.score):
        if all(_shared(face.box, other.box) < INSIDE * _area(face.box) for other in faces):
            faces.append(face)
    return faces


def intersection_over_union(box: Box, other: Box) -> float:
    """The area that two boxes (x0 y0 x1 y1) share, over the area that they cover together."""
    shared = _shared(box, other)
    return shared / max(_area(box) + _area(other) - shared, 1e-9)


def _views(width: int, height: int, finest: float) -> Iterator[tuple[int, int, int]]:
    """Squares (left, top, side) to look at, from the padded whole to tiles of ``finest`` pixels.

    Tiles overlap by a third of their side and grow threefold from level to level, so that every face is whole in
    some square in which it is neither too small nor too large for the network.
    """
    longest = max(width, height)
    padded = 2 * longest
    yield (width - padded) // 2, (height - padded) // 2, padded
    yield 0, 0, longest
    side = math.ceil(finest)
    while side < longest:
        for top in _starts(height, side):
            for left in _starts(width, side):
                yield left, top, side
        side *= 3


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = math.ceil((length - side) / (side * 2 / 3)) + 1
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


def _reduced(image: Image, left: int, top: int, side: int, target: int) -> tuple[Image, float]:
    """The square of the picture, black beyond its edges, and its scale against the plate (1 or less)."""
    height, width = image.shape[:2]
    scale = min(1.0, target / side)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
    part = np.asarray(cv2.resize(image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA), np.uint8)
    before_x, before_y = round((x0 - left) * scale), round((y0 - top) * scale)
    if (before_x, before_y) == (0, 0):
        return part, scale
    extent = round(side * scale) + 1
    view = np.zeros((extent, extent, 3), np.uint8)
    view[before_y : before_y + size[1], before_x : before_x + size[0]] = part
    return view, scale


def _same(box: Box, other: Box) -> bool:
    apart = float(np.linalg.norm(box[:2] + box[2:] - other[:2] - other[2:])) / 2
    size = (_area(box) * _area(other)) ** 0.25
    return intersection_over_union(box, other) >= SAME_FACE or apart < CONCENTRIC * size


def _placed(face: Detection, scale: float, left: int, top: int) -> Detection:
    shift = np.array([left, top], np.float32)
    points = None if face.points is None else (face.points / scale + shift).astype(np.float32)
    return Detection((face.box / scale + np.tile(shift, 2)).astype(np.float32), face.score, points)


def _cut(box: Box, tile: tuple[int, int, int], width: int, height: int) -> bool:
    """True when a tile's edge, not the picture's, may cut this face."""
    left, top, side = tile
    margin = 0.02 * side
    return bool(
        (left > 0 and box[0] < left + margin)
        or (top > 0 and box[1] < top + margin)
        or (left + side < width and box[2] > left + side - margin)
        or (top + side < height and box[3] > top + side - margin)
    )


def _mean(group: list[Detection]) -> Detection:
    weights = np.array([face.score for face in group])
    box = np.average([face.box for face in group], axis=0, weights=weights).astype(np.float32)
    pointed = [face for face in group if face.points is not None]
    points = None
    if pointed:
        weights = np.array([face.score for face in pointed])
        stack = np.stack([face.points for face in pointed if face.points is not None])
        points = np.average(stack, axis=0, weights=weights).astype(np.float32)
    return Detection(box, max(face.score for face in group), points)


def _sides(box: Box) -> tuple[float, float]:
    return float(box[2] - box[0]), float(box[3] - box[1])


def _area(box: Box) -> float:
    wide, high = _sides(box)
    return max(wide, 0.0) * max(high, 0.0)


def _shared(box: Box, other: Box) -> float:
    wide = float(min(box[2], other[2]) - max(box[0], other[0]))
    high = float(min(box[3], other[3]) - max(box[1], other[1]))
    return max(wide, 0.0) * max(high, 0.0)
