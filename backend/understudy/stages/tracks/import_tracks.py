"""Another program's tracks, turned into corrections that extraction obeys."""

from __future__ import annotations

from typing import Any

from understudy.errors import OutputError, UsageError
from understudy.events import Events
from understudy.plate.ranges import format_range
from understudy.plate.square import stretch_of
from understudy.settings import TracksImportSettings
from understudy.tracks.corrections import Corrections, save
from understudy.tracks.corrections_from_tracks import (
    corrections_from_heads,
    corrections_from_points,
    corrections_from_tracks,
)
from understudy.tracks.formats.chan import focal_of, heads_from_chan
from understudy.tracks.formats.csv_tracks import tracks_from_csv
from understudy.tracks.formats.json_tracks import tracks_from_json
from understudy.tracks.formats.point_text import points_from_text
from understudy.tracks.formats.values import text_of
from understudy.tracks.track import Track


def run(settings: TracksImportSettings, events: Events) -> dict[str, Any]:
    """Write ``settings.out``, corrections that put faces where ``settings.file`` has them.

    Returns ``file``, ``faces`` (count of people) and ``frames`` in Nuke form. Raises MissingInputError, UnreadableError,
    FacesetError and UsageError for a file that cannot be taken in, and OutputError, also when ``settings.out`` is there:
    it may be somebody's handwork.
    """
    if settings.out.exists():
        raise OutputError(f"{settings.out} is there already and would be lost.", "Give --out another name.")
    _check_used(settings)
    corrections = _read(settings)
    events.raise_if_stopping()
    save(settings.out, corrections)
    events.progress(len(corrections.faces), len(corrections.faces), "people")
    curves = [curve for face in corrections.faces for curve in (*face.boxes, *face.head, *face.landmarks)]
    return {
        "file": str(settings.out.resolve()),
        "faces": len(corrections.faces),
        "frames": format_range(frame for curve in curves for frame in curve.frames),
    }


def _check_used(settings: TracksImportSettings) -> None:
    """Raise UsageError for what a file of this form has no use for."""
    used = {".chan": {"width", "height", "lens"}, ".txt": {"height"}}.get(settings.file.suffix.lower(), set())
    for name in ("width", "height", "lens"):
        if name not in used and getattr(settings, name) is not None:
            raise UsageError(f"--{name} would do nothing for {settings.file}.", "Leave it out.")


def _read(settings: TracksImportSettings) -> Corrections:
    name, text = str(settings.file), text_of(settings.file, "file of tracks")
    if settings.pixel_aspect != 1.0 and settings.file.suffix.lower() != ".chan":
        raise UsageError(f"{name} tells of the plate's own pixels.", "Leave --pixel-aspect out: it is for a chan.")
    match settings.file.suffix.lower():
        case ".json":
            return corrections_from_tracks(_chosen(settings, tracks_from_json(text, name).tracks))
        case ".csv":
            return corrections_from_tracks(_chosen(settings, tracks_from_csv(text, name)))
        case ".txt":
            return corrections_from_points(points_from_text(text, _given(settings, "height"), name), settings.track)
        case ".chan":
            # A camera sees square pixels.
            x, y = stretch_of(settings.pixel_aspect)
            width, height = round(_given(settings, "width") * x), round(_given(settings, "height") * y)
            focal = None if settings.lens is None else focal_of(settings.lens, width)
            heads = heads_from_chan(text, width, height, focal, name)
            return corrections_from_heads(heads, settings.track).in_square((1 / x, 1 / y))
        case _:
            raise UsageError(
                f"{name} is no file of tracks that can be read: its name ends in none of .json, .csv, .txt, .chan.",
                "Give it the ending of its form.",
            )


def _chosen(settings: TracksImportSettings, tracks: tuple[Track, ...]) -> tuple[Track, ...]:
    chosen = tuple(one for one in tracks if settings.track in (None, one.number) and one.frames)
    if not chosen:
        there = ", ".join(str(one.number) for one in tracks) or "none"
        wanted = "faces" if settings.track is None else f"track {settings.track}"
        raise UsageError(f"{settings.file} has no {wanted}.", f"Its tracks: {there}.")
    return chosen


def _given(settings: TracksImportSettings, side: str) -> int:
    """The plate's ``side``, which these files do not tell."""
    value: int | None = getattr(settings, side)
    if value is None:
        raise UsageError(f"{settings.file} does not tell the plate's {side}.", f"Give it by --{side}.")
    return value
