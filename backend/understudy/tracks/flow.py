"""Points of skin followed from the best frames through their neighbours: the pixel-accurate part of a track.

Every frame is looked at through a square that moves with the head, so that what is left to find is small. Points are
taken on some frames, the keys, and looked for with the key's own pixels on every frame near it (never from frame to
frame, which would drift), by pyramidal Lucas-Kanade there and back again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.exposure import evenly_exposed
from understudy.face.geometry import HEAD_68, Head
from understudy.imaging.affine import FloatArray, apply, invert
from understudy.tracks.observation import Observed, look_matrix
from understudy.tracks.surface import lift

_SIDE, _FIELD = 256, 2.9  # the moving square: pixels, mean-face units
_MIDDLE = np.array([[0.0, 0.0, 0.45]])  # the head point that it moves with
_REACH, _TURN = 30, 28.0  # frames, and degrees of turn, over which a point is looked for
_SPACING, _TURN_SPACING = 8, 8.0  # frames, and degrees of turn, between keys
_POINTS = 120  # at most, of a key
_RETURN = 0.4  # pixels by which the way back may miss
_SHADE = 20.0  # pixels of the square: light and shade as broad as that is taken out
_UNLIKE = 15.0  # mean difference of code values beyond which a match is none
_EYES = (range(36, 42), range(42, 48))

_LK = {
    "winSize": (17, 17),
    "maxLevel": 3,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.005),
    "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
}


@dataclass(frozen=True, eq=False)
class Features:
    """F points of a head, seen M times. Times are indices of a track's frames."""

    places: NDArray[np.float64]  # (F, 3) first guess in head coordinates
    rays: NDArray[np.float64]  # (F, 3) line of sight on the key: along it the place is uncertain
    point: NDArray[np.int64]  # (M,) which point
    time: NDArray[np.int64]  # (M,) when
    seen: NDArray[np.float64]  # (M, 2) where, plate pixels


def follow(observed: Sequence[Observed], heads: Sequence[Head]) -> Features:
    """Follow points of the rigid head through a track whose ``heads`` are roughly known."""
    count = len(observed)
    squares = [_square(head) for head in heads]
    views = [
        None if one.look is None else _view(one.look, one.box, to) for one, to in zip(observed, squares, strict=True)
    ]
    places, rays = [np.zeros((0, 3))], [np.zeros((0, 3))]
    point, time, seen = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, 2))]
    total = 0
    for key in _keys(observed, heads):
        view = views[key]
        if view is None:
            continue
        mask = _rigid(heads[key], squares[key])
        corners: Any = cv2.goodFeaturesToTrack(view, _POINTS, 0.005, 5, mask=mask, blockSize=5)  # may be None
        if corners is None:
            continue
        spots = corners[:, 0]
        where = apply(invert(squares[key]), spots + 0.5)
        place, ray, hit = lift(heads[key], where)
        spots, where, place, ray = spots[hit], where[hit], place[hit], ray[hit]
        found = [(np.arange(len(spots)), key, where)]
        for step in (1, -1):
            alive, slip = np.arange(len(spots)), np.zeros((len(spots), 2), np.float32)
            t = key + step
            while 0 <= t < count and abs(t - key) <= _REACH and _apart(heads[key], heads[t]) < _TURN and len(alive):
                target = views[t]
                if target is not None:
                    expected = apply(squares[t], heads[t].project(place[alive])) - 0.5
                    guess = expected.astype(np.float32) + slip[alive]
                    there, good = _matched(view, target, spots[alive], guess)
                    slip[alive] += there - guess
                    alive = alive[good]
                    found.append((alive, t, apply(invert(squares[t]), there[good] + 0.5)))
                t += step
        often = np.bincount(np.concatenate([who for who, _, _ in found]), minlength=len(spots)) >= 3
        number = np.where(often, total + np.cumsum(often) - 1, -1)
        for who, t, at in found:
            kept = often[who]
            point.append(number[who[kept]])
            time.append(np.full(int(kept.sum()), t))
            seen.append(at[kept])
        places.append(place[often])
        rays.append(ray[often])
        total += int(often.sum())
    return Features(
        np.concatenate(places), np.concatenate(rays), np.concatenate(point), np.concatenate(time), np.concatenate(seen)
    )


def _matched(
    view: NDArray[np.uint8], target: NDArray[np.uint8], spots: NDArray[np.float32], guess: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where ``spots`` of ``view`` are in ``target``, and whether to believe it."""
    there, ahead, unlike = cv2.calcOpticalFlowPyrLK(view, target, spots, guess.copy(), **_LK)  # type: ignore[call-overload]
    back, behind, _ = cv2.calcOpticalFlowPyrLK(target, view, there, spots.copy(), **_LK)  # type: ignore[call-overload]
    good = (ahead[:, 0] > 0) & (behind[:, 0] > 0) & (unlike[:, 0] < _UNLIKE)
    good &= np.linalg.norm(back - spots, axis=1) < _RETURN
    good &= ((there > 4) & (there < _SIDE - 5)).all(axis=1)
    return there, good


def _keys(observed: Sequence[Observed], heads: Sequence[Head]) -> list[int]:
    keys: list[int] = []
    for time, one in enumerate(observed):
        if one.look is None or not one.found:
            continue
        if not keys or time - keys[-1] >= _SPACING or _apart(heads[keys[-1]], heads[time]) > _TURN_SPACING:
            keys.append(time)
    return keys


def _apart(head: Head, other: Head) -> float:
    """Degrees of turn between two heads."""
    cosine = (float(np.sum(head.rotation * other.rotation)) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _square(head: Head) -> NDArray[np.float64]:
    """(2, 3): plate pixels -> pixels of the square that moves with the head."""
    scale, angle = _SIDE / (_FIELD * head.scale), np.radians(-head.roll)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, _SIDE / 2 - turn @ head.project(_MIDDLE)[0]])


def _view(look: NDArray[np.uint8], box: FloatArray, to_view: FloatArray) -> NDArray[np.uint8]:
    back = invert(look_matrix(box))
    matrix = np.column_stack([to_view[:, :2] @ back[:, :2], to_view[:, :2] @ back[:, 2] + to_view[:, 2]])
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # pixel centres at +0.5 become OpenCV's at whole numbers
    size = (_SIDE, _SIDE)
    seen = cv2.warpAffine(look, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    # Shade stays where the light is while the skin turns through it: it must not be followed.
    return evenly_exposed(np.asarray(seen, np.uint8), _SHADE)


def _rigid(head: Head, square: FloatArray) -> NDArray[np.uint8]:
    """Where the head does not move in itself: no mouth, no chin, no eyes, no neck; (_SIDE, _SIDE), 0 or 255."""
    y, x = np.mgrid[0:_SIDE:4, 0:_SIDE:4] + 2.0
    place, _, hit = lift(head, apply(invert(square), np.column_stack([x.ravel(), y.ravel()])))
    speaking = (place[:, 1] > 0.17) & (place[:, 2] < 0.45)
    coarse = hit & (place[:, 1] > -0.95) & (place[:, 1] < 0.42) & ~speaking
    mask = cv2.resize(coarse.reshape(x.shape).astype(np.uint8) * 255, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)
    points = apply(square, head.project(HEAD_68))
    for eye in _EYES:
        outline = points[list(eye)]
        grown = outline.mean(0) + 1.25 * (outline - outline.mean(0))
        cv2.fillConvexPoly(mask, cv2.convexHull(grown.astype(np.float32)).astype(np.int32), (0,))
    return np.asarray(mask, np.uint8)
