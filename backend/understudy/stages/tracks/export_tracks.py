"""The solved tracks of a faceset, written for another program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.errors import UnderstudyError, UsageError
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.plate.files import write_text
from understudy.plate.ranges import format_range
from understudy.plate.reader import probe
from understudy.plate.sequence import open_plate
from understudy.settings import TracksExportSettings
from understudy.stages.tracks._formats import FORMATS
from understudy.tracks.formats.chan import focal_of
from understudy.tracks.formats.json_tracks import read_tracks, tracks_of
from understudy.tracks.formats.usd import check, write_usd
from understudy.tracks.track import TRACKS, ShotTracks

_USUAL_FPS = 24.0  # what an EXR file without a rate means


def run(settings: TracksExportSettings, events: Events) -> dict[str, Any]:
    """Write ``settings.out``: the tracks of ``settings.faceset`` in ``settings.format``.

    Returns ``file``, ``format``, ``tracks`` (their numbers), ``faces`` (their count) and ``frames`` in Nuke form. Raises
    FacesetError (no solved tracks), UsageError (no such track or landmark, several tracks for a file of one, no focal
    length, a name that is not the format's), ComponentError (no usd-core) and OutputError.
    """
    shot = _solved(settings.faceset)
    if settings.track is not None:
        there = ", ".join(str(one.number) for one in shot.tracks) or "none"
        shot = replace(shot, tracks=tuple(one for one in shot.tracks if one.number == settings.track))
        if not shot.tracks:
            raise UsageError(f"{settings.faceset} has no track {settings.track}.", f"Its tracks: {there}.")
    events.raise_if_stopping()
    focal = None if settings.lens is None else focal_of(settings.lens, shot.in_square().width)
    if settings.format == "usd":
        check(settings.out)
        if not any(one.frames for one in shot.tracks):
            raise UsageError(f"{settings.faceset} has no track with a face.", "Extract the plate's faces again.")
        write_usd(settings.out, shot.in_square(), focal=focal, fps=settings.fps or _fps(shot), crop=settings.crop)
    else:
        write_text(settings.out, FORMATS[settings.format].text(settings, shot, focal))
    faces = sum(len(one.frames) for one in shot.tracks)
    events.progress(faces, faces, "faces")
    return {
        "file": str(settings.out.resolve()),
        "format": settings.format,
        "tracks": [one.number for one in shot.tracks],
        "faces": faces,
        "frames": format_range(frame for one in shot.tracks for frame in one.frames),
    }


def _solved(faceset: Path) -> ShotTracks:
    """The tracks of a faceset's folder, or of a pack."""
    if faceset.is_file():
        return tracks_of(Faceset.open(faceset).text(TRACKS), faceset)
    return read_tracks(faceset)


def _fps(shot: ShotTracks) -> float:
    """Frames a second of the plate, where it is still there and tells."""
    try:
        fps = probe(open_plate(shot.plate)).fps
    except UnderstudyError:
        return _USUAL_FPS
    return fps[0] / fps[1] if fps else _USUAL_FPS
