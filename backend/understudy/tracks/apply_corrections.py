"""The artist's corrections carried out: on what was detected before the shot is solved, and on the heads after it.

Before the solve, in this order: faces are rejected, tracks split, joined, and boxes set. After the solve: the head is
posed, which takes the landmarks with it; landmarks are moved; boxes are set. A moved landmark does not move the head, nor
the crop that is laid around it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from understudy.errors import UsageError
from understudy.face.geometry import Head
from understudy.tracks.corrections import Corrections, FaceCorrections, HeadCurve, Who, said
from understudy.tracks.curves import covers, rotation_at, rotation_of, value_at
from understudy.tracks.landmark_names import indices
from understudy.tracks.openings import reopened
from understudy.tracks.track import Followed, Track

REACH = 12
"""Frames from a key at which the artist's word no longer raises a face's confidence."""


class SightingLike(Protocol):
    """A face seen on a frame, with the number of the track that it was put into."""

    @property
    def frame(self) -> int: ...
    @property
    def track(self) -> int: ...
    @property
    def box(self) -> NDArray[np.floating[Any]]: ...  # (4,) x0 y0 x1 y1, plate pixels


@dataclass(frozen=True)
class Forced:
    """A face that is there because the artist says so."""

    frame: int
    track: int
    box: tuple[float, float, float, float]  # plate pixels


@dataclass(frozen=True)
class Amended:
    """What the corrections make of a shot's sightings."""

    tracks: tuple[int | None, ...]  # the new track number of each sighting; None where it is dropped
    forced: tuple[Forced, ...]  # by track and frame; a sighting of that track on that frame is dropped


@dataclass(frozen=True, eq=False)
class _Spot:
    frame: int
    track: int
    box: NDArray[np.floating[Any]]


def applied_to_sightings(corrections: Corrections, sightings: Sequence[SightingLike]) -> Amended:
    """Carry out what acts before the solve.

    A split keeps the track's number for the frames before it and gives the others a new number, above all that there
    are. Joined tracks take the number of the face whose entry joins them. An entry by point whose box covers the point's
    frame, where nobody was detected, is a new person. Raises :class:`UsageError` for a track or point that is nobody's,
    and for joining tracks that share a frame.
    """
    rejected = set[int]()
    tracks = [sighting.track for sighting in sightings]
    unused = count(max(tracks, default=-1) + 1)
    spots = list(map(_Spot, (one.frame for one in sightings), tracks, (one.box for one in sightings)))
    for face in corrections.faces:
        if face.reject or face.split:
            track = _resolved(face, spots)
            rejected.update(i for i, spot in enumerate(spots) if spot.track == track and spot.frame in face.rejected)
            starts = sorted(face.split)
            numbers = [track, *(next(unused) for _ in starts)]
            for i, spot in enumerate(spots):
                if spot.track == track:
                    tracks[i] = numbers[bisect_right(starts, spot.frame)]
    spots = [replace(spot, track=track) for spot, track in zip(spots, tracks, strict=True)]
    for face in corrections.faces:
        for other in face.join:
            into, gone = _resolved(face, spots), _resolved(other, spots)
            kept = [spot for i, spot in enumerate(spots) if i not in rejected]
            shared = {spot.frame for spot in kept if spot.track == into} & {s.frame for s in kept if s.track == gone}
            if shared and into != gone:
                raise UsageError(
                    f"{_capital(said(face))} and {said(other)} cannot be one person: "
                    f"both are there on frame {min(shared)}.",
                    "Reject one of the two there, or split a track before that frame.",
                )
            spots = [replace(spot, track=into) if spot.track == gone else spot for spot in spots]
    forced: list[Forced] = []
    for face in corrections.faces:
        boxes = _boxes(face)
        if boxes:
            track = next(unused) if _is_new(face, spots, boxes) else _resolved(face, spots)
            forced += [Forced(frame, track, _corners(box)) for frame, box in boxes.items()]
    replaced = {(one.track, one.frame) for one in forced}
    dropped = (i in rejected or (spot.track, spot.frame) in replaced for i, spot in enumerate(spots))
    left = tuple(None if gone else spot.track for spot, gone in zip(spots, dropped, strict=True))
    return Amended(left, tuple(sorted(forced, key=lambda one: (one.track, one.frame))))


def applied_to_heads(
    corrections: Corrections, tracks: Sequence[Track], everybody: Sequence[SightingLike] = ()
) -> tuple[Track, ...]:
    """Carry out what acts after the solve: poses, landmarks and boxes.

    ``everybody`` are the amended sightings of the shot: what is said of somebody whose track is not among ``tracks`` is
    for another extraction.

    ``raw`` and ``refined`` stay; eyes and mouth open or close with landmarks that are moved. A frame that
    is touched has the origin "given"; its confidence is 1 at a key and falls off linearly to its own over ``REACH`` frames.
    Raises :class:`UsageError` for a track or point that is nobody's.
    """
    spots = [_Spot(frame, one.number, face.box) for one in tracks for frame, face in one.frames.items()]
    spots += [_Spot(one.frame, one.track, one.box) for one in everybody]
    by_number = {one.number: one for one in tracks}
    for face in corrections.faces:
        if face.head or face.landmarks or face.boxes:
            number = _resolved(face, spots)
            if number in by_number:
                by_number[number] = _corrected(by_number[number], face)
    return tuple(by_number[one.number] for one in tracks)


def _corrected(track: Track, face: FaceCorrections) -> Track:
    boxes = _boxes(face)
    curves = (*face.head, *face.landmarks, *face.boxes)
    frames: dict[int, Followed] = {}
    for frame, one in track.frames.items():
        touching = [curve for curve in curves if covers(curve.frames, frame, curve.hold)]
        if not touching:
            frames[frame] = one
            continue
        head, landmarks, box = one.head, one.landmarks.astype(np.float64), one.box.astype(np.float64)
        for posed in face.head:
            if posed in touching:
                new = _posed(head, posed, frame)
                landmarks = _carried(landmarks, track.shape, head, new)
                box = np.tile(new.offset, 2) + (new.scale / head.scale) * (box - np.tile(head.offset, 2))
                head = new
        posed_only = landmarks.copy()
        for moved in face.landmarks:
            if moved in touching:
                at = list(indices(moved.points))
                if moved.keys[0].at is not None:
                    places = np.array([key.at for key in moved.keys])
                    landmarks[at] = value_at(moved.frames, places, frame, moved.interpolation)
                else:
                    offsets = np.array([key.move for key in moved.keys])
                    landmarks[at] += value_at(moved.frames, offsets, frame, moved.interpolation)
        distance = min(abs(frame - key) for curve in touching for key in curve.frames)
        frames[frame] = replace(
            one,
            head=head,
            landmarks=landmarks.astype(np.float32),
            box=np.asarray(boxes.get(frame, box), np.float32),
            confidence=max(one.confidence, 1 - distance / REACH),
            origin="given",
            **reopened(one, head, track.shape, posed_only, landmarks),
        )
    return Track(track.number, frames, track.shape)


def _posed(head: Head, curve: HeadCurve, frame: int) -> Head:
    """``head`` as ``curve`` wants it on ``frame``."""
    keys, frames, way, first = curve.keys, curve.frames, curve.interpolation, curve.keys[0]
    rotation, offset, scale = head.rotation, np.asarray(head.offset, np.float64), head.scale
    if first.pose is not None:
        rotation = rotation_at(frames, np.stack([rotation_of(*key.pose) for key in keys if key.pose]), frame, way)
    if first.turn is not None:
        turn = value_at(frames, np.array([key.turn for key in keys]), frame, way)
        yaw, pitch, roll = (angle + float(more) for angle, more in zip(head.angles, turn, strict=True))
        rotation = rotation_of(yaw, pitch, roll)
    if first.at is not None:
        offset = value_at(frames, np.array([key.at for key in keys]), frame, way)
    if first.move is not None:
        offset = offset + value_at(frames, np.array([key.move for key in keys]), frame, way)
    if first.size is not None:
        scale = float(value_at(frames, np.array([key.size for key in keys]), frame, way))
    if first.grow is not None:
        scale *= float(value_at(frames, np.array([key.grow for key in keys]), frame, way))
    return replace(head, rotation=rotation, offset=offset, scale=scale)


def _carried(landmarks: NDArray[np.float64], shape: NDArray[np.float64], old: Head, new: Head) -> NDArray[np.float64]:
    """``landmarks`` (68, 2) taken along from the ``old`` to the ``new`` head.

    The person's rigid ``shape`` is projected anew; what the landmarks have beyond it, the expression, is turned in the
    picture and scaled with the head.
    """
    angle = np.radians(new.roll - old.roll)
    turn = new.scale / old.scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    carried: NDArray[np.float64] = new.project(shape) + (landmarks - old.project(shape)) @ turn.T
    return carried


def _boxes(face: FaceCorrections) -> dict[int, NDArray[np.float64]]:
    """The boxes that the artist sets, by frame; later curves win."""
    return {
        frame: value_at(curve.frames, np.array([key.box for key in curve.keys]), frame, curve.interpolation)
        for curve in face.boxes
        for frame in range(curve.frames[0], curve.frames[-1] + 1)
    }


def _resolved(who: Who, spots: Sequence[_Spot]) -> int:
    """The number of the track that ``who`` names among ``spots``: for a point, of the smallest box around it."""
    if who.point is None:
        if any(spot.track == who.track for spot in spots) and who.track is not None:
            return who.track
        there = ", ".join(map(str, sorted({spot.track for spot in spots}))) or "none"
        raise UsageError(f"The corrections name track {who.track}, which there is not.", f"Tracks: {there}.")
    around = _around(who.point, spots)
    if not around:
        raise UsageError(
            f"The corrections name {said(who)}, but nobody was found there.",
            "Place the point inside a face's box, or give the face a box on that frame.",
        )
    return min(around, key=lambda spot: float(np.prod(spot.box[2:] - spot.box[:2]))).track


def _is_new(face: FaceCorrections, spots: Sequence[_Spot], boxes: Mapping[int, NDArray[np.float64]]) -> bool:
    """Whether the artist's ``boxes`` show a person that nobody detected at the point that names the face."""
    if face.point is None or _around(face.point, spots):
        return False
    return face.point[0] in boxes and bool(_around(face.point, [_Spot(face.point[0], -1, boxes[face.point[0]])]))


def _around(point: tuple[int, float, float], spots: Sequence[_Spot]) -> list[_Spot]:
    frame, x, y = point
    return [
        spot
        for spot in spots
        if spot.frame == frame and spot.box[0] <= x <= spot.box[2] and spot.box[1] <= y <= spot.box[3]
    ]


def _corners(box: NDArray[np.float64]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = map(float, box)
    return x0, y0, x1, y1


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
