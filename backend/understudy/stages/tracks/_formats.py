"""The one table of the formats in which tracks are exchanged: what writes each, what reads it, and with which options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from understudy.errors import UsageError
from understudy.nuke.track_nodes import corner_pin, tracker_node
from understudy.plate.square import stretch_of
from understudy.settings import TracksExportSettings, TracksImportSettings
from understudy.tracks.corrections import Corrections
from understudy.tracks.corrections_from_tracks import (
    corrections_from_heads,
    corrections_from_points,
    corrections_from_tracks,
)
from understudy.tracks.formats.chan import focal_of, heads_from_chan, track_to_chan
from understudy.tracks.formats.csv_tracks import tracks_from_csv, tracks_to_csv
from understudy.tracks.formats.json_tracks import tracks_from_json, tracks_to_json
from understudy.tracks.formats.point_text import points_from_text, points_to_text
from understudy.tracks.formats.values import text_of
from understudy.tracks.landmark_names import indices
from understudy.tracks.track import ShotTracks, Track

Write = Callable[[TracksExportSettings, ShotTracks, float | None], str]
Read = Callable[[TracksImportSettings, str, str], Corrections]

_OF_THE_PLATE = ("width", "height", "lens")  # what some files do not tell


@dataclass(frozen=True)
class TrackFormat:
    """One format: how it is written, and, where it is read too, the ending of its files and what reading is told."""

    write: Write | None = None  # None: it is no text
    ending: str | None = None
    read: Read | None = None
    told: frozenset[str] = frozenset()  # options of the import that say what the file does not

    def text(self, settings: TracksExportSettings, shot: ShotTracks, focal: float | None) -> str:
        """The file's text. Raises UsageError where it holds one track and there are several, or names are unknown."""
        assert self.write is not None
        return self.write(settings, shot, focal)


def read_corrections(settings: TracksImportSettings) -> Corrections:
    """What ``settings.file`` says, by its ending.

    Raises MissingInputError, UnreadableError, FacesetError and UsageError for a file that cannot be taken in.
    """
    ending = settings.file.suffix.lower()
    found = next((one for one in FORMATS.values() if one.ending == ending), TrackFormat())
    for option in _OF_THE_PLATE:
        if option not in found.told and getattr(settings, option) is not None:
            raise UsageError(f"--{option} would do nothing for {settings.file}.", "Leave it out.")
    name, text = str(settings.file), text_of(settings.file, "file of tracks")
    if settings.pixel_aspect != 1.0 and ending != ".chan":
        raise UsageError(f"{name} tells of the plate's own pixels.", "Leave --pixel-aspect out: it is for a chan.")
    if found.read is None:
        endings = ", ".join(one.ending for one in FORMATS.values() if one.ending)
        raise UsageError(
            f"{name} is no file of tracks that can be read: its name ends in none of {endings}.",
            "Give it the ending of its form.",
        )
    return found.read(settings, text, name)


def _corner_pin(settings: TracksExportSettings, shot: ShotTracks, _focal: float | None) -> str:
    return corner_pin(_only(shot, settings), shot.height, settings.crop, settings.crop_size)


def _tracker(settings: TracksExportSettings, shot: ShotTracks, _focal: float | None) -> str:
    points = indices(settings.points)
    write = tracker_node if settings.out.suffix.lower() == ".nk" else points_to_text
    return write(_only(shot, settings), shot.height, points)


def _chan(settings: TracksExportSettings, shot: ShotTracks, focal: float | None) -> str:
    square = shot.in_square()
    return track_to_chan(_only(square, settings), square.width, square.height, focal)


def _only(shot: ShotTracks, settings: TracksExportSettings) -> Track:
    """The one track of ``shot``: a file of this format holds no more."""
    tracks = [one for one in shot.tracks if one.frames]
    if len(tracks) != 1:
        numbers = ", ".join(str(one.number) for one in tracks) or "none"
        raise UsageError(
            f"A file in the format {settings.format} holds one track, and {settings.faceset} has {len(tracks)}.",
            f"Name one by --track; its tracks: {numbers}.",
        )
    return tracks[0]


def _from_points(settings: TracksImportSettings, text: str, name: str) -> Corrections:
    return corrections_from_points(points_from_text(text, _given(settings, "height"), name), settings.track)


def _from_chan(settings: TracksImportSettings, text: str, name: str) -> Corrections:
    # A camera sees square pixels.
    x, y = stretch_of(settings.pixel_aspect)
    width, height = round(_given(settings, "width") * x), round(_given(settings, "height") * y)
    focal = None if settings.lens is None else focal_of(settings.lens, width)
    heads = heads_from_chan(text, width, height, focal, name)
    return corrections_from_heads(heads, settings.track).in_square((1 / x, 1 / y))


def _from_json(settings: TracksImportSettings, text: str, name: str) -> Corrections:
    return corrections_from_tracks(_chosen(settings, tracks_from_json(text, name).tracks))


def _from_csv(settings: TracksImportSettings, text: str, name: str) -> Corrections:
    return corrections_from_tracks(_chosen(settings, tracks_from_csv(text, name)))


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


FORMATS: dict[str, TrackFormat] = {
    "json": TrackFormat(lambda _, shot, __: tracks_to_json(shot), ".json", _from_json),
    "csv": TrackFormat(lambda _, shot, __: tracks_to_csv(shot.tracks), ".csv", _from_csv),
    "cornerpin": TrackFormat(_corner_pin),
    "tracker": TrackFormat(_tracker, ".txt", _from_points, frozenset({"height"})),
    "chan": TrackFormat(_chan, ".chan", _from_chan, frozenset({"width", "height", "lens"})),
    "usd": TrackFormat(),  # files of their own: tracks/formats/usd.py
}
"""By the name that ``tracks export`` takes."""
