"""What an extraction has seen so far, so that nothing has to be detected twice: frame by frame, kept or not."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import FacesetError, cannot_write
from understudy.json_reader import parse_json
from understudy.plate.files import write_text
from understudy.tracks.formats.values import array_of, bytes_of, number, packed, share, text, unpacked, whole

NAME = "frames.jsonl"

LOOKS = "looks"
"""Folder beside the journal with a small grey picture of each sighting."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face on a plate frame, as the networks gave it; or a place where one was expected. Plate pixels."""

    box: NDArray[np.float32]  # (4,) x0 y0 x1 y1
    found: bool  # False: expected here by its track, but not detected
    score: float  # of the detection, 0..1
    landmarks: NDArray[np.float32] | None  # (68, 2)
    dense: NDArray[np.float32] | None  # (N, 2)
    trust: float  # in the landmarks, 0..1
    keypoints: NDArray[np.float32] | None  # (6, 2)
    identity: NDArray[np.float32] | None  # (D,) unit vector of the recogniser
    appearance: NDArray[np.uint8] | None = None  # as face.appearance


@dataclass(frozen=True, eq=False)
class Entry:
    """A plate frame that was analysed, with everybody on it."""

    plate: str
    frame: int
    small: NDArray[np.uint8]  # (S, S) luma of the whole frame, by which cuts are found
    sightings: tuple[Sighting, ...]
    file: str = ""  # the mark of the frame's file when it was looked at; empty where it was not noted


def look_name(frame: int, index: int) -> str:
    """The file in :data:`LOOKS` that shows the sighting number ``index`` of ``frame``."""
    return f"{frame:04d}.{index:02d}.png"


class Journal:
    """An append-only file of entries, one JSON line each."""

    def __init__(self, folder: str | Path) -> None:
        """Open, or begin, the journal of the faceset ``folder``; a torn last line is cut off. Raises OutputError."""
        self._path = Path(folder) / NAME
        try:
            self._mend()
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def append(self, entry: Entry) -> None:
        """Add an entry; it is on the disk when this returns. Raises :class:`OutputError`."""
        line = json.dumps(_record(entry), separators=(",", ":"), allow_nan=False) + "\n"
        try:
            with self._path.open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def entries(self) -> list[Entry]:
        """All entries in the order in which they were written. Raises :class:`FacesetError` for a damaged line."""
        if not self._path.exists():
            return []
        lines = self._path.read_bytes().splitlines()
        return [entry_of(line, f"Line {number} of {self._path}") for number, line in enumerate(lines, 1)]

    def keep(self, count: int) -> None:
        """Forget all but the first ``count`` entries. Raises OutputError."""
        try:
            lines = self._path.read_bytes().splitlines(keepends=True)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        write_text(self._path, b"".join(lines[:count]).decode("ascii"))

    def _mend(self) -> None:
        """Cut off what follows the last line feed: a line whose writer died."""
        if not self._path.exists():
            return
        with self._path.open("rb+") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                file.truncate(whole)


def entry_of(line: bytes | str, name: str) -> Entry:
    """What a line of a journal tells; ``name`` is what it is called where it is damaged, which raises FacesetError."""
    try:
        return _entry(parse_json(line))
    except (ValueError, KeyError, TypeError) as error:
        raise FacesetError(
            f"{name} is damaged: {error or type(error).__name__}.",
            "Delete this file; the extraction then starts again.",
        ) from error


def _record(entry: Entry) -> dict[str, Any]:
    return {
        "plate": entry.plate,
        "frame": entry.frame,
        "file": entry.file,
        "small": base64.b64encode(entry.small.tobytes()).decode(),
        "sightings": [
            {
                "box": [float(str(value)) for value in one.box],
                "found": one.found,
                "score": one.score,
                "landmarks": packed(one.landmarks),
                "dense": packed(one.dense),
                "trust": one.trust,
                "keypoints": packed(one.keypoints),
                "identity": packed(one.identity),
                "appearance": None if one.appearance is None else base64.b64encode(one.appearance.tobytes()).decode(),
            }
            for one in entry.sightings
        ],
    }


def _entry(record: dict[str, Any]) -> Entry:
    small = np.frombuffer(bytes_of(record["small"]), np.uint8)
    side = round(len(small) ** 0.5)
    return Entry(
        plate=text(record["plate"]),
        frame=whole(record["frame"]),
        file=text(record.get("file", "")),
        small=small.reshape(side, side),
        sightings=tuple(
            Sighting(
                box=array_of(one["box"], (4,)),
                found=one["found"] is True,
                score=number(one["score"]),
                landmarks=_points(one["landmarks"], 68),
                dense=_points(one["dense"]),
                trust=share(one["trust"]),
                keypoints=_points(one["keypoints"], 6),
                identity=None if one["identity"] is None else unpacked(one["identity"]),
                appearance=None if one["appearance"] is None else np.frombuffer(bytes_of(one["appearance"]), np.uint8),
            )
            for one in record["sightings"]
        ),
    )


def _points(value: Any, count: int | None = None) -> NDArray[np.float32] | None:
    """Packed points, ``count`` of them; None for None."""
    if value is None:
        return None
    points = unpacked(value, 2)
    if count not in (None, len(points)):
        raise ValueError(f"{len(points)} points where {count} are due")
    return points
