"""What a faceset holds, face by face."""

from __future__ import annotations

from typing import Any

from understudy.events import Events
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.settings import FacesetListSettings


def run(settings: FacesetListSettings, events: Events) -> dict[str, Any]:
    """The faceset's records as ``{"faceset": folder, "faces": [record, ...]}``, sorted by frame and track.

    Raises FacesetError when there is no faceset, or a file of it is damaged.
    """
    faces = Faceset.open(settings.faceset).faces()
    events.progress(len(faces), len(faces), "faces")
    return {"faceset": str(settings.faceset), "faces": [_record(face) for face in faces]}


def _record(face: Face) -> dict[str, Any]:
    """Plate pixels; the pose is yaw, pitch, roll in degrees; the matrix maps plate to crop."""
    return {
        "plate": face.plate,
        "frame": face.frame,
        "track": face.track,
        "box": face.box.tolist(),
        "landmarks": face.landmarks.tolist(),
        "matrix": face.matrix.tolist(),
        "crop_kind": face.crop_kind,
        "crop_size": face.crop_size,
        "confidence": face.confidence,
        "pose": list(face.pose),
        "sharpness": face.measures.sharpness,
        "file": face.file,
    }
