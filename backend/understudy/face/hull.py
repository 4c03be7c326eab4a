"""The face's outline from its landmarks, as a soft-edged coverage mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.imaging.affine import FloatArray, apply

_FINE = 4
_HAIR, _EARS = 5.0, 1.25  # of a head's outline: how far the brows are lifted, and how much wider than the face it is
_SOFT = 0.02  # of its width: how soft the edge of a person is
_SHIFT = 6  # fractional bits of OpenCV's polygon coordinates
EYES_AND_MOUTH = (range(36, 42), range(42, 48), range(48, 60))

EYES_AND_BROWS = (range(36, 42), range(42, 48), range(17, 22), range(22, 27))


def face_mask(landmarks: FloatArray, matrix: FloatArray, size: int, *, brow_lift: float = 2.0) -> NDArray[np.float32]:
    """Coverage (size, size) float32 in 0..1 of the convex hull of (68, 2) plate landmarks, drawn in a crop.

    The brows are raised by ``brow_lift`` times half their height over the eyes, so that the mask reaches the forehead.
    """
    return _fill([face_outline(apply(matrix, landmarks), brow_lift=brow_lift)], size)


def face_outline(points: FloatArray, *, brow_lift: float = 2.0) -> NDArray[np.float32]:
    """The outline (N, 2) of :func:`face_mask` around the (68, 2) landmarks of an upright face, in their pixels."""
    eye_height = points[36:48, 1].mean()
    lifted = points[17:27].copy()
    lifted[:, 1] -= brow_lift * 0.5 * np.maximum(eye_height - lifted[:, 1], 0.0)
    return np.asarray(cv2.convexHull(np.concatenate([points, lifted]).astype(np.float32))[:, 0], np.float32)


def head_outline(points: FloatArray) -> NDArray[np.float32]:
    """The outline (N, 2) of the head that has these (68, 2) landmarks, in their pixels, hair and ears by guess."""
    upright = _upright(points)
    turned = np.asarray(points, np.float64) @ upright.T
    face = face_outline(turned, brow_lift=_HAIR).astype(np.float64)
    middle = face.mean(0)
    return np.asarray((middle + _EARS * (face - middle)) @ upright, np.float32)


def people_mask(
    faces: Sequence[FloatArray], heads: Sequence[FloatArray], matrix: FloatArray, size: int
) -> NDArray[np.float32]:
    """Coverage (size, size) float32 in 0..1 of people with (68, 2) plate landmarks each, seen through ``matrix`` (2, 3).

    Of ``faces`` that is what the landmarks outline, of ``heads`` also hair, ears and shoulders, by guess. Edges are soft.
    """
    shapes = [face_outline(apply(matrix, landmarks)) for landmarks in faces]
    for landmarks in heads:
        points = apply(matrix, landmarks)
        shapes += [head_outline(points), *_shoulders(points)]
    soft = max(float(np.ptp(shape, axis=0).min()) for shape in shapes) * _SOFT
    return np.asarray(cv2.GaussianBlur(_fill(shapes, size), (0, 0), max(soft, 0.3)), np.float32)


def _shoulders(points: FloatArray) -> list[NDArray[np.float32]]:
    """Convex outlines (N, 2) of neck and shoulders below a head with these (68, 2) landmarks."""
    upright = _upright(points)
    turned = np.asarray(points, np.float64) @ upright.T
    middle, chin = turned[:17, 0].mean(), turned[8, 1]
    width, height = np.ptp(turned[:, 0]), np.ptp(turned[:, 1])
    outlines = []
    for ends in (((0.4, -0.3), (0.45, 0.6)), ((0.6, 0.35), (1.3, 0.6), (1.5, 3.0))):
        corners = [(middle + side * x * width, chin + y * height) for side in (1, -1) for x, y in ends]
        outlines.append(np.asarray(cv2.convexHull((np.array(corners) @ upright).astype(np.float32))[:, 0]))
    return outlines


def _upright(points: FloatArray) -> NDArray[np.float64]:
    """(2, 2) the turn that sets a face of (68, 2) landmarks upright: from its brows down to its mouth."""
    down = np.asarray(points[48:68], np.float64).mean(0) - np.asarray(points[17:27], np.float64).mean(0)
    x, y = down / max(float(np.linalg.norm(down)), 1e-6)
    return np.array([[y, -x], [x, y]])


def feature_mask(landmarks: FloatArray, matrix: FloatArray, size: int) -> NDArray[np.float32]:
    """Coverage (size, size) float32 in 0..1 of eyes and mouth, a little enlarged: where a viewer looks."""
    points = apply(matrix, landmarks)
    shapes = []
    for feature in EYES_AND_MOUTH:
        outline = points[list(feature)]
        centre = outline.mean(0)
        reach = np.ptp(outline[:, 0]) * 0.15
        direction = outline - centre
        length = np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-6)
        shapes.append(cv2.convexHull((outline + direction / length * reach).astype(np.float32))[:, 0])
    return _fill(shapes, size)


def eye_mask(landmarks: FloatArray, matrix: FloatArray, size: int) -> NDArray[np.float32]:
    """Soft mask (size, size) float32 in 0..1 of eyes and brows, grown by a fiftieth of the crop's side.

    What is darkest in a face and most a person's own: no light on skin.
    """
    points = apply(matrix, landmarks)
    mask = _fill([cv2.convexHull(points[list(part)].astype(np.float32))[:, 0] for part in EYES_AND_BROWS], size)
    side = 2 * max(1, round(size / 50)) + 1
    grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), side / 4), np.float32)


def _fill(polygons: list[NDArray[Any]], size: int) -> NDArray[np.float32]:
    canvas = np.zeros((size * _FINE, size * _FINE), np.uint8)
    for polygon in polygons:
        # Pixel centres at +0.5 become OpenCV's centres at whole numbers.
        fixed = np.round((polygon * _FINE - 0.5) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(canvas, fixed, (255,), cv2.LINE_8, _SHIFT)
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255.0
