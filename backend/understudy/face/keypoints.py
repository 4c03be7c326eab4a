"""Eyes, nose, mouth and ears of a face that a detector has boxed, up to full profile.

MediaPipe's short range face detector (BlazeFace; Apache-2.0, in its wheel) gives six points with each box. Shown a face
close up it finds profiles that no landmarker marks, and its points hold their places on the head there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import NoFaceError
from understudy.face.components.mediapipe_models import modules, quiet
from understudy.face.exposure import evenly_exposed
from understudy.face.geometry import Head, fit_points
from understudy.face.interfaces import ComponentCard, Image, digest
from understudy.imaging.affine import FloatArray
from understudy.imaging.crop import look, square

KEYPOINTS: NDArray[np.float64] = np.array(
    [
        (-0.278, -0.283, 0.004), (0.278, -0.283, 0.004), (0.000, 0.050, -0.291),
        (0.000, 0.320, -0.088), (-0.609, -0.186, 0.713), (0.609, -0.186, 0.713),
    ]
)  # fmt: skip
"""Eye, eye, nose tip, mouth, ear, ear (image left first on an upright face) in mean-face units, (6, 3): where the
network sees them on synthetic people of known pose, made symmetric (tools/landmark_habits.py)."""

_FILE = "face_detection_short_range.tflite"
_SIDE = 192  # pixels of the close-up
_FIELD = 2.0  # side of the close-up in sides of the box
_SHADE = 0.36  # sides of the box: light and shade as broad as that is taken out; a face turned from the light is seen
_LEAST = 0.3  # the network's least belief in a face


class KeypointFinder:
    """Finds the six points. For one thread at a time."""

    def __init__(self) -> None:
        """Raises :class:`ComponentError` when mediapipe is not installed."""
        modules()
        import mediapipe

        with quiet():
            self._model: Any = mediapipe.solutions.face_detection.FaceDetection(
                min_detection_confidence=_LEAST, model_selection=0
            )
            self._model.process(np.zeros((_SIDE, _SIDE, 3), np.uint8))
        self.card = keypoint_card()

    def find(self, image: Image, box: FloatArray, angle: float = 0.0) -> NDArray[np.float32] | None:
        """The (6, 2) points of the face in ``box`` (x0 y0 x1 y1) of ``image`` (H, W, 3) uint8 RGB, in its pixels.

        ``angle`` is the face's tilt in radians, clockwise. None where the network sees no face there.
        """
        corners = np.asarray(box, np.float64)
        centre, side = (corners[:2] + corners[2:]) / 2, float(np.max(corners[2:] - corners[:2]))
        to_view = square(centre, _FIELD * side, angle, _SIDE)
        view = evenly_exposed(look(image, to_view, _SIDE), _SHADE * _SIDE / _FIELD)
        found = self._model.process(view).detections or ()
        middle = [self._points(face) for face in found]
        # Others may stand beside: the one that the box is about is in the middle.
        near = [points for points in middle if np.linalg.norm(points[:4].mean(0) - _SIDE / 2) < _SIDE / 4]
        if not near:
            return None
        best = min(near, key=lambda points: float(np.linalg.norm(points[:4].mean(0) - _SIDE / 2)))
        turn = np.linalg.inv(to_view[:, :2])
        return ((best - to_view[:, 2]) @ turn.T).astype(np.float32)

    @staticmethod
    def _points(face: Any) -> NDArray[np.float64]:
        points = [(point.x, point.y) for point in face.location_data.relative_keypoints]
        return np.asarray(np.array(points, np.float64) * _SIDE)


def keypoint_card() -> ComponentCard:
    """Where the network comes from. Raises :class:`ComponentError` when mediapipe is not installed."""
    file = modules() / "face_detection" / _FILE
    return ComponentCard("mediapipe", "keypoints", "Apache-2.0", True, digest(file), f"mediapipe wheel: {_FILE}")


def keypoint_weights(yaw: float) -> NDArray[np.float64]:
    """How much each of the six points says of the head at ``yaw`` degrees, (6,): what is turned away is invented."""
    return np.array(
        [
            np.clip((75 + yaw) / 30, 0.1, 1),
            np.clip((75 - yaw) / 30, 0.1, 1),
            0.5,
            0.7,
            0.3 * np.clip((30 + yaw) / 40, 0, 1),
            0.3 * np.clip((30 - yaw) / 40, 0, 1),
        ]
    )


def keypoint_box(head: Head) -> NDArray[np.float32]:
    """The box (4,), x0 y0 x1 y1 in plate pixels, that a detector would put around ``head``'s face."""
    middle = head.project(np.array([[0.0, 0.0, 0.25]]))[0]
    corners = [middle - 0.65 * head.scale, middle + 0.65 * head.scale]
    return np.asarray(np.concatenate(corners), np.float32)


def keypoint_head(points: FloatArray) -> Head | None:
    """The head that six points (6, 2) in plate pixels tell of; None when they fall together."""
    heads = []
    for yaw in (-60.0, 0.0, 60.0):
        turn = yaw
        try:
            for _ in range(3):  # which points count depends on the pose that they give
                head = fit_points(KEYPOINTS, points, keypoint_weights(turn))
                turn = head.angles[0]
        except NoFaceError:
            continue
        heads.append(head)
    return min(heads, key=lambda head: head.error, default=None)
