"""The first pass over a plate: everybody on every frame, into the journal; and who of them is whom."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from understudy.events import Events
from understudy.face.boxes import SAME_FACE, intersection_over_union
from understudy.face.choose import BLIP
from understudy.face.roles import Detection
from understudy.face.tracker import USUAL, Tracker
from understudy.faceset.journal import LOOKS, Entry, Journal, Sighting, look_name
from understudy.plate.files import file_mark
from understudy.plate.frame import Frame
from understudy.plate.sheet import write_png
from understudy.stages.analysis import Analyser, Seen, Shot, overviews
from understudy.stages.people import People
from understudy.stages.stopwatch import Stopwatch
from understudy.tracks.cuts import CutFinder, CutRule, small_picture

SAME_PLACE = 0.3
"""Intersection over union from which a place that was looked at is the one where a track is expected."""


@dataclass(frozen=True, eq=False)
class Spotted:
    """A sighting that is known to be of one track."""

    frame: int
    track: int
    index: int  # among the sightings of its frame
    sighting: Sighting
    given: bool = False  # the artist gave its box

    @property
    def box(self) -> NDArray[np.float32]:
        """(4,) x0 y0 x1 y1, plate pixels."""
        return self.sighting.box

    @property
    def identity(self) -> NDArray[np.float32] | None:
        """Unit vector of the recogniser."""
        return self.sighting.identity


class Follower:
    """Says who is whom, frame after frame; the same entries give the same answer, whenever they are told."""

    def __init__(self, rule: CutRule, same: float = USUAL) -> None:
        """``same`` is the cosine from which the recogniser means one person."""
        self.cuts: list[int] = []
        self._rule = rule
        self._finder = CutFinder()
        self._tracker = Tracker(same=same)
        self._index = -1  # of the frame among the plate's: one that is left out is no time that passes

    def begin(self, frame: int, small: NDArray[np.uint8]) -> None:
        """Tell of the next frame before anybody on it."""
        self._index += 1
        if self._rule.applies(frame, self._finder.begins(small)):
            self.cuts.append(frame)
            self._tracker.cut()

    def name(self, sightings: Sequence[Sighting]) -> list[int]:
        """The track of each face that was found."""
        found = [one for one in sightings if one.found]
        return self._tracker.update(
            self._index,
            [Detection(one.box, one.score) for one in found],
            [one.identity for one in found],
            [one.appearance for one in found],
        )

    def missed(self) -> list[tuple[int, NDArray[np.float32]]]:
        """Tracks that were expected on this frame, and where."""
        return self._tracker.missed()


def follow(entries: Sequence[Entry], rule: CutRule, same: float = USUAL) -> tuple[list[Spotted], tuple[int, ...]]:
    """Everybody of the journal by track, and where the plate is cut.

    A place where nobody was found belongs to the track that was expected there, and only between frames on which that
    track was found.
    """
    follower = Follower(rule, same)
    spotted: list[Spotted] = []
    waiting: dict[int, list[Spotted]] = {}
    expected: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
    for entry in entries:
        follower.begin(entry.frame, entry.small)
        found = [(index, one) for index, one in enumerate(entry.sightings) if one.found]
        tracks = follower.name(entry.sightings)
        for (index, one), track in zip(found, tracks, strict=True):
            spotted += waiting.pop(track, [])
            spotted.append(Spotted(entry.frame, track, index, one))
        places = [(index, one) for index, one in enumerate(entry.sightings) if not one.found]
        expected[entry.frame] = follower.missed()
        for track, box in expected[entry.frame]:
            near = [(intersection_over_union(box, one.box), index, one) for index, one in places]
            if near and max(near)[0] >= SAME_PLACE:
                _, index, one = max(near, key=lambda place: place[0])
                waiting.setdefault(track, []).append(Spotted(entry.frame, track, index, one))
    mended = _without_blips(spotted, expected)
    return sorted(mended, key=lambda one: (one.frame, one.track)), tuple(follower.cuts)


def _without_blips(
    spotted: Sequence[Spotted], expected: Mapping[int, Sequence[tuple[int, NDArray[np.float32]]]]
) -> list[Spotted]:
    """Tracks of a frame or two in the very place of somebody who is there before and after are that somebody.

    So it is with a face behind a hand, of which the recogniser says that it is a stranger's.
    """
    found: dict[int, list[Spotted]] = {}
    for one in spotted:
        if one.sighting.found:
            found.setdefault(one.track, []).append(one)
    owner: dict[int, int] = {}
    for blip, own in found.items():
        if len(own) > BLIP:
            continue
        there = [
            {track for track, box in expected[one.frame] if intersection_over_union(box, one.box) >= SAME_FACE}
            for one in own
        ]
        for track in sorted(set.intersection(*there)):
            frames = [one.frame for one in found.get(track, ())]
            if frames and min(frames) < own[0].frame and max(frames) > own[-1].frame:
                owner[blip] = track
    taken = {(one.frame, owner[one.track]) for one in spotted if one.track in owner}
    return [
        replace(one, track=owner.get(one.track, one.track)) for one in spotted if (one.frame, one.track) not in taken
    ]


def look_through(
    shot: Shot,
    analyser: Analyser,
    folder: Path,
    entries: Sequence[Entry],
    rule: CutRule,
    same: float,
    people: People,
    *,
    events: Events,
    watch: Stopwatch,
) -> list[Entry]:
    """Analyse the frames that are not among ``entries`` yet; returns all entries, in order.

    Raises AmbiguousFaceError as soon as it is clear that the choice of ``people`` does not say who is meant.
    """
    done = list(entries)
    follower = Follower(rule, same)
    for entry in entries:
        follower.begin(entry.frame, entry.small)
        follower.name(entry.sightings)
    frames = shot.plate.frames[len(done) :]
    (folder / LOOKS).mkdir(exist_ok=True)
    with (
        watch.running(),
        contextlib.closing(overviews(shot, analyser, frames)) as coming,
        _Clerk(folder) as clerk,
    ):
        for number in frames:
            events.raise_if_stopping()
            with watch.part("reading"):
                frame, overview = next(coming)
            small = small_picture(overview)
            follower.begin(number, small)
            seen = analyser.analyse(shot, frame, overview, watch)
            sightings = [sighting(frame, one) for one in seen]
            tracks = follower.name(sightings)
            expected = [box for _, box in follower.missed() if _on(frame, box)]
            with watch.part("colour"):
                looks = [one.look for one in seen] + [analyser.glance(shot, frame, box) for box in expected]
            sightings += [_nobody(box) for box in expected]
            entry = Entry(shot.key, number, small, tuple(sightings), file_mark(shot.plate.path(number)))
            with watch.part("writing"):
                clerk.enter(entry, looks)
            done.append(entry)
            people.add([Spotted(number, track, index, sightings[index]) for index, track in enumerate(tracks)])
            people.check()
            events.progress(len(done), len(shot.plate.frames), "frames")
        with watch.part("writing"):
            clerk.finish()
    return done


def sighting(frame: Frame, one: Seen) -> Sighting:
    """What the journal keeps of a face."""
    marks = one.landmarks
    return Sighting(
        box=one.detection.box,
        found=True,
        score=one.detection.score,
        landmarks=None if marks is None else marks.points68,
        dense=None if marks is None else marks.dense,
        trust=0.0 if marks is None else marks.score * visible(frame, marks.points68),
        keypoints=one.keypoints,
        identity=one.identity,
        appearance=one.appearance,
    )


def visible(frame: Frame, points: NDArray[np.float32]) -> float:
    """The share of (68, 2) plate points that lie inside the picture: those outside are guessed."""
    within = points - np.array(frame.origin, np.float32)
    return float(((within >= 0) & (within <= frame.size)).all(axis=1).mean())


def _nobody(box: NDArray[np.float32]) -> Sighting:
    return Sighting(box, False, 0.0, None, None, 0.0, None, None)


def _on(frame: Frame, box: NDArray[np.float32]) -> bool:
    """Whether the middle of a box lies in the picture."""
    middle = (box[:2] + box[2:]) / 2 - np.array(frame.origin, np.float32)
    return bool((middle >= 0).all() and (middle <= frame.size).all())


class _Clerk:
    """Brings entries and their pictures to the disk beside the analysis, in order, the pictures first."""

    _AHEAD = 4  # frames that may wait

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journal = Journal(folder)
        self._pool = ThreadPoolExecutor(1, "journal")
        self._pending: deque[Future[None]] = deque()
        self._broken = False

    def __enter__(self) -> _Clerk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()  # what was handed over is finished even when the run ends here

    def enter(self, entry: Entry, looks: Sequence[NDArray[np.uint8]]) -> None:
        """Hand over a frame. Raises what writing an earlier one raised."""
        while len(self._pending) >= self._AHEAD:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(self._write, entry, looks))

    def finish(self) -> None:
        """Wait until everything is on the disk."""
        while self._pending:
            self._pending.popleft().result()

    def _write(self, entry: Entry, looks: Sequence[NDArray[np.uint8]]) -> None:
        if self._broken:  # no gaps: what follows a frame that failed is done again after it
            return
        self._broken = True
        for index, picture in enumerate(looks):
            write_png(self._folder / LOOKS / look_name(entry.frame, index), picture)
        self._journal.append(entry)
        self._broken = False
