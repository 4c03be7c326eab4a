"""Hands before a face: MediaPipe's hand landmarks (Apache-2.0, in its wheel), grown to the flesh around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.components.mediapipe_models import modules, quiet
from understudy.face.interfaces import ComponentCard, Image, digest
from understudy.imaging.affine import FloatArray, apply

CONFIDENCE = 0.5
"""Least belief in a hand."""

_BESIDE = 0.04  # of the outline's larger side: as far outside of it a wrist still lies on the face
PROFILE = 45.0
"""Degrees of yaw from which on a face's own brow, nose and lips, one above the other, may be taken for fingers."""

_FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
_WEIGHTS = (("palm_detection", "palm_detection_full.tflite"), ("hand_landmark", "hand_landmark_full.tflite"))
_OPEN_HAND = np.array(
    [
        (32, 100), (14, 85), (7, 68), (4, 53), (0, 42), (22, 51), (21, 27), (22, 12), (23, 1), (36, 52), (42, 26),
        (46, 11), (49, 0), (48, 57), (57, 35), (63, 21), (68, 9), (57, 65), (67, 50), (73, 41), (77, 32),
    ],
    np.float64,
)  # fmt: skip
"""The landmarks of one that is drawn, in hundredths of its height: as they were found on a rendered hand."""

_PALM = (0, 1, 5, 9, 13, 17)
_MOST = 2 / 3  # of a hand's landmarks
_FINE = 4
_FLESH = 0.42
"""Half a finger's breadth as a part of the mean distance between neighbouring knuckles."""


def hand_card() -> ComponentCard:
    """Where the hand networks come from. Raises :class:`ComponentError` when mediapipe is not installed."""
    files = [modules() / folder / name for folder, name in _WEIGHTS]
    return ComponentCard(
        "mediapipe",
        "hands",
        "Apache-2.0",
        True,
        digest(*files),
        f"mediapipe wheel: {', '.join(name for _, name in _WEIGHTS)}",
    )


class HandFinder:
    """Finds hands in pictures. For one thread at a time."""

    def __init__(self) -> None:
        import mediapipe

        with quiet():
            self._hands: Any = mediapipe.solutions.hands.Hands(
                static_image_mode=True, max_num_hands=2, min_detection_confidence=CONFIDENCE
            )
            # The networks load, and greet, at the first picture, and complain at the first hand. Later they must not be
            # quieted: that takes the error stream from the whole process, and other threads have things to say.
            self._hands.process(_drawn_hand())

    def find(self, image: Image) -> list[NDArray[np.float32]]:
        """The 21 landmarks (21, 2) of each hand in ``image`` (H, W, 3) uint8 RGB display-encoded, in its pixels."""
        found = self._hands.process(np.ascontiguousarray(image)).multi_hand_landmarks or []
        size = np.array([image.shape[1], image.shape[0]], np.float32)
        return [np.array([(point.x, point.y) for point in hand.landmark], np.float32) * size for hand in found]


def is_profile(hand: FloatArray, outline: NDArray[np.float32], yaw: float) -> bool:
    """Whether a ``hand`` (21, 2) that was found is the face itself, turned by ``yaw`` degrees: wrist and most else lie in it.

    ``outline`` (N, 2) is the face's, convex, in the same pixels. A hand before a profile mostly has its wrist outside;
    before a face seen from the front a fist may lie anywhere.
    """
    if abs(yaw) < PROFILE:
        return False
    depth = np.array([cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in hand])
    near = -_BESIDE * float(np.ptp(outline, axis=0).max())
    return bool(depth[0] >= near and (depth >= 0).sum() > _MOST * len(depth))


def hand_mask(hands: Sequence[FloatArray], matrix: FloatArray, size: int) -> NDArray[np.float32]:
    """Coverage (size, size) float32 in 0..1 of hands, (21, 2) landmarks each, seen through ``matrix`` (2, 3)."""
    canvas = np.zeros((size * _FINE, size * _FINE), np.uint8)
    for hand in hands:
        points = apply(matrix, hand) * _FINE - 0.5
        knuckles = points[[5, 9, 13, 17]]
        breadth = float(np.linalg.norm(np.diff(knuckles, axis=0), axis=1).mean()) * _FLESH
        thickness = max(1, round(2 * breadth))
        palm = np.round(cv2.convexHull(points[list(_PALM)].astype(np.float32))).astype(np.int32)
        cv2.fillConvexPoly(canvas, palm, (255,))
        cv2.polylines(canvas, [palm], True, (255,), thickness)
        for finger in _FINGERS:
            line = np.round(points[list(finger)]).astype(np.int32)
            cv2.polylines(canvas, [line], False, (255,), thickness)
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small / np.float32(255.0), np.float32)


def _drawn_hand() -> Image:
    """A picture in which a hand is found."""
    mask = hand_mask([_OPEN_HAND], np.array([[1.3, 0, 60], [0, 1.3, 30]]), 192)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
    return np.asarray(90 + soft * (np.array([215, 170, 150]) - 90), np.uint8)
