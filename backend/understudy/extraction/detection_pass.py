"""The first pass over a plate: everybody on every frame, into the journal."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from understudy.events import Events
from understudy.extraction.ambiguity import PeopleSeen
from understudy.extraction.analysis import AnalysedFace, Analyser, overviews
from understudy.extraction.journal_writer import JournalWriter
from understudy.extraction.shot import Shot
from understudy.extraction.shot_tracker import ShotTracker, TrackedSighting
from understudy.faceset.journal import LOOKS, Entry, Sighting
from understudy.plate.files import file_mark
from understudy.plate.frame import Frame
from understudy.stopwatch import Stopwatch
from understudy.tracks.cuts import CutRule, small_picture


def look_through(
    shot: Shot,
    analyser: Analyser,
    folder: Path,
    entries: Sequence[Entry],
    rule: CutRule,
    same: float,
    people: PeopleSeen,
    *,
    events: Events,
    watch: Stopwatch,
) -> list[Entry]:
    """Analyse the frames that are not among ``entries`` yet; returns all entries, in order.

    Raises AmbiguousFaceError as soon as it is clear that the choice of ``people`` does not say who is meant.
    """
    done = list(entries)
    follower = ShotTracker(rule, same)
    for entry in entries:
        follower.begin(entry.frame, entry.small)
        follower.name(entry.sightings)
    frames = shot.plate.frames[len(done) :]
    (folder / LOOKS).mkdir(exist_ok=True)
    with (
        watch.running(),
        contextlib.closing(overviews(shot, analyser, frames)) as coming,
        JournalWriter(folder) as clerk,
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
            people.add([TrackedSighting(number, track, index, sightings[index]) for index, track in enumerate(tracks)])
            people.check()
            events.progress(len(done), len(shot.plate.frames), "frames")
        with watch.part("writing"):
            clerk.finish()
    return done


def sighting(frame: Frame, one: AnalysedFace) -> Sighting:
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
