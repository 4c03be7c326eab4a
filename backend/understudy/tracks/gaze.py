"""Where a person looks, against the head: how far the irises are from the middle between the eyes' corners."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import Head
from understudy.imaging.affine import FloatArray
from understudy.tracks.observation import Observed
from understudy.tracks.openings import MESH, Opened, filled, usual_of

_IRISES = ((468, 33, 133), (473, 362, 263))  # the mesh's iris centre and the eye's corners: the person's right, left
_CORNERS = ((36, 39), (42, 45))  # the same corners in iBUG order
_SHUT = 0.5  # of the usual opening: below, there is no iris to be seen
_PLAIN, _LOST = 40.0, 50.0  # degrees of yaw up to which an iris is seen in its eye, and from where on it is not
_STRETCH = 0.05  # keeps what is foreshortened from being blown up

IRIS_DEPTH = 0.12
"""How far the iris lies before the line between the eye's corners, in eye widths: on a turned head it seems to look the way
that the head turns. As fits best on rendered people whose gaze is known."""


def measured_gaze(head: Head, dense: FloatArray, shape: FloatArray) -> NDArray[np.float64]:
    """(2, 2): of the right and the left eye, how far the iris is to image right and down, in widths of the eye.

    Measured across the head, as it would look from the front: without what the iris's place before the corners adds on
    a turned head. ``dense`` (478, 2) plate pixels; ``shape`` (68, 3) the head at rest. A turn of an eyeball by 0.1
    radians moves the iris by about 0.04 widths.
    """
    view = np.asarray(head.rotation, np.float64)[:2, :2]
    across = view @ np.linalg.inv(view.T @ view + _STRETCH * np.eye(2)) * (1 + _STRETCH)
    moved = []
    for (iris, first, last), (a, b) in zip(_IRISES, _CORNERS, strict=True):
        middle, width = (shape[a] + shape[b]) / 2, float(np.linalg.norm(shape[a] - shape[b]))
        ahead, corners = head.project(np.array([middle - (0, 0, IRIS_DEPTH * width), middle]))
        off = np.asarray(dense[iris], np.float64) - (np.asarray(dense[first], np.float64) + dense[last]) / 2
        moved.append((off - (ahead - corners)) @ across / (width * head.scale_at(middle)))
    return np.array(moved)


def gazes(
    observed: Sequence[Observed],
    heads: Sequence[Head],
    shape: FloatArray,
    opening: FloatArray,
    trust: FloatArray,
) -> NDArray[np.float64] | None:
    """(N, 2) a track's gaze, right and down, from both eyes as far as each is seen; None where no irises were marked.

    ``opening`` and ``trust`` (N, 2) are the eyes'. Where neither iris is seen the gaze comes to rest.
    """
    count = len(heads)
    moved, sure = np.zeros((count, 2, 2)), np.zeros((count, 2))
    yaw = np.array([head.angles[0] for head in heads])
    usual = np.maximum(np.nan_to_num(usual_of(opening, trust, yaw)), 1e-3)
    for time, (one, head) in enumerate(zip(observed, heads, strict=True)):
        if one.dense is not None and len(one.dense) == MESH:
            moved[time] = measured_gaze(head, one.dense, shape)
            facing = np.clip((_LOST - abs(yaw[time])) / (_LOST - _PLAIN), 0, 1)
            sure[time] = facing * trust[time] * np.clip((opening[time] / usual - _SHUT) / 0.2, 0, 1)
    if not sure.any():
        return None
    # An eye's iris lies off its middle by habit: taken off each, so that it does not matter which eye is seen.
    habit = np.array([_middle(moved[:, eye], sure[:, eye], yaw) for eye in (0, 1)])
    share = sure / np.maximum(sure.sum(1, keepdims=True), 1e-6)
    seen = np.einsum("ne,nex->nx", share, moved - habit) + habit.mean(0)
    best = sure.max(1)
    rest = filled(seen, best, habit.mean(0))
    return np.asarray(best[:, None] * seen + (1 - best[:, None]) * rest)


def usual_gaze(faces: Sequence[Opened]) -> NDArray[np.float64] | None:
    """(2,) where the person's gaze usually rests, right and down; None where no face has the channel."""
    told = [face for face in faces if face.gaze is not None]
    if not told:
        return None
    trust = [face.confidence if face.eye_trust is None else float(np.max(face.eye_trust)) for face in told]
    yaw = np.array([face.head.angles[0] for face in told])
    return _middle(np.array([face.gaze for face in told], np.float64), np.array(trust), yaw)


def _middle(values: FloatArray, trust: FloatArray, yaw: FloatArray) -> NDArray[np.float64]:
    """(2,) medians of (N, 2) values over trusted frames that face the camera; straight ahead where there are none."""
    return np.nan_to_num(usual_of(values, np.repeat(np.asarray(trust)[:, None], 2, axis=1), yaw))
