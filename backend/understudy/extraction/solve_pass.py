"""From sightings to solved tracks: what the artist says, who is meant, and each track over its whole length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.events import Events
from understudy.extraction.shot_tracker import TrackedSighting
from understudy.face.geometry import Camera
from understudy.face.landmarker_bias import mean_head
from understudy.face.tracker import GAP
from understudy.faceset.journal import LOOKS, look_name
from understudy.tracks.observation import Observed
from understudy.tracks.solve import solve
from understudy.tracks.track import Track


def solved_tracks(
    folder: Path,
    spotted: Sequence[TrackedSighting],
    frames: Sequence[int],
    landmarker: str,
    camera: Camera,
    smoothing: float,
    events: Events,
) -> list[Track]:
    """Solve each track of ``spotted``; a track on which nothing tells where the head is has no place in the result.

    ``folder`` is the faceset's, ``frames`` are the shot's, ``landmarker`` the name of what marked the faces. Raises
    Interrupted.
    """
    order = {frame: index for index, frame in enumerate(frames)}
    by_track: dict[int, list[TrackedSighting]] = defaultdict(list)
    for one in spotted:
        by_track[one.track].append(one)
    tracks = []
    for done, (number, own) in enumerate(sorted(by_track.items()), 1):
        solved: list[Track] = []
        for run in _runs(sorted(own, key=lambda one: one.frame), order):
            events.raise_if_stopping()
            observed = _filled([_observed(folder, one) for one in run], frames, order)
            track = solve(number, observed, mean_head(landmarker), camera, smoothing)
            if track is not None:
                seen = {one.frame for one in run}
                there = {frame: one for frame, one in track.frames.items() if frame in seen}
                solved.append(Track(number, there, track.shape))
        if solved:
            longest = max(solved, key=lambda run: len(run.frames))
            followed = {frame: one for run in solved for frame, one in run.frames.items()}
            tracks.append(Track(number, followed, longest.shape))
        events.progress(done, len(by_track), "tracks")
    return tracks


def _runs(own: Sequence[TrackedSighting], order: Mapping[int, int]) -> Iterator[Sequence[TrackedSighting]]:
    """Parts of a track, in order, between which the person was away: what moved meanwhile is unknown."""
    places = [order[one.frame] for one in own]
    starts = [index for index in range(1, len(own)) if places[index] - places[index - 1] > GAP + 1]
    for start, end in pairwise([0, *starts, len(own)]):
        yield own[start:end]


def _filled(observed: Sequence[Observed], frames: Sequence[int], order: Mapping[int, int]) -> list[Observed]:
    """The run with an unseen face on each frame that it lacks: for the solve neighbours in the list are so in time."""
    whole = list(observed[:1])
    for before, after in pairwise(observed):
        first, last = order[before.frame], order[after.frame]
        for index in range(first + 1, last):
            share = np.float32((index - first) / (last - first))
            box = before.box + share * (after.box - before.box)
            whole.append(Observed(frames[index], box, False, None, 0.0, None, None))
        whole.append(after)
    return whole


def _observed(folder: Path, one: TrackedSighting) -> Observed:
    sighting = one.sighting
    return Observed(
        frame=one.frame,
        box=sighting.box,
        found=sighting.found,
        landmarks=sighting.landmarks,
        trust=sighting.trust,
        keypoints=sighting.keypoints,
        look=None if one.given else _look(folder / LOOKS / look_name(one.frame, one.index)),
        given=one.given,
        dense=sighting.dense,
    )


def _look(path: Path) -> NDArray[np.uint8] | None:
    """The small picture; None where it was lost: it only helps."""
    if not path.is_file():
        return None
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if picture is None else np.asarray(picture, np.uint8)
