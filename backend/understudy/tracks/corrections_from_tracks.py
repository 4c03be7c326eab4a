"""Other programs' tracks as the artist's word: corrections that extraction obeys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from understudy.face.geometry import Head
from understudy.tracks.corrections import (
    BoxCurve,
    BoxKey,
    Corrections,
    FaceCorrections,
    HeadCurve,
    HeadKey,
    LandmarkCurve,
    LandmarkKey,
)
from understudy.tracks.formats.point_text import PointTrack
from understudy.tracks.landmark_names import indices
from understudy.tracks.track import Followed, Track

Point = tuple[int, float, float]


def corrections_from_tracks(tracks: Sequence[Track]) -> Corrections:
    """Corrections that put every face of ``tracks`` where these have it: box, head and landmarks, frame by frame.

    A face is named by the middle of its box on the track's first frame. Frames between two runs of a track stay free.
    """
    return Corrections(faces=tuple(_entry(track) for track in tracks if track.frames))


def corrections_from_points(points: Sequence[PointTrack], who: int | None = None) -> Corrections:
    """Corrections that put landmarks where ``points`` have them.

    The face is track ``who``, or the one around the middle of the points on the first frame that all of them share.
    """
    shared = sorted(set.intersection(*(set(point.places) for point in points)))
    frame = shared[0] if shared else min(points[0].places)
    middle = np.mean([point.places[frame] for point in points if frame in point.places], axis=0)
    curves = tuple(
        LandmarkCurve(
            points=indices([point.name]), keys=tuple(LandmarkKey(frame=at, at=(point.places[at],)) for at in run)
        )
        for point in points
        for run in _runs(point.places)
    )
    return Corrections(
        faces=(_named(who, (frame, float(middle[0]), float(middle[1]))).model_copy(update={"landmarks": curves}),)
    )


def corrections_from_heads(heads: Mapping[int, Head], who: int | None = None) -> Corrections:
    """Corrections that pose, place and size the head as ``heads`` have it; the face is track ``who``, or the one there."""
    first = min(heads)
    x, y = map(float, heads[first].seen_at)
    face = _named(who, (first, x, y)).model_copy(update={"head": _head_curves(heads)})
    return Corrections(faces=(face,))


def _named(who: int | None, point: Point) -> FaceCorrections:
    return FaceCorrections(point=point) if who is None else FaceCorrections(track=who)


def _entry(track: Track) -> FaceCorrections:
    first = next(iter(track.frames.values()))
    x0, y0, x1, y1 = _corners(first)
    runs = list(_runs(track.frames))
    return FaceCorrections(
        point=(first.frame, (x0 + x1) / 2, (y0 + y1) / 2),
        boxes=tuple(
            BoxCurve(keys=tuple(BoxKey(frame=at, box=_corners(track.frames[at])) for at in run)) for run in runs
        ),
        head=_head_curves({frame: face.head for frame, face in track.frames.items()}),
        landmarks=tuple(
            LandmarkCurve(
                points=("all",),
                keys=tuple(
                    LandmarkKey(frame=at, at=tuple((float(x), float(y)) for x, y in track.frames[at].landmarks))
                    for at in run
                ),
            )
            for run in runs
        ),
    )


def _corners(face: Followed) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = map(float, face.box)
    return x0, y0, x1, y1


def _head_curves(heads: Mapping[int, Head]) -> tuple[HeadCurve, ...]:
    return tuple(HeadCurve(keys=tuple(_head_key(frame, heads[frame]) for frame in run)) for run in _runs(heads))


def _head_key(frame: int, head: Head) -> HeadKey:
    x, y = map(float, head.seen_at)
    return HeadKey(frame=frame, pose=head.angles, at=(x, y), size=head.scale)


def _runs(frames: Mapping[int, object]) -> Iterator[list[int]]:
    """The frames in ascending order, in runs of one after another: a curve must not reach over a gap."""
    run: list[int] = []
    for frame in sorted(frames):
        if run and frame != run[-1] + 1:
            yield run
            run = []
        run.append(frame)
    yield run
