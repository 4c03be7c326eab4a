"""From sightings to solved tracks: what the artist says, who is meant, and each track over its whole length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.conventions import mean_head
from understudy.face.geometry import Camera
from understudy.face.tracker import GAP
from understudy.faceset.journal import LOOKS, look_name
from understudy.stages.sighting import Spotted
from understudy.tracks.observed import Observed
from understudy.tracks.solve import solve
from understudy.tracks.track import Track


def solved_tracks(
    folder: Path,
    spotted: Sequence[Spotted],
    landmarker: str,
    camera: Camera,
    smoothing: float,
    tell: Callable[[int, int], None],
) -> list[Track]:
    """Solve each track of ``spotted``; a track on which nothing tells where the head is has no place in the result.

    ``folder`` is the faceset's, ``landmarker`` the name of what marked the faces; ``tell`` hears how many tracks of how
    many are done.
    """
    by_track: dict[int, list[Spotted]] = defaultdict(list)
    for one in spotted:
        by_track[one.track].append(one)
    tracks = []
    for done, (number, own) in enumerate(sorted(by_track.items()), 1):
        runs = [
            solve(number, [_observed(folder, one) for one in run], mean_head(landmarker), camera, smoothing)
            for run in _runs(sorted(own, key=lambda one: one.frame))
        ]
        solved = [run for run in runs if run is not None]
        if solved:
            longest = max(solved, key=lambda run: len(run.frames))
            frames = {frame: one for run in solved for frame, one in run.frames.items()}
            tracks.append(Track(number, frames, longest.shape))
        tell(done, len(by_track))
    return tracks


def _runs(own: Sequence[Spotted]) -> Iterator[Sequence[Spotted]]:
    """Parts of a track, in order, between which the person was away: what moved meanwhile is unknown."""
    starts = [index for index in range(1, len(own)) if own[index].frame - own[index - 1].frame > GAP + 1]
    for start, end in pairwise([0, *starts, len(own)]):
        yield own[start:end]


def _observed(folder: Path, one: Spotted) -> Observed:
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
    )


def _look(path: Path) -> NDArray[np.uint8] | None:
    """The small picture; None where it was lost: it only helps."""
    if not path.is_file():
        return None
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if picture is None else np.asarray(picture, np.uint8)
