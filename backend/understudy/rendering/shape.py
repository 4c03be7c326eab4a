"""A person's head at rest, with its depth, fitted to all of the person's footage.

A landmarker shrinks what it has not seen often: long noses come out short, and a turned head less turned. So the dense
points of all frames are read with what is known of the landmarker's habits (face.head_model), and where the face stands
before its background its outline is read from the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from understudy.errors import FacesetError
from understudy.face.geometry import Head
from understudy.face.head_model import HeadModel, head_model
from understudy.face.mesh import VERTICES
from understudy.faceset.record import Face
from understudy.rendering.silhouette import outline
from understudy.tracks.morphable import Morphable, Morphed, Outline, Sight, morphed

FIT = "head shape 1"
"""Names this way of fitting, and the statistics it stands on; to be counted up when either changes."""

_MOST = 96  # faces: more of them say nothing new of the head
_BLIND_YAW = 65.0  # degrees from which on the landmarker shows another face
_OUTLINED_YAW = 18.0  # degrees from which on a cheek stands before the background
_REACHES = (0.12, 0.09, 0.06, 0.05)  # mean-face units: how far the outline is looked for, round by round
_TURNED_YAW = 40.0  # degrees up to which the outline above the eyes is the temple's, where hair is
_HAIR = -0.28  # height from which on it is
_OWN_ERRORS = 0.5  # measured with noise of their own, the landmarker's errors on one person look twice as large
_FIRM = np.array([1 / 0.03, 1 / 0.1, 1 / 0.1, 1 / 0.1, 1 / 0.06, 1 / 0.06])
"""How firmly a pose holds to the track's: log scale, turn in radians, place in mean-face units."""


@dataclass(frozen=True, eq=False)
class HeadShape:
    """A person's head at rest, (468, 3) mean-face units."""

    rest: NDArray[np.float64]
    """In the pose and size of face.geometry.HEAD_68, as face.head_model has heads."""
    placed: NDArray[np.float64]
    """The same head, moved, turned and scaled as a whole so that the heads of the faces show it where it is seen."""
    coefficients: NDArray[np.float64]  # (k,) of face.head_model: how unusual the head is


def fit_shape(faces: Sequence[Face], picture: Callable[[int], NDArray[np.floating[Any]]] | None = None) -> HeadShape:
    """The head at rest of the one person that ``faces`` are of.

    ``picture`` gives the crop of a face by its index, (S, S, 3) scene-linear light; without it outlines are not read.
    Raises :class:`FacesetError` where no face has the dense points of MediapipeLandmarker.
    """
    chosen = _chosen(faces)
    own = [faces[index] for index in chosen]
    sights = [Sight(face.head, _points(face)) for face in own]
    marked = [time for time, sight in enumerate(sights) if sight.points is not None]
    if not marked:
        raise FacesetError(
            "No face shows the landmarker's dense points, to which a head's shape is fitted.",
            "Extract the footage with the landmarker mediapipe, and with frames that show the face from the front.",
        )
    known, model = head_model(), _morphable(head_model())
    first = morphed([sights[time] for time in marked], model)
    gauge = _Gauge.between([own[time].head for time in marked], first.heads)
    heads, weights = [gauge.moved(face.head) for face in own], np.zeros((len(own), len(model.expression)))
    for at, time in enumerate(marked):
        heads[time], weights[time] = first.heads[at], first.weights[at]
    fit = Morphed(first.coefficients, first.errors, weights, heads)
    for reach in _REACHES if picture is not None else ():
        gauge = _Gauge.between([own[time].head for time in marked], [fit.heads[time] for time in marked])
        lines = [_outline(picture, chosen[time], own[time], fit, time, known, reach) for time in range(len(own))]
        held = [
            replace(sight, head=gauge.moved(face.head), firm=_FIRM, outline=line)
            for sight, face, line in zip(sights, own, lines, strict=True)
        ]
        fit = morphed(held, model, fit)
    gauge = _Gauge.between([own[time].head for time in marked], [fit.heads[time] for time in marked])
    rest = known.head(fit.coefficients)
    return HeadShape(rest, gauge.placed(rest), fit.coefficients)


@dataclass(frozen=True, eq=False)
class _Gauge:
    """How fitted heads stand against a track's: the same similarity on all frames, p -> scale * rotation @ p + shift."""

    scale: float
    rotation: NDArray[np.float64]  # (3, 3)
    shift: NDArray[np.float64]  # (3,)

    @staticmethod
    def between(track: Sequence[Head], fitted: Sequence[Head]) -> _Gauge:
        turns = np.array([np.asarray(a.rotation).T @ b.rotation for a, b in zip(track, fitted, strict=True)])
        scale = float(np.exp(np.mean([np.log(b.scale / a.scale) for a, b in zip(track, fitted, strict=True)])))
        rows = np.concatenate([np.asarray(a.rotation, np.float64)[:2] for a in track])
        off = np.concatenate([(np.asarray(b.offset) - a.offset) / a.scale for a, b in zip(track, fitted, strict=True)])
        shift = np.linalg.solve(rows.T @ rows + 0.05 * len(track) * np.eye(3), rows.T @ off)
        return _Gauge(scale, Rotation.from_matrix(turns).mean().as_matrix(), shift)

    def moved(self, head: Head) -> Head:
        """The track's ``head`` as the fitted ones stand."""
        turned = np.asarray(head.rotation, np.float64)
        return replace(
            head,
            scale=head.scale * self.scale,
            rotation=turned @ self.rotation,
            offset=np.asarray(head.offset) + head.scale * (turned @ self.shift)[:2],
        )

    def placed(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) points of fitted heads in the axes of the track's."""
        return np.asarray(self.scale * points @ self.rotation.T + self.shift)


def _chosen(faces: Sequence[Face]) -> list[int]:
    """Indices of the faces that are fitted to: all, or as many as matter from all turns of the head."""
    if len(faces) <= _MOST:
        return list(range(len(faces)))
    by_yaw = np.argsort([face.pose[0] for face in faces], kind="stable")
    yaw = np.array([faces[index].pose[0] for index in by_yaw])
    # Half of them evenly over the turns that there are, half evenly over the frames.
    over_turns = by_yaw[np.searchsorted(yaw, np.linspace(yaw[0], yaw[-1], _MOST // 2)).clip(0, len(yaw) - 1)]
    over_frames = np.linspace(0, len(faces) - 1, _MOST // 2).round().astype(int)
    return sorted({int(index) for index in (*over_turns, *over_frames)})


def _points(face: Face) -> NDArray[np.floating[Any]] | None:
    """(468, 2) what the landmarker marked, where it can be believed."""
    if face.raw is None or face.dense is None or len(face.dense) < VERTICES or abs(face.pose[0]) > _BLIND_YAW:
        return None
    return face.dense[:VERTICES]


def _morphable(known: HeadModel) -> Morphable:
    shape = known.shape * known.shape_deviation[:, None, None]
    return Morphable(
        mean=known.mean,
        shape=shape,
        expression=known.expression * known.expression_deviation[:, None, None],
        habit=known.habit,
        habits=shape * (_OWN_ERRORS * known.habit_deviation)[:, None, None],
    )


def _outline(
    picture: Callable[[int], NDArray[np.floating[Any]]] | None,
    index: int,
    face: Face,
    fit: Morphed,
    time: int,
    known: HeadModel,
    reach: float,
) -> Outline | None:
    """Where one face ends, without what is hair; None where it does not stand before its background."""
    head = fit.heads[time]
    if picture is None or abs(head.angles[0]) < _OUTLINED_YAW:
        return None
    moved = np.tensordot(fit.weights[time] * known.expression_deviation, known.expression, 1)
    light = np.clip(np.asarray(picture(index), np.float32)[..., :3], 0, 1)
    found = outline(light ** (1 / 2.2), face.matrix, head, known.head(fit.coefficients) + moved, reach)
    skin = (known.mean[found.ends, 1].min(1) > _HAIR) | (abs(head.angles[0]) > _TURNED_YAW)
    return Outline(*(part[skin] for part in (found.ends, found.share, found.place, found.normal, found.weight)))
