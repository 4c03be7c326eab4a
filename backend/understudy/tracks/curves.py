"""Keys over time: what a value is between the frames at which somebody set it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

Interpolation = Literal["linear", "smooth", "constant"]


def covers(frames: Sequence[int], frame: int, hold: bool) -> bool:
    """Whether keys at ``frames`` say something of ``frame``: from the first to the last key, or with ``hold`` always."""
    return hold or frames[0] <= frame <= frames[-1]


def value_at(
    frames: Sequence[int], values: NDArray[np.floating[Any]], frame: int, way: Interpolation
) -> NDArray[np.float64]:
    """The value at ``frame`` of keys at ascending ``frames`` (K,) with ``values`` (K, ...), of the shape of one value.

    ``linear`` runs straight from key to key, ``smooth`` is the monotone cubic of Fritsch and Carlson, which never
    overshoots a key, and ``constant`` keeps each value until the next key. The end keys' values hold outside.
    """
    keyed: NDArray[np.float64] = np.asarray(values, np.float64)
    frame = min(max(frame, frames[0]), frames[-1])
    after = min(int(np.searchsorted(frames, frame)), len(frames) - 1)
    if frames[after] == frame:
        return np.asarray(keyed[after])
    if way == "constant":
        return np.asarray(keyed[after - 1])
    if way == "smooth":
        smooth: NDArray[np.float64] = np.asarray(PchipInterpolator(frames, keyed, axis=0)(frame))
        return smooth
    part = _part(frames, after, frame)
    between: NDArray[np.float64] = (1 - part) * keyed[after - 1] + part * keyed[after]
    return between


def rotation_at(
    frames: Sequence[int], rotations: NDArray[np.floating[Any]], frame: int, way: Interpolation
) -> NDArray[np.float64]:
    """The rotation (3, 3) at ``frame`` of keys with ``rotations`` (K, 3, 3): between two keys along the shortest arc.

    ``smooth`` eases in and out of every key along the same arc.
    """
    frame = min(max(frame, frames[0]), frames[-1])
    after = min(int(np.searchsorted(frames, frame)), len(frames) - 1)
    if frames[after] == frame:
        return np.asarray(rotations[after], np.float64)
    if way == "constant":
        return np.asarray(rotations[after - 1], np.float64)
    part = _part(frames, after, frame)
    if way == "smooth":
        part = part * part * (3 - 2 * part)
    first, last = Rotation.from_matrix(rotations[after - 1]), Rotation.from_matrix(rotations[after])
    arc = (first.inv() * last).as_rotvec()
    turned: NDArray[np.float64] = (first * Rotation.from_rotvec(part * arc)).as_matrix()
    return turned


def rotation_of(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """The rotation (3, 3) of a head whose ``Head.angles`` are these degrees."""
    turn, nod, tilt = np.radians([yaw, pitch, roll])
    forward = np.array([np.sin(turn) * np.cos(nod), -np.sin(nod), -np.cos(turn) * np.cos(nod)])
    level = np.array([-np.cos(turn), 0.0, -np.sin(turn)])
    down = np.cos(tilt) * np.cross(forward, level) + np.sin(tilt) * level
    return np.stack([np.cross(down, -forward), down, -forward], axis=1)


def _part(frames: Sequence[int], after: int, frame: int) -> float:
    return (frame - frames[after - 1]) / (frames[after] - frames[after - 1])
