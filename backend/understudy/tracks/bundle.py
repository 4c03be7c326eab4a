"""All heads of a track at once: the poses that agree best with landmarks, keypoints and followed points together.

Gauss-Newton with robust weights. The followed points' own places are unknowns too and are eliminated (Schur complement;
Triggs et al. 2000, "Bundle adjustment: a modern synthesis"), so that the cost grows with the shot's length only linearly.
Lengths are in mean-face units throughout: a pixel of a close-up counts less than one of a wide shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.spatial.transform import Rotation

from understudy.face.geometry import Head
from understudy.face.keypoints import KEYPOINTS, keypoint_weights
from understudy.tracks.flow import Features

_ROUNDS = 8
_LANDMARK, _KEYPOINT, _FEATURE = 0.05, 0.12, 0.015  # how far each is off, mean-face units
_DEPTH = 0.25  # how far to trust the smooth head's surface: parallax knows better, and a firm guess would bias the turn
_JERK = np.array([0.01, 0.05, 0.05, 0.02, 0.05, 0.05])
"""How much a head's motion changes from frame to frame: log scale, turn about x, y, z in radians, place in units. Size
changes least: it is the distance to the camera."""
_DOUBT = 2.0  # residuals of so many of those sizes begin to count less

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Points:
    """Known points of the head, seen: M times."""

    place: NDArray[np.float64]  # (M, 3) head coordinates
    time: NDArray[np.int64]  # (M,) index of the frame
    seen: NDArray[np.float64]  # (M, 2) plate pixels
    weight: NDArray[np.float64]  # (M,) 1 / expected deviation in mean-face units


def landmark_points(shape: Array, seen: Sequence[Array], times: Sequence[int], weights: Sequence[Array]) -> Points:
    """(68, 3) ``shape`` seen as (68, 2) landmarks at ``times``, each weighted by (68,)."""
    used = [np.flatnonzero(weight > 0) for weight in weights]
    return Points(
        np.concatenate([shape[who] for who in used]),
        np.repeat(np.array(times, np.int64), [len(who) for who in used]),
        np.concatenate([np.asarray(one, np.float64)[who] for one, who in zip(seen, used, strict=True)]),
        np.sqrt(np.concatenate([weight[who] for weight, who in zip(weights, used, strict=True)])) / _LANDMARK,
    )


def keypoint_points(heads: Sequence[Head], seen: Sequence[Array | None]) -> Points:
    """The six keypoints where they were found; their weights follow the poses so far."""
    times = [time for time, one in enumerate(seen) if one is not None]
    weights = [keypoint_weights(heads[time].angles[0]) for time in times]
    return Points(
        np.tile(KEYPOINTS, (len(times), 1)),
        np.repeat(np.array(times, np.int64), len(KEYPOINTS)),
        np.concatenate([np.asarray(one, np.float64) for one in seen if one is not None] or [np.zeros((0, 2))]),
        np.sqrt(np.concatenate([*weights, np.zeros(0)])) / _KEYPOINT,
    )


def joined(first: Points, second: Points) -> Points:
    """Both together."""
    return Points(
        np.concatenate([first.place, second.place]),
        np.concatenate([first.time, second.time]),
        np.concatenate([first.seen, second.seen]),
        np.concatenate([first.weight, second.weight]),
    )


def adjusted(heads: Sequence[Head], known: Points, features: Features | None) -> tuple[list[Head], NDArray[np.float64]]:
    """The heads that agree best, and how many followed points support each: (N,)."""
    state = _State.of(heads)
    places = np.zeros((0, 3)) if features is None else features.places.copy()
    support = np.zeros(len(heads))
    damping = 1e-3
    for _ in range(_ROUNDS):
        matrix, gradient = _known_part(state, known)
        smooth, pull = _motion_part(state)
        matrix, gradient = matrix + smooth, gradient + pull
        if features is not None and len(places):
            coupled = _feature_part(state, features, places)
            support = coupled.support
            matrix, gradient = matrix + coupled.poses, gradient + coupled.pose_gradient
            reduced = matrix - coupled.mixed @ coupled.inverse @ coupled.mixed.T
            right = gradient - coupled.mixed @ (coupled.inverse @ coupled.place_gradient)
        else:
            reduced, right = matrix, gradient
        reduced = reduced + damping * sparse.diags(matrix.diagonal() + 1e-9)
        step = -spsolve(sparse.csc_matrix(reduced), right)
        if features is not None and len(places):
            moved = coupled.inverse @ (coupled.place_gradient + coupled.mixed.T @ step)
            places = places - moved.reshape(-1, 3)
        state = state.moved(step.reshape(-1, 6))
        damping *= 0.3
    return state.heads(heads), support


@dataclass(frozen=True, eq=False)
class _State:
    """N heads as arrays."""

    scale: Array  # (N,)
    rotation: Array  # (N, 3, 3)
    offset: Array  # (N, 2)
    focal: float  # infinite without a camera
    centre: Array  # (2,)

    @staticmethod
    def of(heads: Sequence[Head]) -> _State:
        camera = heads[0].camera
        return _State(
            np.array([head.scale for head in heads]),
            np.array([head.rotation for head in heads]),
            np.array([head.offset for head in heads]),
            np.inf if camera is None else camera.focal,
            np.zeros(2) if camera is None else np.array(camera.centre),
        )

    def moved(self, step: Array) -> _State:
        """After a (N, 6) step in log scale, turn about x, y, z, and offset."""
        turn = Rotation.from_rotvec(np.clip(step[:, 1:4], -0.5, 0.5)).as_matrix()
        return replace(
            self,
            scale=self.scale * np.exp(np.clip(step[:, 0], -0.3, 0.3)),
            rotation=np.einsum("nij,njk->nik", turn, self.rotation),
            offset=self.offset + step[:, 4:],
        )

    def heads(self, old: Sequence[Head]) -> list[Head]:
        return [
            replace(head, scale=float(scale), rotation=rotation, offset=offset)
            for head, scale, rotation, offset in zip(old, self.scale, self.rotation, self.offset, strict=True)
        ]

    def seen(self, time: Array, place: Array) -> tuple[Array, Array, Array]:
        """Where (M, 3) places are seen: (M, 2) plate pixels; and the derivatives by pose (M, 2, 6) and place (M, 2, 3)."""
        turned = np.einsum("nij,nj->ni", self.rotation[time], place) * self.scale[time][:, None]
        far = 1 + turned[:, 2] / self.focal
        flat = turned[:, :2] + self.offset[time] - self.centre
        by_turned = np.zeros((len(time), 2, 3))
        by_turned[:, 0, 0] = by_turned[:, 1, 1] = 1 / far
        by_turned[:, :, 2] = -flat / (self.focal * far[:, None] ** 2)
        by_pose = np.zeros((len(time), 2, 6))
        by_pose[:, :, 0] = np.einsum("nij,nj->ni", by_turned, turned)
        by_pose[:, :, 1:4] = np.einsum("nij,njk->nik", by_turned, _turning(turned))
        by_pose[:, 0, 4] = by_pose[:, 1, 5] = 1 / far
        by_place = np.einsum("nij,njk->nik", by_turned, self.rotation[time] * self.scale[time][:, None, None])
        return flat / far[:, None] + self.centre, by_pose, by_place


@dataclass(frozen=True, eq=False)
class _Coupled:
    poses: Any  # sparse (6N, 6N)
    pose_gradient: Array  # (6N,)
    mixed: Any  # sparse (6N, 3F)
    inverse: Any  # sparse (3F, 3F), block diagonal
    place_gradient: Array  # (3F,)
    support: Array  # (N,)


def _known_part(state: _State, known: Points) -> tuple[Any, Array]:
    count = len(state.scale)
    where, by_pose, _ = state.seen(known.time, known.place)
    unit = (known.weight / state.scale[known.time])[:, None]
    error = (where - known.seen) * unit
    trust = _trust(error)
    error, by_pose = error * trust[:, None], by_pose * (unit * trust[:, None])[:, :, None]
    blocks, gradient = np.zeros((count, 6, 6)), np.zeros((count, 6))
    np.add.at(blocks, known.time, np.einsum("nki,nkj->nij", by_pose, by_pose))
    np.add.at(gradient, known.time, np.einsum("nki,nk->ni", by_pose, error))
    return _diagonal(blocks), gradient.ravel()


def _motion_part(state: _State) -> tuple[Any, Array]:
    """Changes of motion cost: holds the poses together where little is seen of them."""
    count = len(state.scale)
    if count < 3:
        return sparse.csc_matrix((6 * count, 6 * count)), np.zeros(6 * count)
    size = float(np.median(state.scale))
    path = np.column_stack([np.log(state.scale), state.offset / size])
    bend = path[:-2] - 2 * path[1:-1] + path[2:]
    turn = Rotation.from_matrix(np.einsum("nij,nkj->nik", state.rotation[1:], state.rotation[:-1])).as_rotvec()
    error = np.column_stack([bend[:, :1], turn[1:] - turn[:-1], bend[:, 1:]]) / _JERK
    error_trust = 1 / np.sqrt(1 + (error / _DOUBT) ** 2)  # heads do start and stop
    second = sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(count - 2, count))
    unit = np.array([1, 1, 1, 1, 1 / size, 1 / size]) / _JERK
    jacobian = sparse.diags(error_trust.ravel()) @ sparse.kron(second, sparse.diags(unit))
    return jacobian.T @ jacobian, jacobian.T @ (error * error_trust).ravel()


def _feature_part(state: _State, features: Features, places: Array) -> _Coupled:
    count, points = len(state.scale), len(places)
    where, by_pose, by_place = state.seen(features.time, places[features.point])
    unit = (1 / (_FEATURE * state.scale[features.time]))[:, None]
    error = (where - features.seen) * unit
    trust = _trust(error)
    scale = (unit * trust[:, None])[:, :, None]
    error, by_pose, by_place = error * trust[:, None], by_pose * scale, by_place * scale
    rows = np.arange(2 * len(error)).reshape(-1, 2, 1)
    pose_columns = 6 * features.time[:, None, None] + np.arange(6)
    place_columns = 3 * features.point[:, None, None] + np.arange(3)
    poses = _sparse(by_pose, rows, pose_columns, 6 * count)
    spots = _sparse(by_place, rows, place_columns, 3 * points)
    flat = error.ravel()
    blocks = np.zeros((points, 3, 3))
    np.add.at(blocks, features.point, np.einsum("nki,nkj->nij", by_place, by_place))
    depth = ((places - features.places) * features.rays).sum(1) / _DEPTH
    blocks += np.einsum("ni,nj->nij", features.rays, features.rays) / _DEPTH**2 + 1e-3 * np.eye(3)
    place_gradient = spots.T @ flat + (features.rays * (depth / _DEPTH)[:, None]).ravel()
    support = np.bincount(features.time, trust**2, minlength=count)
    return _Coupled(
        poses.T @ poses, poses.T @ flat, poses.T @ spots, _diagonal(np.linalg.inv(blocks)), place_gradient, support
    )


def _trust(error: Array) -> Array:
    """Square roots of the weights of (M, 2) residuals: Cauchy's, so that a slip pulls at nothing."""
    return np.asarray(1 / np.sqrt(1 + (error**2).sum(1) / _DOUBT**2))


def _turning(points: Array) -> Array:
    """(M, 3, 3): what a small turn about x, y, z does to (M, 3) points."""
    x, y, z = points.T
    zero = np.zeros_like(x)
    return np.stack([np.stack([zero, z, -y], 1), np.stack([-z, zero, x], 1), np.stack([y, -x, zero], 1)], axis=1)


def _sparse(values: Array, rows: Array, columns: Array, width: int) -> Any:
    full_rows = np.broadcast_to(rows, values.shape).ravel()
    full_columns = np.broadcast_to(columns, values.shape).ravel()
    return sparse.csr_matrix((values.ravel(), (full_rows, full_columns)), shape=(2 * len(values), width))


def _diagonal(blocks: Array) -> Any:
    count, side = blocks.shape[:2]
    shape = (count * side, count * side)
    return sparse.bsr_matrix((blocks, np.arange(count), np.arange(count + 1)), shape=shape).tocsc()
