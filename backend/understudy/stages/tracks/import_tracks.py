"""Another program's tracks, turned into corrections that extraction obeys."""

from __future__ import annotations

from typing import Any

from understudy.errors import OutputError
from understudy.events import Events
from understudy.plate.ranges import format_range
from understudy.settings import TracksImportSettings
from understudy.stages.tracks._formats import read_corrections
from understudy.tracks.corrections import save


def run(settings: TracksImportSettings, events: Events) -> dict[str, Any]:
    """Write ``settings.out``, corrections that put faces where ``settings.file`` has them.

    Returns ``file``, ``faces`` (count of people) and ``frames`` in Nuke form. Raises MissingInputError, UnreadableError,
    FacesetError and UsageError for a file that cannot be taken in, and OutputError, also when ``settings.out`` is there:
    it may be somebody's handwork.
    """
    if settings.out.exists():
        raise OutputError(f"{settings.out} is there already and would be lost.", "Give --out another name.")
    corrections = read_corrections(settings)
    events.raise_if_stopping()
    save(settings.out, corrections)
    events.progress(len(corrections.faces), len(corrections.faces), "people")
    curves = [curve for face in corrections.faces for curve in (*face.boxes, *face.head, *face.landmarks)]
    return {
        "file": str(settings.out.resolve()),
        "faces": len(corrections.faces),
        "frames": format_range(frame for curve in curves for frame in curve.frames),
    }
