"""What a faceset holds, face by face."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from understudy.events import Events
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.settings import FacesetListSettings


def run(settings: FacesetListSettings, events: Events) -> dict[str, Any]:
    """The faceset's records as ``{"faceset": folder, "faces": [record, ...]}``, sorted by frame and track.

    Raises FacesetError when there is no faceset, or a file of it is damaged.
    """
    with _without_collecting():
        faces = Faceset.open(settings.faceset).faces()
        events.progress(len(faces), len(faces), "faces")
        return {"faceset": str(settings.faceset), "faces": [_record(face) for face in faces]}


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Hundreds of thousands of small lists, none of them garbage, are not searched for garbage again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


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
