"""A track solved over its whole length: where the head is on every frame, and how far to trust that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from understudy.errors import NoFaceError
from understudy.face.geometry import HEAD_68, RIGID, Camera, Head, fit_head
from understudy.face.keypoints import keypoint_head
from understudy.tracks.bundle import Points, adjusted, joined, keypoint_points, landmark_points
from understudy.tracks.expression import expressions, own_shape
from understudy.tracks.flow import follow
from understudy.tracks.gaze import gazes
from understudy.tracks.observation import Observed
from understudy.tracks.openings import eye_openings, mouth_openings
from understudy.tracks.smooth import smoothed_heads
from understudy.tracks.track import Followed, Origin, Track

_POOR_FIT = 0.06  # landmarks that are farther than this from any head are somebody else's hand
_SURE_YAW, _BLIND_YAW = 55.0, 85.0  # degrees: farther round, landmarkers of still pictures show a front face
_CALM = 0.7  # frames over which expressions are steadied


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What is known of each frame of a track."""

    seen: list[NDArray[np.float32] | None]  # landmarks that are believed
    trust: NDArray[np.float64]  # (N,) in them, 0..1
    keypoints: list[NDArray[np.float32] | None]


def solve(
    number: int, observed: Sequence[Observed], mean: NDArray[np.float64], camera: Camera | None, smoothing: float
) -> Track | None:
    """The track of one face from what was ``observed`` on consecutive frames, in ascending order.

    ``mean`` is the (68, 3) mean head as the landmarker sees it (:func:`face.conventions.mean_head`); ``smoothing`` the
    strength in frames, 0 for none. None when nothing tells where the head is on any frame.
    """
    evidence, start = _start(observed, mean, camera)
    if start is None:
        return None
    heads, own = start, np.zeros((68, 3))
    for _ in range(2):
        heads, _ = adjusted(heads, _known(heads, evidence, mean + own), None)
        own = own_shape(heads, evidence.seen, evidence.trust, mean)
    support = np.zeros(len(heads))
    for _ in range(2):  # from better heads, points are followed farther
        heads, support = adjusted(heads, _known(heads, evidence, mean + own), follow(observed, heads))
        own = own_shape(heads, evidence.seen, evidence.trust, mean)
    expression = expressions(heads, evidence.seen, evidence.trust, mean + own, _CALM)
    shape = HEAD_68 + own
    refined = [_shown(head, shape, moved) for head, moved in zip(heads, expression, strict=True)]
    final = smoothed_heads(heads, _weights(evidence, support), smoothing)
    calm = expressions(heads, evidence.seen, evidence.trust, mean + own, max(smoothing, _CALM))
    confidence = _confidences(observed, evidence, heads, support, mean + own)
    boxes = _boxes(observed, final)
    channels = _channels(observed, heads, evidence.trust, shape)
    frames = {
        one.frame: Followed(
            frame=one.frame,
            box=boxes[time],
            head=replace(final[time], error=_error(final[time], evidence.seen[time], mean + own)),
            landmarks=_shown(final[time], shape, calm[time]).astype(np.float32),
            refined=refined[time].astype(np.float32),
            raw=one.landmarks,
            confidence=float(confidence[time]),
            origin=_origin(one, evidence.trust[time]),
            **channels[time],
        )
        for time, one in enumerate(observed)
    }
    return Track(number, frames, shape)


def _start(
    observed: Sequence[Observed], mean: NDArray[np.float64], camera: Camera | None
) -> tuple[_Evidence, list[Head] | None]:
    """What is to be believed of each frame, and a first pose for all: from itself or from its neighbours in time."""
    heads: dict[int, Head] = {}
    seen: list[NDArray[np.float32] | None] = []
    trust = np.zeros(len(observed))
    for time, one in enumerate(observed):
        rough = None if one.keypoints is None else keypoint_head(one.keypoints)
        if rough is not None:
            heads[time] = rough
        fitted = _fitted(one, mean)
        if fitted is None or fitted.error > _POOR_FIT:
            seen.append(None)
            continue
        yaw = abs(fitted.angles[0])
        trust[time] = one.trust * np.clip((_BLIND_YAW - yaw) / (_BLIND_YAW - _SURE_YAW), 0.02, 1)
        seen.append(one.landmarks)
        if trust[time] > 0.3 or rough is None:
            heads[time] = fitted
    evidence = _Evidence(seen, trust, [one.keypoints for one in observed])
    if not heads:
        return evidence, None
    return evidence, [replace(head, camera=camera) for head in _bridged(heads, len(observed))]


def _fitted(one: Observed, mean: NDArray[np.float64]) -> Head | None:
    if one.landmarks is None or one.trust <= 0:
        return None
    try:
        return fit_head(one.landmarks, mean)
    except NoFaceError:
        return None


def _bridged(heads: dict[int, Head], count: int) -> list[Head]:
    """A head for each of ``count`` frames; between known ones in proportion, beyond the ends as there."""
    known = sorted(heads)
    turns = Rotation.from_matrix(np.array([heads[time].rotation for time in known]))
    times = np.clip(np.arange(count), known[0], known[-1])
    rotation = Slerp(known, turns)(times).as_matrix() if len(known) > 1 else np.repeat(turns.as_matrix(), count, axis=0)
    scale = np.exp(np.interp(times, known, np.log([heads[time].scale for time in known])))
    offsets = np.array([heads[time].offset for time in known])
    offset = np.column_stack([np.interp(times, known, offsets[:, axis]) for axis in (0, 1)])
    return [Head(float(scale[time]), rotation[time], offset[time], 0.0) for time in range(count)]


def _known(heads: Sequence[Head], evidence: _Evidence, shape: NDArray[np.float64]) -> Points:
    times = [time for time, one in enumerate(evidence.seen) if one is not None]
    points = [one for one in evidence.seen if one is not None]
    keypoints = keypoint_points(heads, evidence.keypoints)
    if not times:
        return keypoints
    weights = [RIGID * evidence.trust[time] for time in times]
    return joined(landmark_points(shape, points, times, weights), keypoints)


def _weights(evidence: _Evidence, support: NDArray[np.float64]) -> NDArray[np.float64]:
    """How firmly each frame's own pose holds against smoothing."""
    held = np.array([0.0 if one is None else 0.2 for one in evidence.keypoints])
    weights: NDArray[np.float64] = np.clip(evidence.trust + held + support / 40, 0.02, 1)
    return weights


def _confidences(
    observed: Sequence[Observed],
    evidence: _Evidence,
    heads: Sequence[Head],
    support: NDArray[np.float64],
    shape: NDArray[np.float64],
) -> NDArray[np.float64]:
    """0..1: high where trusted landmarks and the solved head agree, lower on what rests on keypoints or neighbours."""
    confidence = np.zeros(len(observed))
    for time, one in enumerate(observed):
        base = 0.15 + 0.25 * float(one.found) + 0.15 * min(1.0, support[time] / 40)
        trusted = 0.0
        if evidence.seen[time] is not None:
            trusted = evidence.trust[time] / (1 + (_error(heads[time], evidence.seen[time], shape) / 0.08) ** 2)
        confidence[time] = min(1.0, base + (1 - base) * trusted) if one.found or not one.given else base
    return confidence


def _error(head: Head, seen: NDArray[np.float32] | None, shape: NDArray[np.float64]) -> float:
    """Weighted RMS distance of rigid landmarks from the head, mean-face units; 0 where there are none."""
    if seen is None:
        return 0.0
    distance = np.linalg.norm(head.project(shape) - seen, axis=1) / head.scale
    return float(np.sqrt((RIGID * distance**2).sum() / RIGID.sum()))


def _channels(
    observed: Sequence[Observed], heads: Sequence[Head], trust: NDArray[np.float64], shape: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """By frame, what Followed tells of eyes and mouth."""
    eyes, sure = eye_openings(observed, heads, trust, shape)
    mouth = mouth_openings(observed, heads, trust, shape)
    gaze = gazes(observed, heads, shape, eyes, sure)
    return [
        {
            "eye_opening": eyes[time].astype(np.float32),
            "eye_trust": sure[time].astype(np.float32),
            "gaze": None if gaze is None else gaze[time].astype(np.float32),
            "mouth_opening": float(np.float32(mouth[time])),
        }
        for time in range(len(heads))
    ]


def _origin(one: Observed, trust: float) -> Origin:
    if one.given:
        return "given"
    if not one.found:
        return "bridged"
    return "seen" if one.landmarks is not None and trust > 0 else "followed"


def _boxes(observed: Sequence[Observed], heads: Sequence[Head]) -> list[NDArray[np.float32]]:
    """Boxes as detected; where nobody was, the track's usual box around its head."""
    usual = np.median(
        [
            (one.box - np.tile(head.offset, 2)) / head.scale
            for one, head in zip(observed, heads, strict=True)
            if one.found or one.given
        ],
        axis=0,
    )
    return [
        np.asarray(one.box if one.found or one.given else np.tile(head.offset, 2) + head.scale * usual, np.float32)
        for one, head in zip(observed, heads, strict=True)
    ]


def _shown(head: Head, shape: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.float64]:
    """(68, 2) plate points of the ``shape`` (68, 3), its points ``moved`` (68, 2) across the face."""
    return np.asarray(head.project(shape + np.column_stack([moved, np.zeros(68)])), np.float64)
