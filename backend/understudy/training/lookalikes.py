"""What one person would look like in the other's moment: the shapes that tie two people together.

Two people never perform the same frame, so a swap has no ground truth. But their landmarks can be compared once each
person's own shape is taken out. From that follow two things that make a shared encoder learn the swap quickly:

* shape exchange: a face bent towards the other person's shape, keeping its expression, teaches the encoder not to
  read identity from shape;
* look-alike pairs: for each target face the source faces nearest in pose and expression, bent onto the target's
  expression in the source's shape, are a stand-in for the swap itself.

All positions are crop pixels at one resolution; a field (n, n, 2) holds offsets in units of half the crop's side, the
units of ``grid_sample``, on a lattice that spans the crop from edge to edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

LATTICE = 17
"""Points along a side of a field: fine enough for a mouth corner, coarse enough to be smooth."""

POSE_REACH = np.array([10.0, 8.0])
"""Yaw and pitch in degrees over which faces count as seen from the same side."""

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Shapes:
    """The landmarks of one person's faces, and the same with their expression averaged out."""

    landmarks: FloatArray  # (N, 68, 2)
    angles: FloatArray  # (N, 2) yaw, pitch in degrees

    def rest(self, angles: FloatArray) -> FloatArray:
        """The person's resting shape seen from ``angles`` (M, 2): (M, 68, 2), a kernel mean over similar poses."""
        distance = ((angles[:, None] - self.angles[None]) / POSE_REACH) ** 2
        weight = np.exp(-0.5 * (distance.sum(2) - distance.sum(2).min(1, keepdims=True))) + 1e-9
        return np.asarray(np.einsum("mn,nkc->mkc", weight / weight.sum(1, keepdims=True), self.landmarks))


@dataclass(frozen=True)
class Pairs:
    """For each target face its K look-alikes among the source faces, and the fields that bend them into place."""

    partner: NDArray[np.int64]  # (N, K) index of the source face
    field: NDArray[np.float32]  # (N, K, n, n, 2)


def exchange_fields(own: Shapes, other: Shapes, size: int) -> NDArray[np.float32]:
    """For each of ``own``'s faces the field (N, n, n, 2) that shows it in ``other``'s shape with its own expression."""
    change = other.rest(own.angles) - own.rest(own.angles)
    return np.stack(
        [_field(landmarks + delta, landmarks, size) for landmarks, delta in zip(own.landmarks, change, strict=True)]
    )


def find_pairs(target: Shapes, source: Shapes, size: int, count: int = 1) -> Pairs:
    """The ``count`` source faces nearest to each target face in pose and expression, bent onto it."""
    count = min(count, len(source.landmarks))
    target_rest, source_rest = target.rest(target.angles), source.rest(source.angles)
    source_there = source.rest(target.angles)
    expression = source.landmarks - source_rest
    partners, fields = [], []
    for landmarks, rest, there, angles in zip(target.landmarks, target_rest, source_there, target.angles, strict=True):
        wanted = landmarks - rest
        # One percent of the crop in expression weighs as much as 12 degrees of pose.
        distance = np.abs(wanted - expression).mean((1, 2)) / size * 100
        distance = distance + np.abs(source.angles - angles).sum(1) / 12
        nearest = np.argsort(distance, kind="stable")[:count]
        partners.append(nearest)
        fields.append([_field(there + wanted, source.landmarks[index], size) for index in nearest])
    return Pairs(np.array(partners, np.int64), np.array(fields, np.float32))


def _field(here: FloatArray, there: FloatArray, size: int) -> NDArray[np.float32]:
    """The thin-plate field that, at positions ``here`` (68, 2), looks up ``there``; it dies out at the crop's edge."""
    edge = np.linspace(0.0, size, 5)
    frame = np.array([(x, y) for x in edge for y in edge if x in (0, size) or y in (0, size)])
    points = np.concatenate([here, frame]).astype(np.float64)
    offsets = np.concatenate([there - here, np.zeros_like(frame)]).astype(np.float64)
    line = np.linspace(0.0, size, LATTICE)
    lattice = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    # A little smoothing: landmarks that nearly coincide must not tear the picture.
    bend = RBFInterpolator(points, offsets, kernel="thin_plate_spline", smoothing=1.0)(lattice)
    return np.asarray(bend.reshape(LATTICE, LATTICE, 2) * 2 / size, np.float32)
