"""Two-dimensional point tracks as text: the ASCII form of 3DEqualizer, and Nuke's list of frame, x and y.

3DEqualizer's form holds many points: their count, and for each its name, a colour's number, the count of its frames, and a
line ``frame x y`` for each of these. SynthEyes, PFTrack and the importers that are in use for Nuke, Maya and Blender read
it. Nuke's own "Import Time+value Ascii" takes one point a file: lines ``frame x y``, parted by blanks, commas or colons;
lines that begin with #, ; or / are remarks. In both, y runs up from the plate's bottom edge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import UnreadableError, UsageError
from understudy.safe_text import shortened
from understudy.tracks.formats.values import number as checked
from understudy.tracks.formats.values import whole
from understudy.tracks.landmark_names import indices, name_of
from understudy.tracks.track import Track

XY = tuple[float, float]

_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class PointTrack:
    """One named point over time."""

    name: str
    places: Mapping[int, XY]  # by frame: plate pixels from the top left corner


def points_to_text(track: Track, height: int, points: Sequence[int]) -> str:
    """The landmarks ``points`` of ``track`` in 3DEqualizer's form, for a plate of ``height`` pixels."""
    lines = [f"{len(points)}"]
    for point in points:
        lines += [name_of(point), "0", f"{len(track.frames)}"]
        for frame, face in track.frames.items():
            x, y = map(float, face.landmarks[point])
            lines.append(f"{frame} {x:.6f} {height - y:.6f}")
    return "\n".join(lines) + "\n"


def points_from_text(text: str, height: int, name: str = "the text") -> tuple[PointTrack, ...]:
    """Read either form; in Nuke's the point is called like the file ``name``, without its ending.

    Raises :class:`UnreadableError` that names the line, and UsageError for a point that is no landmark.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise UnreadableError(f"{name} holds no point tracks: it is empty.", "Export the tracks again.")
    if _COUNT.fullmatch(lines[0][1]):
        return _many(lines, height, name)
    lines = [line for line in lines if line[1][0] not in "#;/"]
    places = _places(lines, height, name)
    if not places:
        raise UnreadableError(f"{name} holds no point tracks: it has only remarks.", "Export the tracks again.")
    return (_named(Path(name).stem, places),)


def _many(lines: list[tuple[int, str]], height: int, name: str) -> tuple[PointTrack, ...]:
    rest = iter(lines)
    found: list[PointTrack] = []
    try:
        for _ in range(int(next(rest)[1])):
            called, _colour, (number, many) = next(rest)[1], next(rest), next(rest)
            if not _COUNT.fullmatch(many):
                raise UnreadableError(
                    f"Line {number} of {name} is wrong: {shortened(many, 60)!r} is no count of frames.",
                    "Correct the line.",
                )
            found.append(_named(called, _places([next(rest) for _ in range(int(many))], height, name)))
    except StopIteration:
        raise UnreadableError(
            f"{name} ends before all the points that it promises.", "Export the tracks again."
        ) from None
    if not found:
        raise UnreadableError(f"{name} holds no point tracks: it promises none.", "Export the tracks again.")
    if left := next(rest, None):
        raise UnreadableError(
            f"Line {left[0]} of {name} follows the last point that it promises.", "Correct its counts."
        )
    return tuple(found)


def _places(lines: list[tuple[int, str]], height: int, name: str) -> dict[int, XY]:
    places: dict[int, XY] = {}
    for number, line in lines:
        try:
            frame, x, y = re.split(r"[\s,:]+", line)
            at, place = whole(int(frame)), (checked(float(x)), height - checked(float(y)))
        except ValueError:
            raise UnreadableError(
                f"Line {number} of {name} is wrong: {shortened(line, 60)!r} where frame, x and y are due.",
                "Correct the line.",
            ) from None
        if at in places:
            raise UnreadableError(f"Line {number} of {name} has frame {at} once more.", "Keep one of the lines.")
        places[at] = place
    return places


def _named(called: str, places: dict[int, XY]) -> PointTrack:
    """Raises UsageError for a name that is not that of one landmark."""
    found = indices([called])
    if len(found) != 1:
        raise UsageError(
            f"A point track is called {called!r}, which means {len(found)} landmarks.", "Name one landmark."
        )
    return PointTrack(name_of(found[0]), dict(sorted(places.items())))
