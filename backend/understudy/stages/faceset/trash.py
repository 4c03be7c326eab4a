"""Put faces into the trash of their faceset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from understudy.errors import FacesetError, UsageError
from understudy.events import Events
from understudy.faceset.order import values_of
from understudy.faceset.record import Face
from understudy.plate.ranges import parse_range
from understudy.settings import FaceMeasure, TrashSettings
from understudy.stages._holding import existing, holding
from understudy.stages.faceset._curation import discard, open_to_change


@holding(lambda settings: existing(settings.faceset, "faceset trash", unless=settings.dry_run))
def run(settings: TrashSettings, events: Events) -> dict[str, Any]:
    """Put the faces for which all conditions of ``settings`` hold into the trash, unless it is a dry run.

    Returns ``faceset``, ``faces`` (before), ``trashed``, ``dry_run`` and ``files``, the crops that went.
    Raises UsageError for a condition that makes no sense and for none at all, FacesetError (a crop that there is not, or
    no face would be left) and OutputError.
    """
    limits = [(*_limit(text, "--below"), -1.0) for text in settings.below]
    limits += [(*_limit(text, "--above"), 1.0) for text in settings.above]
    frames = None if settings.frames is None else parse_range(settings.frames)
    if not (limits or frames or settings.files):
        raise UsageError(
            "Nothing says which faces are meant.",
            "Give --frames, --files, --below or --above; see faceset trash --help.",
        )
    faceset, faces = open_to_change(settings.faceset)
    gone = np.ones(len(faces), bool)
    if frames is not None:
        gone &= np.isin([face.frame for face in faces], frames)
    if settings.files:
        gone &= _named(faces, settings.files, str(faceset.folder))
    for measure, limit, sign in limits:
        gone &= sign * values_of(faces, measure) > sign * limit
    files = [face for face, goes in zip(faces, gone.tolist(), strict=True) if goes]
    discard(faceset, faces, files, _why(settings), dry_run=settings.dry_run)
    events.progress(len(faces), len(faces), "faces")
    return {
        "faceset": str(faceset.folder),
        "faces": len(faces),
        "trashed": len(files),
        "dry_run": settings.dry_run,
        "files": [face.file for face in files],
    }


def _limit(text: str, flag: str) -> tuple[FaceMeasure, float]:
    """``sharpness=0.01`` as a measure and its limit."""
    name, _, number = text.partition("=")
    known: tuple[FaceMeasure, ...] = get_args(FaceMeasure)
    measure = next((one for one in known if one == name.strip()), None)
    if measure is None:
        raise UsageError(f"{flag} {text!r} names no measure.", f"Write NAME=NUMBER with one of: {', '.join(known)}.")
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise UsageError(f"{flag} {text!r} gives no number.", f"Write it like {measure}=0.5.")
    return measure, limit


def _named(faces: Sequence[Face], names: Sequence[str], folder: str) -> Any:
    there = {face.file for face in faces}
    if missing := [name for name in names if name not in there]:
        raise FacesetError(
            f"There is no face {missing[0]} in {folder}.", "Give the names that understudy faceset list tells."
        )
    return np.isin([face.file for face in faces], names)


def _why(settings: TrashSettings) -> str:
    told = {"frames": [settings.frames] if settings.frames else [], "files": settings.files}
    told |= {"below": settings.below, "above": settings.above}
    parts = [f"--{name} {' '.join(values)}" for name, values in told.items() if values]
    return f"trash {' '.join(parts)}"
