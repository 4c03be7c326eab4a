"""The solved tracks of a shot as a JSON document: lossless, and as a faceset keeps them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FacesetError, UsageError
from understudy.json_reader import parse_json
from understudy.plate.ranges import format_range, parse_range
from understudy.tracks.formats import values
from understudy.tracks.formats.values import (
    array_of,
    channels_from_json,
    channels_to_json,
    head_from_json,
    head_to_json,
    numbers,
    origin_of,
    share,
    whole,
)
from understudy.tracks.track import TRACKS, Followed, ShotTracks, Track

KIND = "understudy tracks"
LARGEST = 1 << 29
"""Letters of a document that is read at most: a hundred thousand faces."""

VERSION = 2

_READ = (1, VERSION)
"""Versions that are read: 1 knew nothing of eye_opening, eye_trust, gaze and mouth_opening."""


def tracks_to_json(shot: ShotTracks) -> str:
    """``shot`` as JSON text, one line a face and frame. :func:`tracks_from_json` gives every number back exactly.

    ``shape`` is (68, 3) in mean-face units, all else in plate pixels from the display window's top left corner;
    ``head`` is what face/geometry.Head holds.
    """
    top = {
        "kind": KIND,
        "version": VERSION,
        "plate": shot.plate,
        "width": shot.width,
        "height": shot.height,
        "frames": format_range(shot.frames),
        "cuts": list(shot.cuts),
    }
    tracks = []
    for track in shot.tracks:
        faces = ",\n".join(_compact(_face(face)) for face in track.frames.values())
        shape = _compact(np.asarray(track.shape, np.float64).tolist())
        tracks.append(f'{{"number":{track.number},"shape":{shape},"faces":[\n{faces}]}}')
    return _compact(top)[:-1] + ',"tracks":[\n' + ",\n".join(tracks) + "]}\n"


def tracks_from_json(text: str, name: str = "the tracks") -> ShotTracks:
    """Read :func:`tracks_to_json`; raises :class:`FacesetError` when it is malformed or of another version."""
    try:
        document = parse_json(text, largest=LARGEST)
        if document["kind"] != KIND:
            raise ValueError(f"its kind is {document['kind']!r}, not {KIND!r}")
        if document["version"] not in _READ:
            raise FacesetError(
                f"{name} has version {document['version']}; this version of Understudy reads {_READ[0]} to {VERSION}.",
                "Use the version of Understudy that wrote it, or extract the shot again.",
            )
        return ShotTracks(
            plate=values.text(document["plate"]),
            width=whole(document["width"], 1, 1 << 24),
            height=whole(document["height"], 1, 1 << 24),
            frames=tuple(parse_range(values.text(document["frames"], 1 << 24))),
            cuts=tuple(whole(cut) for cut in document["cuts"]),
            tracks=_tracks(document["tracks"], document["version"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise FacesetError(
            f"{name} is not a document of solved tracks: {error or type(error).__name__}.",
            "Extract the shot again, or export the tracks again.",
        ) from error


def read_tracks(faceset: str | Path) -> ShotTracks:
    """The solved tracks of the shot that ``faceset`` was extracted from; raises FacesetError when it has none."""
    path = Path(faceset) / TRACKS
    return tracks_of(path.read_text("utf-8") if path.is_file() else None, faceset)


def tracks_of(text: str | None, faceset: str | Path) -> ShotTracks:
    """What the file :data:`TRACKS` of ``faceset`` says; raises FacesetError when there is none (``text`` is None)."""
    if text is None:
        raise FacesetError(
            f"{faceset} has no {TRACKS}: it is no faceset, or its shot was not solved.", "Extract the shot again."
        )
    return tracks_from_json(text, f"{faceset}: {TRACKS}")


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _face(face: Followed) -> dict[str, Any]:
    return {
        "frame": face.frame,
        "origin": face.origin,
        "confidence": float(face.confidence),
        "box": numbers(face.box),
        "head": head_to_json(face.head),
        "landmarks": numbers(face.landmarks),
        "refined": numbers(face.refined),
        "raw": None if face.raw is None else numbers(face.raw),
        **channels_to_json(face),
    }


def _tracks(records: list[dict[str, Any]], version: int) -> tuple[Track, ...]:
    tracks = tuple(_track(record, version) for record in records)
    if twice := [number for number, count in Counter(track.number for track in tracks).items() if count > 1]:
        raise ValueError(f"two tracks have the number {twice[0]}")
    return tracks


def _track(record: dict[str, Any], version: int) -> Track:
    faces = {whole(face["frame"]): face for face in record["faces"]}
    return Track(
        number=whole(record["number"], 0, 1 << 31),
        frames={frame: _followed(faces[frame], version) for frame in sorted(faces)},
        shape=array_of(record["shape"], (68, 3), np.float64),
    )


def _followed(record: dict[str, Any], version: int) -> Followed:
    raw = record["raw"]
    return Followed(
        frame=record["frame"],
        box=array_of(record["box"], (4,)),
        head=head_from_json(record["head"]),
        landmarks=array_of(record["landmarks"], (68, 2)),
        refined=array_of(record["refined"], (68, 2)),
        raw=None if raw is None else array_of(raw, (68, 2)),
        confidence=share(record["confidence"]),
        origin=origin_of(record["origin"]),
        **(channels_from_json(record) if version >= 2 else {}),
    )
