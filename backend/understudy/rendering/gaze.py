"""Eyes that look where the plate's do: in each reference the iris is moved within its lids.

It is moved whole, along the line between the corners of the eye; the whites beside it give way, and lids stay. Up and down
eyes look with their lids, which are carried as openings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import RINGS
from understudy.imaging.affine import apply
from understudy.rendering.footage import Footage, Views
from understudy.tracks.gaze import IRIS_DEPTH
from understudy.tracks.openings import MESH

_IRIS = 0.23  # half of what is moved as a whole: an iris and its rim, in eye widths
_FARTHEST = 0.45 - _IRIS  # from the middle of the eye that an iris is moved
_FARTHEST_SEEN = 0.48 - _IRIS  # and that one is seen
_STRETCH, _TAKEN = (
    2.0,
    0.7,
)  # how far white is stretched, and how much of the other side's is taken where that is not enough
_IRISES = (468, 473)  # of the landmarker's mesh, right and left
_SOFT = 0.06  # eye widths from the lids within which the move dies out
_SHUT, _OPEN = 0.4, 0.6  # of the usual opening: no iris is seen, and it is seen well
_PLAIN, _LOST = 0.77, 0.6  # cosines of the head's turn to which gaze is seen, and from which on it is not
_CORNER = 8  # in each ring the other corner: up to there the lower lid, then the upper one


def iris_places(source: Footage, views: Views) -> NDArray[np.float64]:
    """(N, 2) where the iris of the right and the left eye is seen in each of the ``views`` of ``source``.

    From the middle between the eye's corners to image right, in the width between them as seen: by the landmarker's
    irises, or where it gave none by the gaze; NaN where that is unknown.
    """
    places = np.array([[_seen_gaze(views, view)] * 2 for view in range(len(views))])
    for view, picture in enumerate(views.picture.tolist()):
        face = source.faces[picture]
        if face.dense is None or len(face.dense) != MESH:
            continue
        irises = apply(face.matrix, face.dense[list(_IRISES)])
        if views.is_mirrored[view]:
            irises = np.column_stack([face.crop_size - irises[:, 0], irises[:, 1]])[::-1]
        for eye, (ring, iris) in enumerate(zip(_rings(views.crop[view]), irises, strict=True)):
            first, last = _corners(ring, eye)
            across = last - first
            places[view, eye] = (iris - (first + last) / 2) @ across / max(float(across @ across), 1e-9)
    return np.clip(places, -_FARTHEST_SEEN, _FARTHEST_SEEN)


def gaze_turn(source: Views, view: int, shot: Views, row: int) -> float:
    """How far to image right the irises of a ``view`` of the source are moved for the shot's face ``row``, in eye widths.

    0 where either gaze is unknown or not seen.
    """
    trust = 1.0
    for views, index in ((source, view), (shot, row)):
        opened = np.clip((views.openings.lids[index] - _SHUT) / (_OPEN - _SHUT), 0, 1)
        facing = np.clip((_facing(views, index) - _LOST) / (_PLAIN - _LOST), 0, 1)
        trust = min(trust, facing * float((opened * views.openings.trust[index]).max()))
    turn = trust * (_seen_gaze(shot, row) - _seen_gaze(source, view))
    return float(turn) if np.isfinite(turn) else 0.0


def with_gaze(
    points: NDArray[np.floating[Any]],
    vertices: NDArray[np.floating[Any]],
    irises: NDArray[np.floating[Any]],
    turn: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where in a picture of the source to look for what is to be shown at (P, 2) ``points`` of it, x y pixels.

    And (P,) 0..1 how much of that is to be shown there: it dies out at the lids. ``vertices`` (468, 2) are the head's.
    Between its lids irises that are seen at ``irises`` (2,), right and left, are moved by ``turn``, both as
    :func:`iris_places` has them.
    """
    moved, share = np.array(points, np.float64), np.zeros(len(points))
    for eye, ring in enumerate(_rings(np.asarray(vertices, np.float64))):
        own = irises[eye]
        wanted = np.clip(own + turn, min(own, -_FARTHEST), max(own, _FARTHEST))
        first, last = _corners(ring, eye)
        width = float(np.linalg.norm(last - first))
        if not np.isfinite(own) or wanted == own or width < 1e-6:
            continue
        across = (last - first) / width
        axes = np.column_stack([across, (-across[1], across[0])]) / width
        middle = (first + last) / 2
        near = np.abs(points - middle).max(1) < width
        local, inside = _within((points[near] - middle) @ axes, (ring - middle) @ axes, float(own), float(wanted))
        moved[near] += local @ axes.T * width**2
        share[near] += inside
    return moved, share


def _within(
    points: NDArray[np.float64], ring: NDArray[np.float64], own: float, wanted: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(P, 2) moves of ``points`` in an eye whose lids are the ``ring`` (16, 2), in eye widths: x along it, y down.

    And (P,) 0..1 how far within the lids they lie.
    """
    along, height = points.T
    there = _along(np.clip(along, -0.5, 0.5), own, wanted)
    lids = _lid(ring[: _CORNER + 1]), _lid(np.concatenate([ring[_CORNER:], ring[:1]]))
    low, high = (np.interp(along, *lid) for lid in lids[::-1])
    inside = np.clip((height - low) / _SOFT, 0, 1) * np.clip((high - height) / _SOFT, 0, 1)
    inside = inside * (np.abs(along) < 0.5)
    # Nearer to a corner the lids are closer together: what is behind them there is not to be seen.
    above, below = (np.interp(there, *lid) for lid in lids[::-1])
    centre, half = (above + below) / 2, np.maximum((below - above) / 2 - _SOFT / 2, 0)
    move = np.column_stack([there - along, np.clip(height, centre - half, centre + half) - height])
    return move * (inside > 0)[:, None], inside


def _along(x: NDArray[np.float64], own: float, wanted: float) -> NDArray[np.float64]:
    """Where along the eye to look for what is shown at ``x``: the iris whole, and on both sides of it white."""
    there = x - wanted + own
    for side in (-1, 1):
        white, needed = (0.5 - side * place - _IRIS for place in (own, wanted))
        beside = np.maximum(side * (x - wanted) - _IRIS, 0)
        if needed <= _STRETCH * white:
            found = own + side * (_IRIS + beside * white / needed)
        else:  # there is next to none on this side: the other side's stands in for it
            other = 0.5 + side * own - _IRIS
            found = own - side * (_IRIS + beside * min(1.0, _TAKEN * other / needed))
        there = np.where(beside > 0, found, there)
    return there


def _seen_gaze(views: Views, index: int) -> float:
    """Where the irises are seen, as :func:`iris_places` has them, by the gaze: they lie before the eye's corners."""
    x, _, z = views.direction[index]
    return float(views.openings.gaze[index, 0] + IRIS_DEPTH * x / min(z, -_LOST * np.hypot(x, z)))


def _facing(views: Views, index: int) -> float:
    """The cosine of the head's turn."""
    x, _, z = views.direction[index]
    return float(-z / max(np.hypot(x, z), 1e-9))


def _rings(vertices: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The lids of the right and of the left eye, (16, 2) each."""
    return [vertices[list(RINGS[name])] for name in ("right_eye", "left_eye")]


def _corners(ring: NDArray[np.float64], eye: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The corners of an eye, that to image left first: rings begin at the outer one."""
    return (ring[_CORNER], ring[0]) if eye else (ring[0], ring[_CORNER])


def _lid(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A lid as x, ascending, and y."""
    order = np.argsort(points[:, 0], kind="stable")
    return points[order, 0], points[order, 1]
