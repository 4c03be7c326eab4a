"""dlib's components: the HOG and the MMOD detector, the 68 landmarks of an ensemble of regression trees, the ResNet.

Packages ``dlib-bin`` (the library, with the HOG detector inside) and ``face_recognition_models`` (the weights of the
others). dlib counts pixel centres as whole numbers and the right and lower edges of a box as its last pixels; here both
are translated.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import ComponentError
from understudy.face.confidence import logistic
from understudy.face.interfaces import ComponentCard, Detection, Image, Landmarks, digest
from understudy.face.tilt import tilt, tilt_of
from understudy.imaging.affine import apply, invert
from understudy.imaging.crop import look, square

_CURE = "Run: pip install 'understudy-vfx[dlib]'"
_WEIGHTS = {
    "cnn": "mmod_human_face_detector.dat",
    "landmarker": "shape_predictor_68_face_landmarks.dat",
    "recogniser": "dlib_face_recognition_resnet_model_v1.dat",
}

# What dlib's detectors draw around a face, measured on rendered people: a square around the mean of the 51 inner
# points, so many distances of the outer eye corners wide.
_BOX_SIDE, _BOX_LIFT = 1.97, 0.035

_HOG = (3.1, -0.37)  # of the 554 boxes that confidence.py tells of, 189 on faces
_CNN = (
    3.1,
    0.0,
)  # no false alarm came above the boundary that it was trained for, which is the middle; slope as of HOG

_CHIP = 256  # pixels of the square that the trees are shown; their answers are whole pixels of it
_CHIP_BOX = 160.0  # of which the face's box takes so many
_SHIFTS = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]) * 0.03 * _CHIP_BOX
# Spread of the answers in eye distances: up to 0.012 on open faces, from 0.021 on beyond 60 degrees of yaw, where the
# trees draw a face from the front.
_AGREED, _GUESSED = 0.012, 0.02


def _dlib() -> Any:
    try:
        import dlib
    except ImportError as error:
        raise ComponentError("The package dlib is not installed.", _CURE) from error
    return dlib


def weights(part: str) -> Path:
    """The file of ``cnn``, ``landmarker`` or ``recogniser``; raises :class:`ComponentError` when it is not installed.

    The package is only located: importing it wants a part of setuptools that is no longer there.
    """
    found = importlib.util.find_spec("face_recognition_models")
    if found is None or not found.submodule_search_locations:
        raise ComponentError("The package face_recognition_models is not installed.", _CURE)
    return Path(next(iter(found.submodule_search_locations))) / "models" / _WEIGHTS[part]


@lru_cache
def card(name: str, role: str) -> ComponentCard:
    """Licence and hash of a component. Raises :class:`ComponentError` when it is not installed."""
    module = Path(_dlib().__file__)
    match name, role:
        case "dlib-hog", "detector":
            # Its weights are inside the library.
            library = Path(importlib.util.find_spec("_dlib_pybind11").origin or module)  # type: ignore[union-attr]
            return ComponentCard(name, role, "BSL-1.0", True, digest(library), f"package dlib-bin: {library.name}")
        case "dlib-cnn", "detector":
            part, licence, commercial = "cnn", "CC0-1.0 (trained on pictures of several licences)", None
        case "dlib", "landmarker":
            part, licence, commercial = "landmarker", "trained on iBUG 300-W, which excludes commercial use", False
        case _:
            part, licence, commercial = "recogniser", "CC0-1.0 (trained on pictures of several licences)", None
    file = weights(part)
    return ComponentCard(name, role, licence, commercial, digest(file), f"package face_recognition_models: {file.name}")


class DlibHogDetector:
    """Histograms of oriented gradients under five linear filters: faces from the front, 80 pixels and more.

    Its raw score is the signed distance from the separating plane of the best filter; what is shown at all lies above
    -0.5.
    """

    side = 480
    smallest = 80

    def __init__(self) -> None:
        self._model = _dlib().get_frontal_face_detector()

    @cached_property
    def card(self) -> ComponentCard:
        return card("dlib-hog", "detector")

    def detect(self, image: Image) -> list[Detection]:
        boxes, scores, _ = self._model.run(np.ascontiguousarray(image), 0, -0.5)
        return [
            Detection(_box(box), logistic(score, *_HOG), None, float(score))
            for box, score in zip(boxes, scores, strict=True)
        ]


class DlibCnnDetector:
    """A small convolutional network over a pyramid, trained by max-margin: many angles, 60 pixels and more; slow on a CPU.

    Its raw score is the margin of the network's last layer, above 0 for what is shown at all.
    """

    side = 320
    smallest = 60

    def __init__(self) -> None:
        self._model = _dlib().cnn_face_detection_model_v1(str(weights("cnn")))

    @cached_property
    def card(self) -> ComponentCard:
        return card("dlib-cnn", "detector")

    def detect(self, image: Image) -> list[Detection]:
        return [
            Detection(_box(one.rect), logistic(one.confidence, *_CNN), None, float(one.confidence))
            for one in self._model(np.ascontiguousarray(image), 0)
        ]


class DlibLandmarker:
    """The 68 points of an ensemble of regression trees (Kazemi and Sullivan, 2014).

    The trees are asked from five boxes a little apart; the points are the mean of the answers, and where the answers are
    apart, the trust is small, down to none. The box is laid anew around the first answer, so that it does not matter
    whose it was.
    """

    def __init__(self) -> None:
        self._dlib = _dlib()
        self._model = self._dlib.shape_predictor(str(weights("landmarker")))

    @cached_property
    def card(self) -> ComponentCard:
        return card("dlib", "landmarker")

    def landmarks(self, image: Image, detections: Sequence[Detection]) -> list[Landmarks | None]:
        return [self._one(image, detection) for detection in detections]

    def _one(self, image: Image, detection: Detection) -> Landmarks | None:
        box = detection.box.astype(np.float64)
        angle = tilt_of(detection.points)
        centre, side = (box[:2] + box[2:]) / 2, float(np.sqrt(np.prod(box[2:] - box[:2])))
        answers = self._asked(image, centre, side, angle)
        for _ in range(2):
            points = answers.mean(0)
            angle = tilt(points[36:42].mean(0), points[42:48].mean(0), points[48:].mean(0))
            side = _BOX_SIDE * float(np.linalg.norm(points[45] - points[36]))
            up = np.array([np.sin(angle), -np.cos(angle)])
            answers = self._asked(image, points[17:].mean(0) + _BOX_LIFT / _BOX_SIDE * side * up, side, angle)
        points = answers.mean(0)
        spread = float(np.linalg.norm(answers - points, axis=2).mean()) / max(side / _BOX_SIDE, 1e-6)
        if spread >= _GUESSED:
            return None
        trust = min(1.0, (_GUESSED - spread) / (_GUESSED - _AGREED))
        return Landmarks(points.astype(np.float32), None, detection.score * trust)

    def _asked(self, image: Image, centre: NDArray[np.float64], side: float, angle: float) -> NDArray[np.float64]:
        """(5, 68, 2) the answers from boxes of ``side`` pixels around ``centre``, in picture pixels."""
        matrix = square(centre, side * _CHIP / _CHIP_BOX, angle, _CHIP)
        chip = look(image, matrix, _CHIP)
        back, answers = invert(matrix), []
        for shift in _SHIFTS:
            low = np.rint((_CHIP - _CHIP_BOX) / 2 + shift).astype(int)
            high = low + round(_CHIP_BOX) - 1
            shape = self._model(chip, self._dlib.rectangle(int(low[0]), int(low[1]), int(high[0]), int(high[1])))
            points = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
            answers.append(apply(back, points + 0.5))
        return np.array(answers)


class DlibRecogniser:
    """The ResNet of 29 layers: 128 numbers, here of unit length."""

    def __init__(self) -> None:
        self._dlib = _dlib()
        self._model = self._dlib.face_recognition_model_v1(str(weights("recogniser")))

    @cached_property
    def card(self) -> ComponentCard:
        return card("dlib", "recogniser")

    def embed(self, image: Image, landmarks: Landmarks) -> NDArray[np.float32]:
        # Shown large and upright first, for the library takes whole pixels.
        points = landmarks.points68.astype(np.float64)
        angle = tilt(points[36:42].mean(0), points[42:48].mean(0), points[48:].mean(0))
        low, high = points.min(0), points.max(0)
        matrix = square((low + high) / 2, 2.0 * float(np.max(high - low)), angle, 2 * _CHIP)
        face = self._dlib.rectangle(0, 0, 2 * _CHIP, 2 * _CHIP)
        seen = [self._dlib.point(*map(int, np.rint(point - 0.5))) for point in apply(matrix, points)]
        chip = self._dlib.get_face_chip(
            look(image, matrix, 2 * _CHIP), self._dlib.full_object_detection(face, self._dlib.points(seen)), 150, 0.25
        )
        vector = np.array(self._model.compute_face_descriptor(chip), np.float32)
        return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))


def _box(rectangle: Any) -> NDArray[np.float32]:
    return np.array([rectangle.left(), rectangle.top(), rectangle.right() + 1, rectangle.bottom() + 1], np.float32)
