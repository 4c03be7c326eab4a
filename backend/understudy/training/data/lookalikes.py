"""What one person would look like in the other's moment: the shapes that tie two people together.

Two people never perform the same frame, so a swap has no ground truth. But their landmarks can be compared once each
person's own shape is taken out: what the face is at rest, and how it opens lids and lips. (These two are told apart
from all other expression, because a person who mostly talks, or never blinks, has no rest that one could average.)
From that follow two things that make a shared encoder learn the swap quickly:

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

POSE_RIDGE = 0.3
"""Faces' worth of doubt that shape changes with pose at all."""

RIDGE = 1e-4
"""Keeps the slopes finite for a person who never blinks or never speaks."""

DEGREES = 10.0
"""Difference of pose that counts as much as one percent of the crop in shape."""

OPENING_COST = np.array([3.0, 14.0])
"""What a difference in opening of lids and of lips weighs, against DEGREES of pose."""

LIDS = [37, 38, 43, 44], [41, 40, 47, 46]
LIPS = [61, 62, 63], [67, 66, 65]
"""Upper and lower landmarks of both eyes, and of the inner lips."""

PORTION = 64
"""Faces that are compared with all others at the same time."""

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Shapes:
    """The landmarks of one person's faces, told apart into pose, lids and lips, and the rest of the expression.

    A shape is the person's at that pose, plus ``opening`` times how that person opens lids and lips, plus what is left.
    """

    landmarks: FloatArray  # (N, 68, 2)
    angles: FloatArray  # (N, 2) yaw, pitch in degrees
    opening: FloatArray  # (N, 2) of lids, 1 is the person's usual; of lips, in lengths of the nose
    slopes: FloatArray  # (2, 68, 2) what one unit of either moves

    @staticmethod
    def measure(landmarks: FloatArray, angles: FloatArray) -> Shapes:
        """Shapes of ``landmarks`` (N, 68, 2) at ``angles`` (N, 2), with the person's own way of opening fitted to them."""
        opening = _opening(landmarks)
        # What pose explains is taken from both sides first, so that it is not read as opening (Robinson's estimator).
        usual = _by_pose(angles, angles, np.concatenate([opening, landmarks.reshape(len(landmarks), -1)], axis=1))
        moved = opening - usual[:, :2]
        shape = landmarks.reshape(len(landmarks), -1) - usual[:, 2:]
        ridge = RIDGE * len(moved) * np.eye(2)
        slopes = np.linalg.solve(moved.T @ moved + ridge, moved.T @ shape).reshape(2, 68, 2)
        return Shapes(landmarks, angles, opening, slopes)

    def opened(self, opening: FloatArray) -> FloatArray:
        """What ``opening`` (M, 2) adds to this person's shape, (M, 68, 2)."""
        return np.asarray(np.einsum("mo,okc->mkc", opening, self.slopes))

    def rest(self, angles: FloatArray) -> FloatArray:
        """The person's shape with nothing open, seen from ``angles`` (M, 2): (M, 68, 2), a mean over similar poses."""
        shut = (self.landmarks - self.opened(self.opening)).reshape(len(self.landmarks), -1)
        return _by_pose(angles, self.angles, shut).reshape(-1, 68, 2)

    def imitate(self, other: Shapes) -> FloatArray:
        """This person's shape in each moment of ``other``: its pose, lids, lips and other expression. (M, 68, 2)"""
        left = other.landmarks - other.opened(other.opening) - other.rest(other.angles)
        return self.rest(other.angles) + self.opened(other.opening) + left


def _opening(landmarks: FloatArray) -> FloatArray:
    """(N, 2) opening of the lids, as a part of the person's usual, and of the lips, in lengths of the nose."""
    width = np.linalg.norm(landmarks[:, [36, 42]] - landmarks[:, [39, 45]], axis=2)
    apart = np.linalg.norm(landmarks[:, LIDS[0]] - landmarks[:, LIDS[1]], axis=2).reshape(-1, 2, 2).mean(2)
    # The eye that is turned away is narrow, and its lids badly seen.
    lids = (apart * width**4).sum(1) / (width**4).sum(1)
    lips = np.linalg.norm(landmarks[:, LIPS[0]] - landmarks[:, LIPS[1]], axis=2).mean(1)
    nose = np.median(np.linalg.norm(landmarks[:, 27] - landmarks[:, 33], axis=1))
    return np.stack([lids / np.median(lids), lips / nose], axis=1)


def _by_pose(angles: FloatArray, others: FloatArray, values: FloatArray) -> FloatArray:
    """(M, C) what ``values`` (N, C) of those at ``others`` (N, 2) would be at ``angles`` (M, 2)."""
    # In portions: the weights of ten thousand faces against each other would take gigabytes.
    return np.concatenate([_nearness(angles[rows], others) @ values for rows in _portions(len(angles))])


def _portions(count: int) -> list[slice]:
    return [slice(start, start + PORTION) for start in range(0, count, PORTION)]


def _nearness(angles: FloatArray, others: FloatArray) -> FloatArray:
    """(M, N) weights, each row of sum 1, by which ``others`` (N, 2) tell what is seen from ``angles`` (M, 2).

    Those of a local linear fit (Fan, 1993): where faces lie mostly to one side of a pose, a plain mean would show the
    head turned towards them. The ridge keeps a pose that few faces are near from being guessed from far ones.
    """
    apart = (others[None] - angles[:, None]) / POSE_REACH
    distance = (apart**2).sum(2)
    weight = np.exp(-0.5 * (distance - distance.min(1, keepdims=True))) + 1e-9
    basis = np.concatenate([np.ones_like(apart[..., :1]), apart], axis=2)
    moments = np.einsum("mni,mn,mnj->mij", basis, weight, basis) + np.diag([0.0, POSE_RIDGE, POSE_RIDGE])
    level = np.linalg.solve(moments, np.tile([[1.0], [0.0], [0.0]], (len(angles), 1, 1)))[..., 0]
    return np.asarray(np.einsum("mni,mi,mn->mn", basis, level, weight))


@dataclass(frozen=True)
class Pairs:
    """For each target face its K look-alikes among the source faces, and the fields that bend them into place."""

    partner: NDArray[np.int64]  # (N, K) index of the source face
    field: NDArray[np.float32]  # (N, K, n, n, 2)


def exchange_fields(own: Shapes, other: Shapes, size: int) -> NDArray[np.float32]:
    """For each of ``own``'s faces the field (N, n, n, 2) that shows it in ``other``'s shape with its own expression."""
    return np.stack([_field(here, there, size) for here, there in zip(other.imitate(own), own.landmarks, strict=True)])


def find_pairs(target: Shapes, source: Shapes, size: int, count: int = 1) -> Pairs:
    """The ``count`` source faces nearest to each target face in pose and expression, bent onto it."""
    count = min(count, len(source.landmarks))
    wanted = source.imitate(target)
    apart = (wanted - source.rest(target.angles)).reshape(len(wanted), -1)
    own = (source.landmarks - source.rest(source.angles)).reshape(len(source.landmarks), -1)
    partners = np.concatenate(
        [_nearest(target, source, rows, apart[rows], own, size)[:, :count] for rows in _portions(len(wanted))]
    )
    fields = [
        [_field(here, source.landmarks[index], size) for index in row]
        for here, row in zip(wanted, partners, strict=True)
    ]
    return Pairs(partners.astype(np.int64), np.array(fields, np.float32))


def _nearest(
    target: Shapes, source: Shapes, rows: slice, apart: FloatArray, own: FloatArray, size: int
) -> NDArray[np.int64]:
    """(m, N) the source faces by their distance to the target faces ``rows``, the nearest first.

    ``apart`` (m, 136) and ``own`` (N, 136): how the wanted shapes and the source's own differ from the source at rest.
    """
    angles = target.angles[rows]
    turned = np.abs(source.angles[None] - angles[:, None]).sum(2) / DEGREES
    # Seen from the side, lids and lips are hard to measure and matter less than the side itself.
    frontal = np.cos(np.radians(angles[:, :1])) ** 2
    opened = np.abs(source.opening[None] - target.opening[rows][:, None]) @ OPENING_COST
    shifted = np.abs(apart[:, None] - own[None]).mean(2) / size * 100
    return np.argsort(turned + (opened + shifted) * frontal, axis=1, kind="stable").astype(np.int64)


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
