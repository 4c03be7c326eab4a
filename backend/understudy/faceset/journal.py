"""What an extraction has seen so far, so that one that was interrupted goes on where it stopped."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from understudy.errors import FacesetError, cannot_write

NAME = "frames.jsonl"


@dataclass(frozen=True)
class Sighting:
    """A face that was detected on a plate frame, kept or not."""

    box: tuple[float, float, float, float]  # x0 y0 x1 y1, plate pixels
    score: float
    track: int
    file: str | None  # its crop in the faceset; None where it was not kept
    identity: tuple[float, ...] | None  # unit vector of the recogniser


@dataclass(frozen=True)
class Entry:
    """A plate frame that was analysed, with everybody on it."""

    plate: str
    frame: int
    sightings: tuple[Sighting, ...]


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
        line = json.dumps(asdict(entry), separators=(",", ":"), allow_nan=False) + "\n"
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
        entries = []
        for number, line in enumerate(self._path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                entries.append(_entry(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise FacesetError(
                    f"Line {number} of {self._path} is damaged.", "Delete this file; the extraction then starts again."
                ) from error
        return entries

    def _mend(self) -> None:
        """Cut off what follows the last line feed: a line whose writer died."""
        if not self._path.exists():
            return
        with self._path.open("rb+") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                file.truncate(whole)


def _entry(record: dict[str, Any]) -> Entry:
    return Entry(
        plate=str(record["plate"]),
        frame=int(record["frame"]),
        sightings=tuple(
            Sighting(
                box=_box(one["box"]),
                score=float(one["score"]),
                track=int(one["track"]),
                file=None if one["file"] is None else str(one["file"]),
                identity=None if one["identity"] is None else tuple(map(float, one["identity"])),
            )
            for one in record["sightings"]
        ),
    )


def _box(values: Any) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = map(float, values)
    return x0, y0, x1, y1
