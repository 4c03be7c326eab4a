"""Which face of a shot is meant: by number, by size, by track or by a reference, never by a detector's score."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from understudy.errors import AmbiguousFaceError, NoFaceError, UsageError
from understudy.plate.ranges import format_range

MINOR = 0.25
"""A face with less than this share of the area of the largest beside it is somebody in the background."""

BLIP = 2
"""A track of at most so many frames beside a far longer one is a slip of the detector."""

WAYS = "largest, index:N (left to right, from 0), track:N, point:FRAME,X,Y, all, or a reference face"

_CHOICE = re.compile(r"(one|largest|all)|(index|track):(\d+)|point:(-?\d+),(-?\d+(?:\.\d*)?),(-?\d+(?:\.\d*)?)")


class Sighted(Protocol):
    """What :func:`choose` needs to know of a face on a frame."""

    @property
    def frame(self) -> int: ...
    @property
    def track(self) -> int: ...
    @property
    def box(self) -> Sequence[float] | NDArray[np.float32]:
        """X0 y0 x1 y1 in plate pixels."""

    @property
    def identity(self) -> Sequence[float] | NDArray[np.float32] | None:
        """Unit vector of a recogniser."""


@dataclass(frozen=True)
class Choice:
    """A way to choose; ``number`` counts for ``index`` and ``track``, and is the frame of ``point`` (plate pixels)."""

    kind: str
    number: int = 0
    point: tuple[float, float] = (0.0, 0.0)

    def in_square(self, stretch: tuple[float, float]) -> Choice:
        """The same choice on a plate whose pixels ``stretch`` makes square."""
        x, y = self.point
        return replace(self, point=(x * stretch[0], y * stretch[1]))

    def __str__(self) -> str:
        if self.kind == "point":
            return f"point:{self.number},{self.point[0]:g},{self.point[1]:g}"
        return f"{self.kind}:{self.number}" if self.kind in ("index", "track") else self.kind


@dataclass(frozen=True, eq=False)
class Reference:
    """The face that is meant, as a recogniser sees it; tracks whose mean cosine is below the threshold are others."""

    identity: NDArray[np.float32]
    threshold: float = 0.35


def parse_choice(text: str) -> Choice:
    """``one``, ``largest``, ``index:N``, ``track:N``, ``point:FRAME,X,Y`` or ``all``; else raises :class:`UsageError`."""
    match = _CHOICE.fullmatch(text.strip())
    if not match:
        raise UsageError(f"'{text}' does not say which face is meant.", f"Write one, {WAYS.rsplit(', or', 1)[0]}.")
    if match[4]:
        return Choice("point", int(match[4]), (float(match[5]), float(match[6])))
    return Choice(match[1]) if match[1] else Choice(match[2], int(match[3]))


def choose(records: Iterable[Sighted], choice: Choice, reference: Reference | None = None) -> set[tuple[int, int]]:
    """The chosen faces as (frame, track).

    ``one``: the only person there; smaller people in the background do not count. ``largest``: the track with the
    largest area summed over its time, then the next for the time that is left, so that nobody who passes by is taken
    for a frame. ``index:N``: who stands N-th from the left, as a track, not frame by frame. ``point:FRAME,X,Y``: the
    track whose box holds that plate pixel on that frame, the smallest box where several do.

    Raises :class:`NoFaceError` when nothing is left and, for ``one``, :class:`AmbiguousFaceError` when two faces of
    some size stand in one frame.
    """
    faces = list(records)
    if not faces:
        raise NoFaceError("No face was found.", "Check the frame range, or lower the smallest face size.")
    if reference is not None:
        faces = _alike(faces, reference)
    chosen = _WAYS[choice.kind](faces, choice)
    if not chosen:
        tracks = ", ".join(str(track) for track in sorted({face.track for face in faces}))
        raise NoFaceError(
            f"No face is {choice}.",
            f"There are the tracks {tracks}; other ways to choose: {WAYS}.",
        )
    return {(face.frame, face.track) for face in chosen}


def _all(faces: list[Sighted], _choice: Choice) -> list[Sighted]:
    return faces


def _track(faces: list[Sighted], choice: Choice) -> list[Sighted]:
    return [face for face in faces if face.track == choice.number]


def _one(faces: list[Sighted], _choice: Choice) -> list[Sighted]:
    persons = _without_minor(faces)
    for frame, together in sorted(_by_frame(persons).items()):
        if len(together) > 1:
            tracks = " and ".join(str(track) for track in sorted(face.track for face in together))
            raise AmbiguousFaceError(
                f"Frame {frame} shows {len(together)} people (tracks {tracks}) where one is expected.",
                f"Choose: {WAYS}.",
            )
    return persons


def _largest(faces: list[Sighted], _choice: Choice) -> list[Sighted]:
    tracks = _by_track(_without_minor(faces))
    whole = {number: _total(track) for number, track in tracks.items()}
    chosen: list[Sighted] = []
    free = dict(tracks)
    while free:
        number = max(free, key=lambda one: (_total(free[one]), -one))
        chosen += free.pop(number)
        first, last = min(face.frame for face in tracks[number]), max(face.frame for face in tracks[number])
        for other in list(free):
            free[other] = [face for face in free[other] if not first <= face.frame <= last]
            # Who spent more than half of the time beside the chosen one is a companion, not a successor.
            if _total(free[other]) < 0.5 * whole[other] or not free[other]:
                del free[other]
    return chosen


def _index(faces: list[Sighted], choice: Choice) -> list[Sighted]:
    ranks: dict[int, Counter[int]] = defaultdict(Counter)
    ordered = {
        frame: sorted(together, key=lambda face: float(face.box[0]) + float(face.box[2]))
        for frame, together in _by_frame(faces).items()
    }
    for together in ordered.values():
        if len(together) > choice.number:
            for rank, face in enumerate(together):
                ranks[face.track][rank] += 1
    usual = {track for track, votes in ranks.items() if votes.most_common(1)[0][0] == choice.number}
    chosen = []
    for together in ordered.values():
        candidates = [(rank, face) for rank, face in enumerate(together) if face.track in usual]
        if len(candidates) > 1:
            candidates = [(rank, face) for rank, face in candidates if rank == choice.number]
        chosen += [face for _, face in candidates]
    return chosen


def _point(faces: list[Sighted], choice: Choice) -> list[Sighted]:
    there = [face for face in faces if face.frame == choice.number]
    held = [face for face in there if _holds(face, *choice.point)]
    if not held:
        where = " and ".join(f"track {face.track} around {_centre(face)}" for face in there)
        frames = format_range(sorted({face.frame for face in faces}))
        raise NoFaceError(
            f"No face of frame {choice.number} is at {choice.point[0]:g}, {choice.point[1]:g}.",
            f"There {'is' if len(there) == 1 else 'are'} {where}." if there else f"Frames with faces: {frames}.",
        )
    return _track(faces, Choice("track", min(held, key=_area).track))


def _alike(faces: list[Sighted], reference: Reference) -> list[Sighted]:
    likeness = {}
    for number, track in _by_track(faces).items():
        known = np.array([face.identity for face in track if face.identity is not None], np.float64)
        if len(known):
            likeness[number] = float((known @ np.asarray(reference.identity, np.float64)).mean())
    if not likeness:
        raise NoFaceError(
            "No face has an identity to compare with the reference.", "Choose a recogniser, such as insightface."
        )
    alike = [face for face in faces if likeness.get(face.track, -1.0) >= reference.threshold]
    if not alike:
        raise NoFaceError(
            f"No face is like the reference: the best cosine is {max(likeness.values()):.2f}, "
            f"and {reference.threshold:.2f} is asked.",
            "Give another reference picture, or lower the threshold.",
        )
    return alike


def _without_minor(faces: list[Sighted]) -> list[Sighted]:
    """Without the tracks that are, in most frames that they share, far smaller than another, and without blips."""
    length = Counter(face.track for face in faces)
    shared: Counter[int] = Counter()
    small: Counter[int] = Counter()
    for together in _by_frame(faces).values():
        if len(together) > 1:
            most, longest = max(map(_area, together)), max(length[face.track] for face in together)
            for face in together:
                shared[face.track] += 1
                blip = length[face.track] <= BLIP and longest >= 10 * length[face.track]
                small[face.track] += blip or _area(face) < MINOR * most
    return [face for face in faces if 2 * small[face.track] <= shared[face.track] or not shared[face.track]]


def _by_frame(faces: Iterable[Sighted]) -> dict[int, list[Sighted]]:
    frames: dict[int, list[Sighted]] = defaultdict(list)
    for face in faces:
        frames[face.frame].append(face)
    return frames


def _by_track(faces: Iterable[Sighted]) -> dict[int, list[Sighted]]:
    tracks: dict[int, list[Sighted]] = defaultdict(list)
    for face in faces:
        tracks[face.track].append(face)
    return tracks


def _holds(face: Sighted, x: float, y: float) -> bool:
    x0, y0, x1, y1 = (float(value) for value in face.box)
    return x0 <= x <= x1 and y0 <= y <= y1


def _centre(face: Sighted) -> str:
    x0, y0, x1, y1 = (float(value) for value in face.box)
    return f"{(x0 + x1) / 2:.0f}, {(y0 + y1) / 2:.0f}"


def _area(face: Sighted) -> float:
    x0, y0, x1, y1 = (float(value) for value in face.box)
    return (x1 - x0) * (y1 - y0)


def _total(faces: Iterable[Sighted]) -> float:
    return sum(map(_area, faces))


_WAYS: dict[str, Callable[[list[Sighted], Choice], list[Sighted]]] = {
    "one": _one,
    "largest": _largest,
    "index": _index,
    "track": _track,
    "point": _point,
    "all": _all,
}
