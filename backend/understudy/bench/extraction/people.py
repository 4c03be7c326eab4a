"""Whether two people who cross keep their ids: on a plate made of a sample's own people, so that who is where is known."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.bench.rendering.plates import write
from understudy.events import Events
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate
from understudy.settings import ExtractSettings
from understudy.stages import extract
from understudy.tracks.formats.json_tracks import read_tracks
from understudy.tracks.track import Track

FRAMES = 24
"""Length of the crossing, which is half way: hidden for a fifth of it, the one who is behind comes out again."""

NAMES = "source_B", "target_A"
"""The sample's sequences of the two, the one who passes in front last."""

_SIZE = 640, 288  # pixels of the plate
_TURNING = 10  # frames of the sample on which both look into the camera; there and back again
_WALK = 150.0, 490.0  # the middle of a face, pixels from the left: from one to the other
_LEVEL = 160.0  # and from the top
_FACE = np.array([0.52, 0.49])  # the middle of the face in the sample's pictures, shares of their width
_HEAD = np.array([0.485, 0.40])  # and of what is cut out around it
_RADII = 0.20, 0.26  # which is head and neck
_GROUND = 0.18  # scene-linear
NEAR = 40.0
"""Pixels within which a face is somebody's: less than half of one."""


def measure_people(sample: Path, events: Events) -> dict[str, Any]:
    """Let the two people of the ``sample`` folder pass each other, one before the other, and extract all faces.

    Returns ``frames`` on which the two are apart; ``both``, those on which each of the two is on the track that is
    theirs; ``swaps``, how often a track goes over to the other person; ``breaks``, how often a person's track ends and
    another begins; and ``doubles``, faces that somebody has beside their own.
    Raises MissingInputError when the sample lacks their pictures.
    """
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        plate, places = crossing(sample, Path(folder))
        out = Path(folder) / "faces"
        extract.run(ExtractSettings(plate=plate, out=out, face="all", cuts="none", crop_size=64), events)
        return compare_people(read_tracks(out).tracks, places)


def crossing(sample: Path, folder: Path, count: int = FRAMES) -> tuple[str, dict[int, NDArray[np.float64]]]:
    """Write ``count`` frames of the two passing each other into ``folder``, as half-float EXR.

    Returns the pattern, and by frame where the middle of each face is: (2, 2) plate pixels, in the order of
    :data:`NAMES`. Raises MissingInputError and OutputError.
    """
    plates = [open_plate((sample / f"{name}.%04d.exr").as_posix()) for name in NAMES]
    places: dict[int, NDArray[np.float64]] = {}
    for index in range(count):
        way = _WALK[0] + (_WALK[1] - _WALK[0]) * index / (count - 1)
        place = np.array([(sum(_WALK) - way, _LEVEL), (way, _LEVEL)])
        picture = np.full((_SIZE[1], _SIZE[0], 3), _GROUND, np.float32)
        for plate, at in zip(plates, place, strict=True):
            frame = read_frame(plate, plate.frames[_TURNING - abs(index % (2 * _TURNING) - _TURNING)])
            _paste(picture, np.asarray(frame.rgb, np.float32), at)
        number = 1001 + index
        places[number] = place
        write(folder / f"crossing.{number:04d}.exr", picture, frame.header)
    return (folder / "crossing.%04d.exr").as_posix(), places


def compare_people(tracks: Sequence[Track], places: Mapping[int, NDArray[np.float64]]) -> dict[str, Any]:
    """How well ``tracks`` keep to people whose faces are at ``places``, by frame (2, 2) plate pixels.

    Only frames count on which the two are far enough apart to tell whose a face is. Returns what
    :func:`measure_people` does.
    """
    apart = {frame: place for frame, place in places.items() if np.linalg.norm(place[1] - place[0]) > 2 * NEAR}
    walks = {track.number: _walk(track, apart) for track in tracks}
    swaps = sum(one != other for walk in walks.values() for one, other in pairwise(walk.values()))
    own = [[{frame for frame, under in walk.items() if under == who} for walk in walks.values()] for who in (0, 1)]
    longest = [max(frames, key=len, default=set()) for frames in own]
    breaks = sum(bool(frames - longest[who]) for who in (0, 1) for frames in own[who])
    found = [set().union(*frames) for frames in own]
    doubles = sum(map(len, own[0])) + sum(map(len, own[1])) - len(found[0]) - len(found[1])
    both = len(longest[0] & longest[1])
    return {"frames": len(apart), "both": both, "swaps": swaps, "breaks": breaks, "doubles": doubles}


def _walk(track: Track, places: Mapping[int, NDArray[np.float64]]) -> dict[int, int]:
    """Who is under a track, by frame: the one of the two whose face it is."""
    under = {}
    for frame, place in places.items():
        if frame in track.frames:
            distance = np.linalg.norm(place - track.frames[frame].head.offset, axis=1)
            if distance.min() < NEAR:
                under[frame] = int(distance.argmin())
    return under


def _paste(picture: NDArray[np.float32], person: NDArray[np.float32], at: NDArray[np.float64]) -> None:
    """Lay head and neck of a sample's picture over ``picture`` (H, W, 3), the face's middle ``at`` x, y."""
    side = person.shape[1]
    matte = np.zeros(person.shape[:2], np.float32)
    middle, radii = _HEAD * side, np.array(_RADII) * side
    cv2.ellipse(matte, np.rint(middle).astype(int).tolist(), np.rint(radii).astype(int).tolist(), 0, 0, 360, (1.0,), -1)
    matte = np.asarray(cv2.GaussianBlur(matte, (0, 0), side / 100), np.float32)
    shift = np.column_stack([np.eye(2), at - _FACE * side])
    size = picture.shape[1], picture.shape[0]
    cover = np.asarray(cv2.warpAffine(matte, shift, size), np.float32)[..., None]
    picture += cover * (np.asarray(cv2.warpAffine(person, shift, size), np.float32) - picture)
