"""Solved tracks as CSV: one row a track and frame, for spreadsheets and scripts.

Columns: ``frame``, ``track``, ``origin`` (seen, followed, bridged, given), ``confidence`` (0..1), the box ``x0 y0 x1 y1``,
the head's ``scale`` (plate pixels per mean-face unit), ``yaw``, ``pitch``, ``roll`` (degrees) and ``offset_x offset_y``
(where its origin is seen), its camera's ``focal``, ``centre_x``, ``centre_y`` (empty for a scaled orthographic head), and
the landmarks ``lx00 ly00`` to ``lx67 ly67``. Plate pixels, from the display window's top left corner, y down.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from understudy.errors import UnreadableError
from understudy.face.geometry import HEAD_68, Camera, Head
from understudy.tracks.curves import rotation_of
from understudy.tracks.formats.values import array_of, number, numbers, origin_of, share, whole
from understudy.tracks.track import Followed, Track

_BOX = ("x0", "y0", "x1", "y1")
_HEAD = ("scale", "yaw", "pitch", "roll", "offset_x", "offset_y")
_CAMERA = ("focal", "centre_x", "centre_y")
_LANDMARKS = tuple(f"l{axis}{index:02d}" for index in range(68) for axis in "xy")
COLUMNS = ("frame", "track", "origin", "confidence", *_BOX, *_HEAD, *_CAMERA, *_LANDMARKS)


def tracks_to_csv(tracks: Sequence[Track]) -> str:
    """``tracks`` as CSV text with a head line, by track and frame; numbers with the digits that give them back."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for track in tracks:
        for face in track.frames.values():
            head, camera = face.head, face.head.camera
            centre = () if camera is None else (at / by for at, by in zip(camera.centre, head.stretch, strict=True))
            seen = ("", "", "") if camera is None else (camera.focal, *centre)
            posed = (float(head.scale), *head.angles, *map(float, head.seen_at))
            about = (face.frame, track.number, face.origin, float(face.confidence))
            writer.writerow((*about, *numbers(face.box), *posed, *seen, *numbers(face.landmarks.ravel())))
    return text.getvalue()


def tracks_from_csv(text: str, name: str = "the table") -> tuple[Track, ...]:
    """Read :func:`tracks_to_csv`; further columns are ignored.

    A table has neither raw nor refined landmarks nor the person's shape: ``raw`` is None, ``refined`` the landmarks, and
    the shape the mean head. Raises :class:`UnreadableError` that names the column or line that is wrong.
    """
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        columns = rows.fieldnames or ()
    except csv.Error as error:
        raise UnreadableError(f"{name} is no table: {error}.", "Keep the head line of an exported table.") from None
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise UnreadableError(
            f"{name} is no table of tracks: it has no column {missing[0]!r}.",
            "Keep the head line of an exported table.",
        )
    tracks: dict[int, dict[int, Followed]] = defaultdict(dict)
    for row in _each(rows, name):
        try:
            face, number = _followed(row), whole(int(row["track"]), 0, 1 << 31)
            if face.frame in tracks[number]:
                raise ValueError(f"track {number} is on frame {face.frame} twice")
            tracks[number][face.frame] = face
        except (ValueError, TypeError) as error:
            raise UnreadableError(f"Line {rows.line_num} of {name} is wrong: {error}.", "Correct the line.") from None
    return tuple(Track(number, dict(sorted(faces.items())), HEAD_68.copy()) for number, faces in sorted(tracks.items()))


def _each(rows: csv.DictReader[str], name: str) -> Iterator[dict[str, str]]:
    """The rows one by one. Raises :class:`UnreadableError` that names the line where the text is no CSV any more."""
    try:
        yield from rows
    except csv.Error as error:
        raise UnreadableError(f"Line {rows.line_num} of {name} is wrong: {error}.", "Correct the line.") from None


def _numbers(row: dict[str, str], columns: Sequence[str]) -> NDArray[np.float64]:
    """(N,) the numbers in the ``columns`` of a ``row``; raises ValueError or TypeError where they are none."""
    return array_of([float(row[column]) for column in columns], (len(columns),), np.float64)


def _followed(row: dict[str, str]) -> Followed:
    scale, yaw, pitch, roll, x, y = _numbers(row, _HEAD).tolist()
    camera = None
    if row["focal"]:
        focal, centre_x, centre_y = _numbers(row, _CAMERA).tolist()
        camera = Camera(number(focal, 1e-3, 1e12), (centre_x, centre_y))
    landmarks = _numbers(row, _LANDMARKS).reshape(68, 2).astype(np.float32)
    return Followed(
        frame=whole(int(row["frame"])),
        box=_numbers(row, _BOX).astype(np.float32),
        head=Head(number(scale, 1e-3), rotation_of(yaw, pitch, roll), np.array([x, y]), 0.0, camera),
        landmarks=landmarks,
        refined=landmarks,
        raw=None,
        confidence=share(float(row["confidence"])),
        origin=origin_of(row["origin"]),
    )
