"""Who is whom over a shot: sightings of its frames named by track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from understudy.face.boxes import SAME_FACE, intersection_over_union
from understudy.face.choose import BLIP
from understudy.face.interfaces import Detection
from understudy.face.tracker import USUAL, Tracker
from understudy.faceset.journal import Entry, Sighting
from understudy.tracks.cuts import CutFinder, CutRule

SAME_PLACE = 0.3
"""Intersection over union from which a place that was looked at is the one where a track is expected."""


@dataclass(frozen=True, eq=False)
class TrackedSighting:
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


class ShotTracker:
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


def follow(
    entries: Sequence[Entry], rule: CutRule, same: float = USUAL
) -> tuple[list[TrackedSighting], tuple[int, ...]]:
    """Everybody of the journal by track, and where the plate is cut.

    A place where nobody was found belongs to the track that was expected there, and only between frames on which that
    track was found.
    """
    follower = ShotTracker(rule, same)
    spotted: list[TrackedSighting] = []
    waiting: dict[int, list[TrackedSighting]] = {}
    expected: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
    for entry in entries:
        follower.begin(entry.frame, entry.small)
        found = [(index, one) for index, one in enumerate(entry.sightings) if one.found]
        tracks = follower.name(entry.sightings)
        for (index, one), track in zip(found, tracks, strict=True):
            spotted += waiting.pop(track, [])
            spotted.append(TrackedSighting(entry.frame, track, index, one))
        places = [(index, one) for index, one in enumerate(entry.sightings) if not one.found]
        expected[entry.frame] = follower.missed()
        for track, box in expected[entry.frame]:
            near = [(intersection_over_union(box, one.box), index, one) for index, one in places]
            if near and max(near)[0] >= SAME_PLACE:
                _, index, one = max(near, key=lambda place: place[0])
                waiting.setdefault(track, []).append(TrackedSighting(entry.frame, track, index, one))
    mended = _without_blips(spotted, expected)
    return sorted(mended, key=lambda one: (one.frame, one.track)), tuple(follower.cuts)


def _without_blips(
    spotted: Sequence[TrackedSighting], expected: Mapping[int, Sequence[tuple[int, NDArray[np.float32]]]]
) -> list[TrackedSighting]:
    """Tracks of a frame or two in the very place of somebody who is there before and after are that somebody.

    So it is with a face behind a hand, of which the recogniser says that it is a stranger's.
    """
    found: dict[int, list[TrackedSighting]] = {}
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
