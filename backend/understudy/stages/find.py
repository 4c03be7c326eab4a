"""Find: who is on one frame of a plate."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from understudy.errors import NoFaceError
from understudy.events import Events
from understudy.extraction.analysis import AnalysedFace, Analyser
from understudy.extraction.detection_pass import visible
from understudy.extraction.shot import prepare_frame
from understudy.face.geometry import fit_head
from understudy.plate.frame import Frame
from understudy.settings import DetectionOptions, FindSettings


def run(settings: FindSettings, events: Events) -> dict[str, Any]:
    """Find the faces on ``settings.frame``.

    Returns ``frame``, ``width`` and ``height`` of the display window, and ``faces`` from left to right: ``box`` (x0 y0
    x1 y1) and ``landmarks`` (68 pairs, or None) in pixels from the display window's top left, ``confidence`` 0..1, and
    ``pose`` (yaw, pitch, roll in degrees, or None).
    Raises what reading the frame raises, and ComponentError when a package or model pack is missing.
    """
    shot = prepare_frame(settings, settings.frame, events)
    analyser = warm_analyser(settings.detector, settings.landmarker, settings.pack, settings.min_face)
    events.raise_if_stopping()
    frame = shot.read(settings.frame)
    seen = analyser.analyse(shot, frame, analyser.overview(shot, frame))
    display = shot.header.display
    return {
        "frame": settings.frame,
        "width": display.width,
        "height": display.height,
        "faces": [_record(frame, one) for one in seen],
    }


@lru_cache(maxsize=1)
def warm_analyser(detector: str, landmarker: str, pack: str | None, min_face: float) -> Analyser:
    """The networks that see a frame, kept from call to call: the artist who asks again wants an answer at once."""
    return Analyser(
        DetectionOptions.model_validate(
            {"detector": detector, "landmarker": landmarker, "pack": pack, "min_face": min_face}
        )
    )


def _record(frame: Frame, one: AnalysedFace) -> dict[str, Any]:
    marks = one.landmarks
    return {
        "box": (one.detection.box / np.tile(frame.stretch, 2)).tolist(),
        "landmarks": (marks.points68 / frame.stretch).tolist() if marks else None,
        "confidence": marks.score * visible(frame, marks.points68) if marks else one.detection.score,
        "pose": _pose(one),
    }


def _pose(one: AnalysedFace) -> list[float] | None:
    if one.landmarks is None:
        return None
    try:
        return list(fit_head(one.landmarks.points68).angles)
    except NoFaceError:
        return None
