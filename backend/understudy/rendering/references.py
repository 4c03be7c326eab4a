"""Which frames of the source the new face is made of: chosen once for the shot, mixed by weights that are smooth in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from understudy.rendering.footage import Views
from understudy.rendering.regions import REGIONS, kernel, memberships

ANGLE = 12.0  # degrees between the views of two frames that cost a reference exp(-1/2)
EXPRESSION = 0.05  # the same for the difference of expression, mean-face units
LIDS, LIPS, GAZE = 0.12, 0.02, 0.05
"""And for lids (of the usual opening), lips (mean-face units) and gaze (eye widths)."""

MIRRORED = 3.0
"""Log weight that a mirrored view loses: it is for a side that no frame shows."""

_LOCAL = 0.12  # mean-face units over which expressions are compared
_LEAST_FRONT = 0.22  # from the side expressions are seen foreshortened, but never not at all
_MOST_COST, _MOST_GAZE = 40.0, 6.0
_SHUT = 0.4  # of the usual opening: below it no gaze is seen
_STEADY = 1.0  # frames over which the choice is smoothed
_SETS = {"eyes": 16, "mouth": 16, "rest": 16}
_TEMPERATURES = {"eyes": 0.25, "mouth": 0.4, "rest": 0.4}
_LEAST_SHARE = 0.08  # of a region on a frame: a smaller part is left out, softly
_FACING = 1.5
_NOTHING = 1e-4


@dataclass(frozen=True, eq=False)
class RegionReferences:
    """The references of one region over the shot."""

    views: NDArray[np.intp]  # (K,) of the source's views
    shares: NDArray[np.float64]  # (T, K) how much each gives on each of the shot's faces; rows sum to 1


@dataclass(frozen=True, eq=False)
class References:
    """The references of a shot, and how well they fit."""

    chosen: dict[str, RegionReferences]  # by region
    fit: NDArray[np.float64]  # (T, 3) mean log weight of the best view for each region: 0 is perfect


def choose_references(source: Views, shot: Views, runs: list[slice], allowed: NDArray[np.bool_]) -> References:
    """The references for all faces of the ``shot``, whose views are those of the source's head retargeted to it.

    ``runs`` are the shot's consecutive frames: within them weights are smooth in time. Of the source's views only those
    are taken that are ``allowed`` (N,), at least one.
    """
    scores = np.stack([region_scores(source, shot, face) for face in range(len(shot))])  # (T, N, 3)
    steady = np.concatenate([gaussian_filter1d(scores[run], _STEADY, axis=0, mode="nearest") for run in runs])
    views = np.flatnonzero(allowed)
    chosen = {name: _chosen(steady[:, views, column], views, name) for column, name in enumerate(REGIONS)}
    return References(chosen, scores[:, views].max(1))


def log_weights(source: Views, shot: Views, face: int, views: NDArray[np.intp]) -> NDArray[np.float64]:
    """(len(views), 468) how well ``views`` of the source suit one face of the shot, by vertex; 0 is perfect.

    The sum of -1/2 (difference / unit)^2 over view direction, local expression, and at eyes and mouth lids, gaze and lips.
    """
    direction = shot.direction[face]
    angle = np.degrees(np.arccos(np.clip(source.direction[views] @ direction, -1, 1)))
    front = max(-direction[2], _LEAST_FRONT) ** 2
    local = kernel(_LOCAL)
    difference = np.linalg.norm(source.moved[views] - shot.moved[face], axis=2) @ (local / local.sum(1))
    own, wanted = source.openings, shot.openings
    trust = 0.1 + wanted.trust[face] * own.trust[views]
    lids = (((own.lids[views] - wanted.lids[face]) / LIDS) ** 2 * trust).sum(1) / trust.sum(1)
    lips = ((own.lips[views] - wanted.lips[face]) / LIPS) ** 2
    gaze = np.nan_to_num((((own.gaze[views] - wanted.gaze[face]) / GAZE) ** 2).sum(1))
    if wanted.lids[face].max() < _SHUT:
        gaze = np.zeros_like(gaze)
    eyes, mouth, _ = memberships().T
    cost = (lids + np.minimum(gaze, _MOST_GAZE))[:, None] * eyes + lips[:, None] * mouth
    weights = -0.5 * (angle / ANGLE)[:, None] ** 2
    weights = weights - 0.5 * front * ((difference / EXPRESSION) ** 2 + np.minimum(cost, _MOST_COST))
    return np.asarray(weights - MIRRORED * source.is_mirrored[views][:, None] * (1 + 2 * eyes))


def seen(views: Views) -> NDArray[np.float64]:
    """(N, 468) how well each vertex is seen: visible, and facing the camera."""
    return np.asarray(views.visible * np.clip(views.normals[..., 2], 0, 1) ** _FACING)


def region_scores(source: Views, shot: Views, face: int) -> NDArray[np.float64]:
    """(N, 3) the mean over each region of log weight and log visibility, where the shot's face shows the region."""
    weights = log_weights(source, shot, face, np.arange(len(source))) + np.log(seen(source) + _NOTHING)
    shown = memberships() * (0.05 + seen(shot)[face])[:, None]
    return np.asarray(weights @ (shown / shown.sum(0)))


def _chosen(scores: NDArray[np.float64], views: NDArray[np.intp], region: str) -> RegionReferences:
    """From ``scores`` (T, M) of one region, of these ``views`` (M,): a few that serve all frames, and what each gives."""
    sharp = scores / _TEMPERATURES[region]
    best = sharp.max(1)
    taken: list[int] = []
    held = np.full(len(scores), -np.inf)
    for _ in range(min(_SETS[region], scores.shape[1])):
        together = np.logaddexp(held[:, None], sharp)
        gain = np.minimum(together, best[:, None]).sum(0)  # a frame that is served wants no more
        gain[taken] = -np.inf
        one = int(gain.argmax())
        if taken and gain[one] - np.minimum(held, best).sum() < 0.05 * len(scores):
            break
        taken.append(one)
        held = together[:, one]
    kept = np.sort(np.array(taken, np.intp))
    shares = np.exp(sharp[:, kept] - sharp[:, kept].max(1, keepdims=True))
    shares = shares / shares.sum(1, keepdims=True)
    shares = np.clip(shares - _LEAST_SHARE, 0, None)
    return RegionReferences(views[kept], shares / shares.sum(1, keepdims=True))
