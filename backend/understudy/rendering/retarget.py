"""One person's head with another one's performance: the source's shape, the plate's pose and expression.

Expressions go across as offsets in head space, which suit everybody; lids and lips go across by how far they stand open,
for an audience reads those as they are, and each person closes them from another rest. What a landmarker has wrong of a
person is on all frames the same and no performance: what cannot move much stays with whom it was seen on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import Posed, at_landmarks, follow_landmarks
from understudy.rendering.footage import Footage
from understudy.rendering.openings import lip_gaps, with_lids

INNER = slice(17, 68)
"""Landmarks by which two heads are brought together: brows, nose, eyes and lips; outlines are a person's own."""

_NEAR_FRONT = 50.0  # degrees of yaw within which a person's lips are seen well enough to learn how they move
_ROUNDS = 5
_STILL = np.zeros(68)
_STILL[27:48], _STILL[17:27] = 1, 0.5
"""How far what is seen of a landmark on all frames alike is the person's: of noses and eyes it is, of lips it may be a smile."""


@dataclass(frozen=True, eq=False)
class Similarity:
    """p -> scale * rotation @ p + shift, in head space."""

    scale: float
    rotation: NDArray[np.float64]  # (3, 3)
    shift: NDArray[np.float64]  # (3,)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) points, moved."""
        return np.asarray(self.scale * points @ self.rotation.T + self.shift)


def retarget(source: Footage, plate: Footage) -> list[Posed]:
    """The source's head on each face of the plate."""
    own, other = own_rest(source), own_rest(plate)
    resting = at_landmarks(own)
    moved = plate.moved - (other - plate.mesh.rest)
    shapes = resting + np.asarray([at_landmarks(one) for one in moved])
    wanted = with_lids(shapes, plate.openings.lids * source.usual_lids)
    wanted += (plate.openings.lips - lip_gaps(wanted))[:, None, None] * _lip_slope(source)
    moved += follow_landmarks(wanted - shapes)
    onto = bring_together(resting[INNER], at_landmarks(other)[INNER])
    return [Posed(face.head, onto(own + one)) for face, one in zip(plate.faces, moved, strict=True)]


def own_rest(footage: Footage) -> NDArray[np.float64]:
    """(468, 3) the person's head at rest with what the landmarker sees otherwise of it on all frames, head space."""
    front = np.abs([face.pose[0] for face in footage.faces]) < _NEAR_FRONT
    if not front.any():
        return footage.mesh.rest
    seen = np.median(footage.landmarks[front], axis=0) - at_landmarks(footage.mesh.rest)
    return np.asarray(footage.mesh.rest + follow_landmarks(seen * _STILL[:, None]))


def bring_together(points: NDArray[np.float64], onto: NDArray[np.float64]) -> Similarity:
    """The similarity that takes (N, 3) ``points`` nearest to those of another head, ``onto`` (N, 3).

    Umeyama's closed form (1991), reweighted by Cauchy's function, so that one odd feature does not move the others.
    """
    weights = np.ones(len(points))
    for _ in range(_ROUNDS):
        share = weights / weights.sum()
        middle, other = share @ points, share @ onto
        a, b = points - middle, onto - other
        left, sizes, right = np.linalg.svd((b * share[:, None]).T @ a)
        sign = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
        rotation = left @ np.diag(sign) @ right
        scale = float((sizes * sign).sum() / (share @ (a**2).sum(1)))
        found = Similarity(scale, rotation, other - scale * rotation @ middle)
        distance = np.linalg.norm(found(points) - onto, axis=1)
        weights = 1 / (1 + (distance / max(float(np.median(distance)), 1e-9)) ** 2)
    return found


def _lip_slope(source: Footage) -> NDArray[np.float64]:
    """(68, 3) how the source's landmarks move as the lips open, per mean-face unit of gap.

    Ridge regression over the frames from the front, with the lids beside it, so that a blink is not taken for speech.
    """
    front = np.abs([face.pose[0] for face in source.faces]) < _NEAR_FRONT
    if not front.any():
        return np.zeros((68, 3))
    causes = np.stack([(source.openings.lids * source.usual_lids).mean(1), source.openings.lips], axis=1)[front]
    moves = source.landmarks[front].reshape(front.sum(), -1)
    causes, moves = causes - causes.mean(0), moves - moves.mean(0)
    system = causes.T @ causes + 1e-5 * len(causes) * np.eye(2)
    return np.asarray(np.linalg.solve(system, causes.T @ moves)[1].reshape(68, 3))
