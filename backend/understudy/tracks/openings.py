"""How far a person's eyes and mouth are open, frame by frame, as the landmarker's own points tell it.

A track's solved landmarks are steadied over time, which half opens an eye that blinks for two frames. The openings are
channels of their own: what is well seen is kept as it was measured, and only what is not seen is filled.

An eye's opening is its eye aspect (Soukupova and Cech 2016): the gap between the lids over the eye's width. Both are taken
on the head, not in the picture: the gap along the head's upright, the width from the person's head at rest. So a turned
eye, which looks narrow, is not taken for one that is wide open. The mouth's is the gap of the inner lips over the width
between their corners at rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import Head
from understudy.imaging.affine import FloatArray, apply
from understudy.tracks.observation import Observed, look_matrix

FRONTAL = 25.0
"""Degrees of yaw up to which a face shows both eyes alike: what is usual with a person is measured there."""

MESH = 478
"""Points of the landmarker's mesh that has rings around the lids, and irises."""

_LIDS = (((37, 41), (38, 40)), ((43, 47), (44, 46)))  # iBUG, upper and lower; the person's right eye, then the left
_CORNERS = ((36, 39), (42, 45))
_MESH_LIDS = (((160, 144), (159, 145), (158, 153)), ((385, 380), (386, 374), (387, 373)))  # middle of the 16-point ring
_LIPS, _LIP_CORNERS = ((61, 67), (62, 66), (63, 65)), (60, 64)
_TOWARDS = np.array([1.0, -1.0])  # sign of the yaw that turns the right eye, and the left one, towards the camera
_HIDING, _HIDDEN = 25.0, 45.0  # degrees: the far eye begins to hide behind the nose, and is hidden
_FLAT, _GONE = 50.0, 65.0  # degrees: the near eye's lids begin to melt into the outline, and have done so
_EYES = (slice(36, 42), slice(42, 48))
_DARK, _LIT = 0.3, 0.6  # brightness against the other eye: from where on lids are seen, and seen well
_ANYBODY = 0.3  # eye aspect of an open eye
_SEEN = 0.5  # trust from which a frame speaks for its neighbours
_FORGOTTEN = 3.0  # frames after which half of what was last seen is still believed


class Opened(Protocol):
    """A face on a frame with its channels, as Followed and faceset.record.Face are."""

    @property
    def head(self) -> Head: ...
    @property
    def confidence(self) -> float: ...
    @property
    def raw(self) -> NDArray[np.float32] | None: ...
    @property
    def eye_opening(self) -> NDArray[np.float32] | None: ...
    @property
    def eye_trust(self) -> NDArray[np.float32] | None: ...
    @property
    def gaze(self) -> NDArray[np.float32] | None: ...
    @property
    def mouth_opening(self) -> float | None: ...


def measured_eyes(
    head: Head, points: FloatArray, shape: FloatArray, dense: FloatArray | None = None
) -> NDArray[np.float64]:
    """(2,) openings of the person's right and left eye: gap over width, 0 and more.

    ``points`` (68, 2) and ``dense`` (478, 2), whose lids are finer, are in plate pixels; ``shape`` (68, 3) is the head at
    rest.
    """
    seen, lids = (points, _LIDS) if dense is None or len(dense) != MESH else (dense, _MESH_LIDS)
    middles = [shape[list(pair)].mean(0) for pair in _CORNERS]
    widths = [np.linalg.norm(shape[a] - shape[b]) for a, b in _CORNERS]
    gaps = [_gap(head, seen, pairs, middle) for pairs, middle in zip(lids, middles, strict=True)]
    return np.array(gaps) / np.array(widths)


def measured_mouth(head: Head, points: FloatArray, shape: FloatArray) -> float:
    """The opening of the mouth: gap of the inner lips over their width at rest; arguments as :func:`measured_eyes`."""
    left, right = (shape[corner] for corner in _LIP_CORNERS)
    return _gap(head, points, _LIPS, (left + right) / 2) / float(np.linalg.norm(left - right))


def eye_trusts(yaw: float, trust: float) -> NDArray[np.float64]:
    """(2,) 0..1, how far to believe what landmarks that are trusted so much say of each eye at ``yaw`` degrees."""
    near = yaw * _TOWARDS
    seen = np.clip((_HIDDEN + near) / (_HIDDEN - _HIDING), 0, 1) * np.clip((_GONE - near) / (_GONE - _FLAT), 0, 1)
    return np.asarray(seen * min(1.0, 2.0 * trust), np.float64)


def lit(one: Observed) -> NDArray[np.float64]:
    """(2,) 0..1: little for an eye that lies in the dark beside a bright one, where a landmarker draws lids by habit.

    Only how bright the two are against each other counts, so that neither skin nor exposure does.
    """
    if one.look is None or one.landmarks is None:
        return np.ones(2)
    points = apply(look_matrix(one.box), one.landmarks)
    light = np.array([_brightness(one.look, points[eye]) for eye in _EYES])
    return np.asarray(np.clip((light / max(light.max(), 1.0) - _DARK) / (_LIT - _DARK), 0, 1))


def eye_openings(
    observed: Sequence[Observed], heads: Sequence[Head], trust: FloatArray, shape: FloatArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The openings (N, 2) of a track's right and left eye on N frames, and the trust (N, 2) in each.

    An eye that is turned away opens as the other does, in its own measure; where neither is seen, both come to rest from
    what was last seen. ``trust`` (N,) is in the landmarks.
    """
    raw, own = np.zeros((len(heads), 2)), np.zeros((len(heads), 2))
    for time, (one, head) in enumerate(zip(observed, heads, strict=True)):
        if one.landmarks is not None:
            raw[time] = measured_eyes(head, one.landmarks, shape, one.dense)
            own[time] = eye_trusts(head.angles[0], trust[time]) * lit(one)
    usual = _both(usual_of(raw, own, np.array([head.angles[0] for head in heads])))
    share = raw / usual  # of what is usual with the eye: so the eyes can stand in for each other
    other = own[:, ::-1] * (1 - own)
    seen = (own * share + other * share[:, ::-1]) / np.maximum(own + other, 1e-6)
    best = own.max(axis=1)
    rest = filled(seen, best, np.ones(2))
    known = np.minimum(own + other, 1)
    return (known * seen + (1 - known) * rest) * usual, own


def mouth_openings(
    observed: Sequence[Observed], heads: Sequence[Head], trust: FloatArray, shape: FloatArray
) -> NDArray[np.float64]:
    """(N,) openings of a track's mouth; where landmarks are not trusted it comes to rest from what was last seen."""
    raw = np.zeros((len(heads), 1))
    believed = np.zeros(len(heads))
    for time, (one, head) in enumerate(zip(observed, heads, strict=True)):
        if one.landmarks is not None:
            raw[time] = measured_mouth(head, one.landmarks, shape)
            believed[time] = min(1.0, 2.0 * trust[time])
    usual = np.nan_to_num(usual_of(raw, believed[:, None], np.array([head.angles[0] for head in heads])))
    rest = filled(raw, believed, usual)
    return np.asarray(believed * raw[:, 0] + (1 - believed) * rest[:, 0])


def reopened(face: Opened, head: Head, shape: FloatArray, before: FloatArray, after: FloatArray) -> dict[str, Any]:
    """The channels of ``face``, by name, once somebody moved its landmarks (68, 2) from ``before`` to ``after``.

    An eye or mouth that was drawn more open or shut is so by as much, and what was drawn is trusted. ``head`` and
    ``shape`` (68, 3) are the face's; what has no channel gets none.
    """
    changed: dict[str, Any] = {}
    eyes = measured_eyes(head, after, shape) - measured_eyes(head, before, shape)
    if face.eye_opening is not None and eyes.any():
        changed["eye_opening"] = np.maximum(face.eye_opening + eyes, 0).astype(np.float32)
        if face.eye_trust is not None:
            changed["eye_trust"] = np.where(eyes != 0, 1, face.eye_trust).astype(np.float32)
    mouth = measured_mouth(head, after, shape) - measured_mouth(head, before, shape)
    if face.mouth_opening is not None and mouth:
        changed["mouth_opening"] = float(np.float32(max(face.mouth_opening + mouth, 0.0)))
    return changed


def filled(values: FloatArray, trust: FloatArray, usual: FloatArray) -> NDArray[np.float64]:
    """(N, D) ``values`` where their ``trust`` (N,) is high; elsewhere from the nearest such frames, and at last ``usual``.

    Between two trusted frames the way is straight, but the farther they are the less is believed of them: a person who
    turns away while blinking does not keep the eyes shut.
    """
    known = np.flatnonzero(trust >= _SEEN)
    if not len(known):
        return np.broadcast_to(np.asarray(usual, np.float64), np.shape(values)).copy()
    times = np.arange(len(values))
    straight = np.column_stack([np.interp(times, known, column[known]) for column in np.asarray(values).T])
    away = np.abs(times[:, None] - known).min(axis=1)
    belief = 0.5 ** (np.maximum(away - 1, 0) / _FORGOTTEN)
    return np.asarray(belief[:, None] * straight + (1 - belief[:, None]) * usual)


def usual_of(values: FloatArray, trust: FloatArray, yaw: FloatArray) -> NDArray[np.float64]:
    """(D,) the medians of (N, D) ``values`` over trusted frames that face the camera, (N, D) ``trust``; else over all.

    NaN where no frame is trusted at all.
    """
    usual = np.full(np.shape(values)[1], np.nan)
    for column, (own, sure) in enumerate(zip(np.asarray(values).T, np.asarray(trust).T, strict=True)):
        for enough in ((sure >= _SEEN) & (np.abs(yaw) < FRONTAL), sure >= _SEEN, sure > 0):
            if enough.any():
                usual[column] = np.median(own[enough])
                break
    return usual


def usual_eyes(faces: Sequence[Opened]) -> NDArray[np.float64] | None:
    """(2,) how far the person's right and left eye are usually open: the median over ``faces`` that face the camera.

    Above 0, so that one can divide by it; an eye that was never seen is like the other, and both like anybody's.
        None where no face has the channel.
    """
    told = [face for face in faces if face.eye_opening is not None]
    if not told:
        return None
    trust: list[Any] = [np.ones(2) if face.eye_trust is None else face.eye_trust for face in told]
    yaw = np.array([face.head.angles[0] for face in told])
    return _both(usual_of(np.array([face.eye_opening for face in told], np.float64), np.array(trust), yaw))


def usual_mouth(faces: Sequence[Opened]) -> float | None:
    """How far the person's mouth is usually open, as :func:`usual_eyes`."""
    told = [face for face in faces if face.mouth_opening is not None]
    if not told:
        return None
    yaw = np.array([face.head.angles[0] for face in told])
    values = np.array([[face.mouth_opening] for face in told], np.float64)
    return float(np.nan_to_num(usual_of(values, np.array([[face.confidence] for face in told]), yaw))[0])


def _both(usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2,) without NaN and above 0."""
    known = usual[np.isfinite(usual)]
    return np.maximum(np.where(np.isfinite(usual), usual, known.mean() if len(known) else _ANYBODY), 1e-3)


def _brightness(look: NDArray[np.uint8], eye: NDArray[np.float64]) -> float:
    """Mean luma in the square around an eye (6, 2); 0 beyond the picture's edge."""
    centre, half = eye.mean(0), float(np.linalg.norm(eye[0] - eye[3])) / 2
    x0, y0, x1, y1 = np.clip([*(centre - half), *(centre + half)], 0, look.shape[0]).round().astype(int)
    return float(look[y0:y1, x0:x1].mean()) if y1 > y0 and x1 > x0 else 0.0


def _gap(head: Head, seen: FloatArray, pairs: Sequence[tuple[int, int]], at: FloatArray) -> float:
    """How far lower points lie below upper ones along the head's upright, mean-face units; ``at`` is where on the head."""
    down = np.asarray(head.rotation, np.float64)[:2, 1]
    apart = np.mean([np.asarray(seen[low], np.float64) - seen[high] for high, low in pairs], axis=0)
    return max(0.0, float(apart @ down) / float(down @ down) / head.scale_at(at))
