"""InsightFace models from a pack that the user has: SCRFD detector, 106 or 68 landmarks, ArcFace recogniser.

Nothing is ever downloaded. The packs that InsightFace publishes are for non-commercial research unless licensed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import ComponentError
from understudy.face.confidence import logistic, logit
from understudy.face.interfaces import ComponentCard, Detection, Image, Landmarks, digest
from understudy.face.tilt import tilt_of
from understudy.imaging.affine import apply, invert
from understudy.imaging.crop import look, square

_CURVE = (
    2.2,
    -2.3,
)  # of the 13,035 boxes that confidence.py tells of, 7,234 on faces: raw 0.09 is 0.5, raw 0.45 is 0.99

LICENCE = "non-commercial research only, unless you hold a licence for this pack"
HOME = Path("~/.insightface/models")

_ARCFACE_POINTS = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
"""Where ArcFace wants eyes, nose tip and mouth corners in its 112 x 112 crop; centres at whole numbers."""

_IBUG_FROM_106 = (
    1, 10, 12, 14, 16, 3, 5, 7, 0, 23, 21, 19, 32, 30, 28, 26, 17,
    43, 48, 49, 51, 50, 102, 103, 104, 105, 101,
    72, 73, 74, 86, 78, 79, 80, 85, 84,
    35, 41, 42, 39, 37, 36, 89, 95, 96, 93, 91, 90,
    52, 64, 63, 71, 67, 68, 61, 58, 59, 53, 56, 55, 65, 66, 62, 70, 69, 57, 60, 54,
)  # fmt: skip
"""For each iBUG point the nearest of the 2d106det model's 106 points."""


@dataclass(frozen=True)
class ModelPack:
    """The model files of a folder by role; a role without a model is absent."""

    folder: Path
    files: dict[str, Path]

    def file(self, role: str) -> Path:
        """The file for ``role``; :class:`ComponentError` when the pack has none."""
        if role not in self.files:
            held = ", ".join(sorted(self.files)) or "no model that is known"
            raise ComponentError(
                f"The InsightFace pack {self.folder} has no {role} model (it holds: {held}).",
                f"Choose another {role}, or a pack that has one.",
            )
        return self.files[role]

    def card(self, role: str) -> ComponentCard:
        file = self.file(role)
        return ComponentCard("insightface", role, LICENCE, False, digest(file), f"pack {self.folder.name}: {file.name}")


def open_pack(pack: str | None) -> ModelPack:
    """Find a pack by folder, or by its name under ``~/.insightface/models`` (None: the only one there).

    Raises :class:`ComponentError` with the cure when the package or the pack is missing.
    """
    try:
        import insightface  # noqa: F401 - asked for here, so that every role gives the same answer
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ComponentError(
            f"The package {error.name} is not installed.", "Run: pip install 'understudy-vfx[insightface]'"
        ) from error
    return _sorted_by_role(_folder(pack))


def _folder(pack: str | None) -> Path:
    home = HOME.expanduser()
    cure = f"Give the folder of a pack that you have, or put one in {HOME} and give its name."
    if pack is None:
        held = sorted(path for path in home.iterdir() if any(path.glob("*.onnx"))) if home.is_dir() else []
        if len(held) == 1:
            return held[0]
        several = f" (there are: {', '.join(path.name for path in held)})" if held else ""
        raise ComponentError(f"No InsightFace pack was chosen{several}.", cure)
    for folder in (Path(pack).expanduser(), home / pack):
        if folder.is_dir():
            if any(folder.glob("*.onnx")):
                return folder
            raise ComponentError(f"The InsightFace pack {folder} holds no .onnx model.", cure)
    raise ComponentError(f"There is no InsightFace pack {pack}.", cure)


@lru_cache(maxsize=8)
def _sorted_by_role(folder: Path) -> ModelPack:
    files: dict[str, Path] = {}
    for file in sorted(folder.glob("*.onnx")):
        session = _session(file)
        inputs, outputs = session.get_inputs(), session.get_outputs()
        side = inputs[0].shape[2]
        role = None
        if len(outputs) in (6, 9, 10, 15):
            role = "detector"
        elif len(inputs) == 1 and side == 192:
            role = "landmarker"
        elif len(inputs) == 1 and side == 112:
            role = "recogniser"
        if role == "landmarker" and outputs[0].shape[-1] == 3309:
            files[role] = file  # the 68 points themselves are better than a mapping from 106
        elif role:
            files.setdefault(role, file)
    return ModelPack(folder, files)


def _session(file: Path) -> Any:
    import onnxruntime

    available = onnxruntime.get_available_providers()
    wanted = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=wanted)
    except _onnx_errors() as error:
        raise ComponentError(f"The model {file} cannot be loaded.", "Fetch the pack again from its source.") from error


def _onnx_errors() -> tuple[type[Exception], ...]:
    """What a file that is no model makes ONNX Runtime raise; its classes have no public name."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.Fail, state.NotImplemented


class InsightfaceDetector:
    """SCRFD, looking at 640 pixels at most. Gives every candidate above the gate: fusing them is the caller's.

    Its raw score is a sigmoid that was trained to tell how well the box fits (quality focal loss), and so is small for a
    face that is surely there: see ``_CURVE``. Boxes below the raw score ``score`` are not given.
    """

    side = 640
    smallest = 14

    def __init__(self, pack: str | None = None, score: float = 0.5) -> None:
        opened = open_pack(pack)
        from insightface.model_zoo.scrfd import SCRFD

        file = opened.file("detector")
        self.card = opened.card("detector")
        self._model = SCRFD(str(file), _session(file), static_shape_sessions=False)
        self._model.prepare(0, nms_thresh=1.0, det_thresh=score)

    def detect(self, image: Image) -> list[Detection]:
        scale = min(1.0, self.side / max(image.shape[:2]))
        height, width = (max(32, math.ceil(length * scale / 32) * 32) for length in image.shape[:2])
        boxes, points = self._model.detect(np.ascontiguousarray(image[..., ::-1]), input_size=(width, height))
        return [
            Detection(
                box[:4].astype(np.float32),
                logistic(logit(float(box[4])), *_CURVE),
                None if points is None else five.astype(np.float32),
                float(box[4]),
            )
            for box, five in zip(boxes, points if points is not None else boxes, strict=True)
        ]


class InsightfaceLandmarker:
    """The pack's 3d68 (preferred) or 2d106 model on the square around each box."""

    def __init__(self, pack: str | None = None) -> None:
        opened = open_pack(pack)
        from insightface.model_zoo.landmark import Landmark

        file = opened.file("landmarker")
        self.card = opened.card("landmarker")
        self._model = Landmark(str(file), _session(file))

    def landmarks(self, image: Image, detections: Sequence[Detection]) -> list[Landmarks | None]:
        return [self._one(image, detection) for detection in detections]

    def _one(self, image: Image, detection: Detection) -> Landmarks:
        size = int(self._model.input_size[0])
        box = detection.box.astype(np.float64)
        centre, side = (box[:2] + box[2:]) / 2, 1.5 * float(np.max(box[2:] - box[:2]))
        angle = tilt_of(detection.points)
        matrix = square(centre, side, angle, size)
        crop = (look(image, matrix, size).astype(np.float32) - self._model.input_mean) / self._model.input_std
        values = self._model.session.run(None, {self._model.input_name: crop.transpose(2, 0, 1)[None]})[0][0]
        points = values.reshape(-1, 3)[-68:, :2] if values.size == 3309 else values.reshape(-1, 2)
        # The network speaks of -1..1 over the crop, with centres at whole numbers.
        placed = apply(invert(matrix), (points + 1) * (size // 2) + 0.5).astype(np.float32)
        if len(placed) == 68:
            return Landmarks(placed, None, detection.score)
        return Landmarks(placed[list(_IBUG_FROM_106)], placed, detection.score)


class InsightfaceRecogniser:
    """ArcFace on the 112 x 112 crop that it was trained with."""

    def __init__(self, pack: str | None = None) -> None:
        opened = open_pack(pack)
        from insightface.model_zoo.arcface_onnx import ArcFaceONNX

        file = opened.file("recogniser")
        self.card = opened.card("recogniser")
        self._model = ArcFaceONNX(str(file), _session(file))

    def embed(self, image: Image, landmarks: Landmarks) -> NDArray[np.float32]:
        crop = look(image, arcface_matrix(landmarks), 112)
        feature = np.asarray(self._model.get_feat(np.ascontiguousarray(crop[..., ::-1]))[0], np.float32)
        return feature / np.float32(max(float(np.linalg.norm(feature)), 1e-12))


def arcface_matrix(landmarks: Landmarks) -> NDArray[np.float64]:
    """The (2, 3) matrix from picture to ArcFace crop: the least squares similarity of five points."""
    points = landmarks.points68.astype(np.float64)
    five = np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])
    source, target = five - five.mean(0), _ARCFACE_POINTS + 0.5
    goal = target - target.mean(0)
    power = max(float((source**2).sum()), 1e-9)
    cos = float((source * goal).sum()) / power
    sin = float((source[:, 0] * goal[:, 1] - source[:, 1] * goal[:, 0]).sum()) / power
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.concatenate([turn, (target.mean(0) - turn @ five.mean(0))[:, None]], axis=1)
