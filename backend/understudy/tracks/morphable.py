"""A morphable head fitted to many frames at once: one shape, and a pose and an expression a frame.

Seen are a landmarker's dense points, which are off by habit and by more that is the same on all frames of a person,
and pieces of outline, which are where the head ends before what lies behind it. Gauss-Newton with robust weights; each
frame's own unknowns are eliminated (Schur complement), so that the cost grows with the number of frames only linearly.
Lengths are in mean-face units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import Head

Array = NDArray[Any]

_ROUNDS = 12
_OFF = 0.02  # how far a point is off, mean-face units
_ALIKE = 25  # so many points err together: what a network has wrong it has wrong over a whole region
_FRAMES = 8  # and so many frames say no more of the shape than any number would: their errors are alike too
_EDGE, _EDGES_ALIKE = 0.012, 4  # the same of pieces of outline
_POSE = 6


@dataclass(frozen=True, eq=False)
class Morphable:
    """A linear model: a head is ``mean + coefficients @ shape + weights @ expression``, all usually of size 1.

    Its points are seen at that ``+ habit + errors @ habits``.
    """

    mean: NDArray[np.float64]  # (N, 3)
    shape: NDArray[np.float64]  # (k, N, 3) components times their deviations
    expression: NDArray[np.float64]  # (e, N, 3)
    habit: NDArray[np.float64]  # (N, 3) how far from the skin the landmarker sees its points on everybody
    habits: NDArray[np.float64]  # (m, N, 3) and on one person, components times deviations


@dataclass(frozen=True, eq=False)
class Outline:
    """Pieces of a head's outline on one frame: M points on edges of the mesh, and the lines on which they are seen."""

    ends: NDArray[np.int64]  # (M, 2) the vertices of the edge
    share: NDArray[np.float64]  # (M,) where on it: 0 at the first vertex, 1 at the second
    place: NDArray[np.float64]  # (M, 2) plate pixels
    normal: NDArray[np.float64]  # (M, 2) unit, out of the head: across the line
    weight: NDArray[np.float64]  # (M,)


@dataclass(frozen=True, eq=False)
class Sight:
    """What is seen of the person on one frame."""

    head: Head  # where to begin
    points: NDArray[np.floating[Any]] | None  # (N, 2) plate pixels
    trust: float = 1.0  # in the points
    outline: Outline | None = None
    firm: NDArray[np.float64] | None = None
    """(6,) how firmly the pose holds to ``head``: 1 / deviation of log scale, turn (radians) and offset (units)."""


@dataclass(frozen=True, eq=False)
class Morphed:
    """What fits best."""

    coefficients: NDArray[np.float64]  # (k,) of the person
    errors: NDArray[np.float64]  # (m,) of the landmarker on the person
    weights: NDArray[np.float64]  # (F, e) of the frames' expressions
    heads: list[Head]


def morphed(sights: Sequence[Sight], model: Morphable, start: Morphed | None = None, *, pose: bool = True) -> Morphed:
    """Fit ``model`` to all ``sights``, from ``start`` or from its mean. Shape, errors and expressions are held by their
    prior, normal with deviation 1. ``pose`` False leaves the heads as they are.
    """
    count, extent = len(model.shape), len(model.expression)
    person = np.zeros(count + len(model.habits))
    weights = np.zeros((len(sights), extent))
    heads = [sight.head for sight in sights]
    if start is not None:
        person, weights = np.concatenate([start.coefficients, start.errors]), start.weights.copy()
        heads = list(start.heads)
    trust = np.array([0.0 if sight.points is None else sight.trust for sight in sights])
    shares = np.minimum(_FRAMES * trust / max(trust.sum(), 1e-9), 1)
    outlined = min(_FRAMES / max(sum(sight.outline is not None for sight in sights), 1), 1)
    free = _POSE if pose else 0
    for _ in range(_ROUNDS):
        normal, right = np.eye(len(person)), -person
        kept = []
        for time, sight in enumerate(sights):
            rows, values, own = _rows(sight, heads[time], person, weights[time], model, shares[time], outlined)
            mine = np.concatenate([np.arange(free), _POSE + np.arange(extent), _POSE + extent + np.arange(len(person))])
            rows = rows[:, mine]
            square, pulled = rows.T @ rows, rows.T @ values
            inner = free + extent
            held, pull = own
            block = square[:inner, :inner] + np.diag(np.concatenate([held[:free], held[_POSE:]]))
            push = pulled[:inner] + np.concatenate([pull[:free], pull[_POSE:]])
            solved = np.linalg.solve(block, np.column_stack([square[:inner, inner:], push]))
            normal += square[inner:, inner:] - square[inner:, :inner] @ solved[:, :-1]
            right += pulled[inner:] - square[inner:, :inner] @ solved[:, -1]
            kept.append(solved)
        step = np.linalg.solve(normal, right)
        person = person + step
        for time, solved in enumerate(kept):
            moved = solved[:, -1] - solved[:, :-1] @ step
            if pose:
                heads[time] = _moved(heads[time], moved[:_POSE])
            weights[time] += moved[free:]
        if np.abs(step).max() < 2e-3:
            break
    return Morphed(person[:count], person[count:], weights, heads)


def _rows(
    sight: Sight, head: Head, person: Array, weights: Array, model: Morphable, share: float, outlined: float
) -> tuple[Array, Array, tuple[Array, Array]]:
    """The frame's linear equations: (R, 6 + e + k + m) rows and their (R,) right sides, weighted; and its own prior.

    The prior is how firmly the pose and the weights of the expression are held, and by what they are pulled (6 + e,).
    """
    count = len(model.shape)
    skin = model.mean + np.tensordot(person[:count], model.shape, 1) + np.tensordot(weights, model.expression, 1)
    held, pull = (
        np.concatenate([np.full(_POSE, 1e-6), np.ones(len(weights))]),
        np.concatenate([np.zeros(_POSE), -weights]),
    )
    if sight.firm is not None:
        held[:_POSE] += sight.firm**2
        pull[:_POSE] = sight.firm**2 * _between(head, sight.head)
    rows, values = [np.zeros((0, _POSE + len(weights) + len(person)))], [np.zeros(0)]
    if sight.points is not None and share > 0:
        seen = skin + model.habit + np.tensordot(person[count:], model.habits, 1)
        where, by_pose, by_place = _seen(head, seen)
        error = (np.asarray(sight.points, np.float64) - where) / head.scale
        sure = np.sqrt(share / (_OFF**2 * _ALIKE * (1 + (error**2).sum(1) / (2.5 * _OFF) ** 2)))
        ways = np.concatenate([model.expression, model.shape, model.habits])
        by_rest = np.einsum("nij,knj->nik", by_place, ways)
        block = np.concatenate([by_pose, by_rest], axis=2) * (sure / head.scale)[:, None, None]
        rows.append(block.reshape(-1, block.shape[2]))
        values.append((error * sure[:, None]).ravel())
    if sight.outline is not None and len(sight.outline.weight):
        line = sight.outline
        where, by_pose, by_place = _seen(head, _on_edges(skin, line))
        error = ((line.place - where) * line.normal).sum(1) / head.scale
        sure = np.sqrt(outlined * line.weight / (_EDGE**2 * _EDGES_ALIKE * (1 + (error / (2 * _EDGE)) ** 2)))
        ways = _on_edges(np.concatenate([model.expression, model.shape]), line)
        by_rest = np.einsum("nij,knj->nik", by_place, ways)
        block = np.concatenate([by_pose, by_rest, np.zeros((len(error), 2, len(model.habits)))], axis=2)
        rows.append(np.einsum("nik,ni->nk", block, line.normal) * (sure / head.scale)[:, None])
        values.append(error * sure)
    return np.concatenate(rows), np.concatenate(values), (held, pull)


def _on_edges(vertices: Array, line: Outline) -> Array:
    """The outline's points of (..., N, 3) vertices."""
    share = line.share[:, None]
    return np.asarray(vertices[..., line.ends[:, 0], :] * (1 - share) + vertices[..., line.ends[:, 1], :] * share)


def _seen(head: Head, points: Array) -> tuple[Array, Array, Array]:
    """Where (N, 3) points are seen (N, 2), and the derivatives by pose (N, 2, 6) and by place (N, 2, 3).

    The pose is moved as :func:`_moved` does it.
    """
    rotation = np.asarray(head.rotation, np.float64)
    turned = head.scale * points @ rotation.T
    focal = np.inf if head.camera is None else head.camera.focal
    centre = np.zeros(2) if head.camera is None else np.array(head.camera.centre)
    far = 1 + turned[:, 2] / focal
    flat = (turned[:, :2] + head.offset - centre) / far[:, None]
    by_turned = np.zeros((len(points), 2, 3))
    by_turned[:, 0, 0] = by_turned[:, 1, 1] = 1 / far
    by_turned[:, :, 2] = -flat / (focal * far[:, None])
    x, y, z = turned.T
    zero = np.zeros_like(x)
    turning = np.stack([np.stack([zero, z, -y], 1), np.stack([-z, zero, x], 1), np.stack([y, -x, zero], 1)], axis=1)
    by_pose = np.concatenate(
        [by_turned @ turned[:, :, None], by_turned @ turning, by_turned[:, :, :2] * head.scale], axis=2
    )
    return flat + centre, by_pose, by_turned @ (head.scale * rotation)


def _moved(head: Head, step: Array) -> Head:
    """After a step in log scale, turn about x, y, z (radians) and offset (mean-face units)."""
    turn = cv2.Rodrigues(np.clip(step[1:4], -0.4, 0.4))[0]
    return replace(
        head,
        scale=float(head.scale * np.exp(np.clip(step[0], -0.3, 0.3))),
        rotation=np.asarray(turn @ head.rotation, np.float64),
        offset=np.asarray(head.offset + head.scale * step[4:6], np.float64),
    )


def _between(head: Head, other: Head) -> Array:
    """(6,) the step from ``head`` to ``other``."""
    turn = cv2.Rodrigues(np.asarray(other.rotation @ np.asarray(head.rotation).T, np.float64))[0][:, 0]
    offset = (np.asarray(other.offset) - head.offset) / head.scale
    return np.concatenate([[np.log(other.scale / head.scale)], turn, offset])
