"""Why a frame's faces are found, or are not: a picture of all that the detector gave."""

from __future__ import annotations

from typing import Any

import numpy as np

from understudy.events import Events
from understudy.extraction.analysis import Analyser
from understudy.extraction.shot import prepare_frame
from understudy.face.explain import picture
from understudy.plate.sheet import write_png
from understudy.settings import ExtractSettings


def explain(settings: ExtractSettings, frame: int, events: Events) -> dict[str, Any]:
    """Write a picture beside the folder ``settings.out``, called after it and the frame, and nothing else.

    Returns the report: ``frame``, ``boxes`` and ``faces`` (how many), and ``picture``. A face that the artist's
    corrections or the track bring is not in it.
    Raises what reading the frame and writing the picture raise, and ComponentError when a package or pack is missing.
    """
    shot = prepare_frame(settings, frame, events)
    analyser = Analyser(settings)
    events.raise_if_stopping()
    read = shot.read(frame)
    overview = analyser.overview(shot, read)
    survey = analyser.survey(read, overview)
    title = (
        f"Frame {frame}, {settings.detector}: boxes {len(survey.candidates)}, faces (white) {len(survey.faces)}; "
        f"least face {settings.min_face:g} px"
    )
    # Not inside: a folder that holds something else would not become a faceset.
    path = settings.out.parent / f"{settings.out.name or 'faces'}.explain.{frame}.png"
    write_png(path, np.asarray(picture(overview, survey, title, read.size[0] / overview.shape[1]), np.uint8))
    events.preview(path)
    return {"frame": frame, "boxes": len(survey.candidates), "faces": len(survey.faces), "picture": str(path)}
