"""The embedded default: MediaPipe's face detectors and its face mesh, whose weights travel in its wheel (Apache-2.0).

The mesh network is run directly on a square that we cut ourselves, without MediaPipe's own detector in between: so it
works on any detector's box, follows heads up to about 65 degrees of yaw, and says how sure it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import ComponentError, NoFaceError
from understudy.face.confidence import logistic, logit
from understudy.face.geometry import fit_head
from understudy.face.interfaces import ComponentCard, Detection, Image, Landmarks, Points, digest
from understudy.face.tilt import tilt, tilt_of
from understudy.imaging.affine import apply, invert
from understudy.imaging.crop import look, square

_LICENCE = "Apache-2.0"
_DETECTORS = ("face_detection_short_range.tflite", "face_detection_full_range_sparse.tflite")
_MESH = "face_landmark_with_attention.tflite"

_GRAPH = """
input_stream: "image"
input_stream: "roi"
input_side_packet: "attention"
output_stream: "landmarks"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:roi"
  input_side_packet: "WITH_ATTENTION:attention"
  output_stream: "LANDMARKS:landmarks"
}
"""
_PRESENCE = "facelandmarkcpu__face_presence_score"  # a stream inside FaceLandmarkCpu

_CURVE = (4.6, 0.37)  # of the 349 boxes that confidence.py tells of, 320 on faces: raw 0.59 is 0.5, raw 0.8 is 0.99

_MESH_SIDE = 192  # pixels that the mesh network sees
# The network's belief in a face: an open one gets 0.999, behind a hand or in profile 0.9 is already an invention.
_GUESS, _CERTAIN = 0.965, 0.995
_SURE_YAW, _BLIND_YAW = 45.0, 80.0  # degrees: up to where the mesh is exact, and from where on it shows a front face
_MESH_MARGIN = 1.5  # side of the square it was trained on, in units of the mesh's own extent

IBUG_FROM_MESH: tuple[tuple[int, ...], ...] = (
    (127, 162), (234,), (132,), (58,), (172,), (136,), (149,), (148,), (152,),
    (377,), (378,), (365,), (397,), (288,), (361,), (454,), (356, 389),
    (70, 46), (63, 52), (105, 52), (66, 65), (107, 55), (336, 285), (296, 295), (334, 282), (293, 282), (300, 276),
    (168, 6), (195,), (5,), (4, 1), (98,), (97,), (2, 164), (326,), (327,),
    (33,), (160, 159), (158,), (133,), (153,), (144,), (362,), (385,), (387, 386), (263,), (373,), (380,),
    (61,), (39, 40), (37,), (0,), (267,), (269, 270), (291,), (405, 321), (314,), (17,), (84,), (181, 91),
    (78,), (81,), (13,), (311,), (308,), (402,), (14,), (178,),
)  # fmt: skip
"""For each iBUG point the mesh vertices whose mean it is: one where a vertex lies on it, two where it lies between."""


def _mediapipe() -> Any:
    os.environ.setdefault("GLOG_minloglevel", "2")
    try:
        import mediapipe
    except ImportError as error:
        raise ComponentError(
            "The package mediapipe is not installed.", "Run: pip install mediapipe==0.10.21"
        ) from error
    return mediapipe


def modules() -> Path:
    """The folder of MediaPipe's networks; raises :class:`ComponentError` when it is not installed."""
    return Path(_mediapipe().__file__).parent / "modules"


@contextmanager
def quiet() -> Iterator[None]:
    """Send the process's error stream to nowhere: the C++ side greets there, past every switch it offers."""
    try:
        kept = os.dup(2)
    except OSError:  # no error stream to begin with, as under pythonw
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


class MediapipeDetector:
    """The short range and the full range detector together; each catches faces that the other misses.

    Their raw score is a sigmoid, 0.5 or more for what is shown at all. It is too modest: see ``_CURVE``.
    """

    side = 192
    smallest = 12

    def __init__(self, score: float = 0.5) -> None:
        solution = _mediapipe().solutions.face_detection.FaceDetection
        with quiet():
            self._models = [solution(min_detection_confidence=score, model_selection=which) for which in (0, 1)]
            self.detect(np.zeros((self.side, self.side, 3), np.uint8))

    @cached_property
    def card(self) -> ComponentCard:
        return detector_card()

    def detect(self, image: Image) -> list[Detection]:
        size = np.array([image.shape[1], image.shape[0]], np.float32)
        image = np.ascontiguousarray(image)
        found = []
        for model in self._models:
            for face in model.process(image).detections or ():
                area = face.location_data.relative_bounding_box
                corner = np.array([area.xmin, area.ymin], np.float32) * size
                extent = np.array([area.width, area.height], np.float32) * size
                eye, other_eye, nose, mouth = (
                    np.array([point.x, point.y], np.float32) * size
                    for point in face.location_data.relative_keypoints[:4]
                )
                raw = float(face.score[0])
                found.append(
                    Detection(
                        np.concatenate([corner, corner + extent]),
                        logistic(logit(raw), *_CURVE),
                        np.stack([eye, other_eye, nose, mouth, mouth]),
                        raw,
                    )
                )
        return found


class MediapipeLandmarker:
    """478 mesh points and the 68 made from them. The mesh runs twice: the first finds the face's own square."""

    def __init__(self) -> None:
        mediapipe = _mediapipe()
        from mediapipe.python._framework_bindings import calculator_graph, resource_util

        resource_util.set_resource_dir(str(Path(mediapipe.__file__).parent.parent))
        with quiet():
            self._graph = calculator_graph.CalculatorGraph(graph_config=_GRAPH)
            self._points: list[Any] = []
            self._presence: list[Any] = []
            self._graph.observe_output_stream("landmarks", _keep(self._points))
            self._graph.observe_output_stream(_PRESENCE, _keep(self._presence))
            self._graph.start_run({"attention": mediapipe.packet_creator.create_bool(True)})
            self._graph.wait_until_idle()
        self._time = 0
        self._greeted = False

    @cached_property
    def card(self) -> ComponentCard:
        return landmarker_card()

    def landmarks(self, image: Image, detections: Sequence[Detection]) -> list[Landmarks | None]:
        return [self._one(image, detection) for detection in detections]

    def _one(self, image: Image, detection: Detection) -> Landmarks | None:
        box = detection.box.astype(np.float64)
        angle = tilt_of(detection.points)
        # Detectors disagree on how much forehead belongs to a face: the root of the area is what they share.
        centre, side = (box[:2] + box[2:]) / 2, float(np.sqrt(np.prod(box[2:] - box[:2])))
        first = self._mesh(image, square(centre, side * _MESH_MARGIN, angle, _MESH_SIDE))
        if first is None:
            return None
        angle = tilt(first[0][33], first[0][263], first[0][13])
        upright = square(np.zeros(2), 1.0, angle, 1)[:, :2]
        turned = first[0] @ upright.T
        low, high = turned.min(0), turned.max(0)
        centre, side = upright.T @ ((low + high) / 2), float(np.max(high - low))
        second = self._mesh(image, square(centre, side * _MESH_MARGIN, angle, _MESH_SIDE))
        if second is None:
            return None
        dense, presence = second
        if presence < _GUESS:
            return None
        points = to_ibug(dense)
        belief = np.clip((presence - _GUESS) / (_CERTAIN - _GUESS), 0.0, 1.0)
        return Landmarks(points, dense.astype(np.float32), float(belief) * _trust(points))

    def _mesh(self, image: Image, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float] | None:
        """Mesh points (478, 2) in picture pixels and the network's belief that a face is there, or None."""
        mediapipe = _mediapipe()
        from mediapipe.framework.formats import rect_pb2

        create, get = mediapipe.packet_creator, mediapipe.packet_getter
        whole = rect_pb2.NormalizedRect(x_center=0.5, y_center=0.5, width=1, height=1)
        crop = create.create_image_frame(image_format=mediapipe.ImageFormat.SRGB, data=look(image, matrix, _MESH_SIDE))
        self._points.clear()
        self._presence.clear()
        self._time += 1
        # Another thread sets to work, and greets, as soon as both packets are in.
        with nullcontext() if self._greeted else quiet():
            self._graph.add_packet_to_input_stream("image", crop.at(self._time))
            self._graph.add_packet_to_input_stream("roi", create.create_proto(whole).at(self._time))
            self._graph.wait_until_idle()
        if not self._points:
            return None
        self._greeted = True
        marks = get.get_proto(self._points[0]).landmark
        points = np.array([(mark.x, mark.y) for mark in marks], np.float64) * _MESH_SIDE
        return apply(invert(matrix), points), float(get.get_float(self._presence[0]))


def to_ibug(dense: NDArray[np.floating[Any]]) -> Points:
    """The 68 iBUG points (68, 2) float32 of a mesh (478, 2)."""
    return np.array([dense[list(vertices)].mean(0) for vertices in IBUG_FROM_MESH], np.float32)


def _trust(points68: Points) -> float:
    """1 for a face that the mesh follows well, falling towards the profile, where it lags behind the head's turn."""
    try:
        yaw = abs(fit_head(points68).angles[0])
    except NoFaceError:
        return 0.0
    return float(np.clip((_BLIND_YAW - yaw) / (_BLIND_YAW - _SURE_YAW), 0.0, 1.0))


def detector_card() -> ComponentCard:
    """The detector's card; raises :class:`ComponentError` when mediapipe is missing."""
    files = [modules() / "face_detection" / name for name in _DETECTORS]
    return ComponentCard(
        "mediapipe", "detector", _LICENCE, True, digest(*files), f"mediapipe wheel: {', '.join(_DETECTORS)}"
    )


def landmarker_card() -> ComponentCard:
    """The landmarker's card; raises :class:`ComponentError` when mediapipe is missing."""
    file = modules() / "face_landmark" / _MESH
    return ComponentCard("mediapipe", "landmarker", _LICENCE, True, digest(file), f"mediapipe wheel: {_MESH}")


def _keep(into: list[Any]) -> Callable[[str, Any], None]:
    return lambda _stream, packet: into.append(packet)
