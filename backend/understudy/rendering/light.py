"""The plate's light on the new face: what takes the source's skin, in its own light, to the skin and light in the plate.

It is measured where both show plain skin, vertex by vertex, as a difference of logarithms, log(light + FLOOR). A light of low
order (spherical harmonics of the normal: Ramamoorthi and Hanrahan, 2001) is fitted to the difference, so that it reaches over
eyes, brows and lips and beyond what both show; what it leaves is smoothed over the mesh.

Light and skin are not told apart: one shot shows a head from too few sides for that, and what an albedo solved from it
gets wrong comes back as stains.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from understudy.face.mesh import mirrored
from understudy.rendering.footage import Footage, Views
from understudy.rendering.regions import kernel, skin

FLOOR = 0.004
"""Scene-linear light below which a logarithm would only tell noise."""

_BLUR = 0.0125  # mean-face units over which a vertex's light is taken
_GRAZING = 0.15  # cosine to the camera below which skin says nothing
_RIDGE = 5.0  # vertices' worth of doubt about the low-order light
_ODD = 0.5  # of log light: what is farther off is no skin, but something before it
_RESIDUAL = 0.2  # mean-face units over which what the low-order light leaves is smoothed
_TIMID = 0.5  # vertices' worth of doubt about that
_MOST = 2.5  # of log light
_SOFT, _HARD = 0.7, 1.2  # spread of log light over a face: such light is soft, and hard
_FOREIGN = 0.6  # of log light between the channels: so far neither lips nor brows are from the skin
_NO_LIGHT = 3.0  # of log light from the median: such pixels are broken, or a lamp
_ROUNDS = 4
_STEADY = 1.0  # frames over which the plate's light is smoothed


@dataclass(frozen=True)
class Relight:
    """How far the new face is brought into the plate's light."""

    strength: float = 1.0  # 0..1 of the change of skin and light that is measured on the mesh
    part: Literal["all", "chroma", "exposure"] = "all"  # what of it: all, its colour alone, or its brightness alone
    broad: float = 1.0  # 0..1 of the plate's own broad light, as the bent plate shows it
    reach: float = 0.04  # mean-face units: how fine that is


@dataclass(frozen=True, eq=False)
class SkinLight:
    """The light of N views of one person, on the vertices of the mesh."""

    logs: NDArray[np.float64]  # (N, 468, 3)
    weights: NDArray[np.float64]  # (N, 468) 0..1: plain skin that is seen well
    colour: NDArray[np.float64]  # (N, 3) of each view's skin: log light against the mean of its channels
    normals: NDArray[np.float64]  # (N, 468, 3) in the camera's axes

    def at(self, row: int, is_mirrored: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Logs (468, 3) and weights (468,) of one view, in a mirror if wanted."""
        order = mirrored() if is_mirrored else slice(None)
        return self.logs[row][order], self.weights[row][order]

    def mean(self, row: int) -> NDArray[np.float64]:
        """(3,) the mean log light of one view's skin, without what is no light of a face at all."""
        logs, weights = self.logs[row], self.weights[row]
        off = np.abs(logs - _weighted_median(logs, weights)).max(-1)
        believed = weights * (off < _NO_LIGHT)
        return np.asarray(believed @ logs / max(float(believed.sum()), 1e-6))

    def hardness(self) -> float:
        """0..1 how hard the light is: by how far it differs over the skin of a view, at the median view."""
        exposure, total = self.logs.mean(-1), np.maximum(self.weights.sum(1), 1e-6)
        mean = (exposure * self.weights).sum(1) / total
        spread = np.sqrt(((exposure - mean[:, None]) ** 2 * self.weights).sum(1) / total)
        return float(np.clip((np.median(spread) - _SOFT) / (_HARD - _SOFT), 0, 1))


def log_light(light: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Scene-linear light of any shape as logarithms."""
    return np.asarray(np.log(np.maximum(np.asarray(light, np.float64), 0) + FLOOR))


def measure_skin_light(footage: Footage, views: Views) -> SkinLight:
    """The light of all ``views`` of ``footage``, of which none is mirrored."""
    logs = np.stack([log_light(_vertex_light(footage, index)) for index in range(len(views))])
    weights = views.visible * np.clip(views.normals[..., 2] - _GRAZING, 0, 1) * skin()
    colours = logs - logs.mean(-1, keepdims=True)
    usual = np.array([_weighted_median(one, weight) for one, weight in zip(colours, weights, strict=True)])
    return SkinLight(logs, weights * plausible(logs, usual[:, None]), usual, views.normals)


def plausible(logs: NDArray[np.floating[Any]], colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...,) 0..1 whether log light (..., 3) may be of a face whose skin has this :attr:`SkinLight.colour`.

    At a silhouette the fitted head may reach beyond the real one, and the background is no face.
    """
    away = np.linalg.norm(logs - logs.mean(-1, keepdims=True) - colour, axis=-1)
    return np.asarray(1 / (1 + (away / _FOREIGN) ** 4))


def steadied(light: SkinLight, runs: list[slice]) -> SkinLight:
    """``light`` smoothed over time within each of the ``runs`` of consecutive frames of a shot."""
    logs = light.logs.copy()
    for run in runs:
        weights = light.weights[run]
        value = gaussian_filter1d(light.logs[run] * weights[..., None], _STEADY, axis=0, mode="nearest")
        count = gaussian_filter1d(weights, _STEADY, axis=0, mode="nearest")[..., None]
        logs[run] = np.where(count > 1e-4, value / np.maximum(count, 1e-6), logs[run])
    return replace(light, logs=logs)


def relighting(
    source: tuple[NDArray[np.float64], NDArray[np.float64]], plate: SkinLight, row: int
) -> NDArray[np.float64]:
    """(468, 3) log gain that takes a view of the source, given as :meth:`SkinLight.at` gives it, to one of the plate."""
    logs, seen = source
    missing, weights = plate.logs[row] - logs, plate.weights[row] * seen
    basis = np.column_stack([np.ones(len(missing)), harmonics(plate.normals[row])])
    doubt = np.diag([1e-3] + [_RIDGE] * (basis.shape[1] - 1))
    believed = weights
    for _ in range(_ROUNDS):
        weighted = basis * believed[:, None]
        broad = basis @ np.linalg.solve(basis.T @ weighted + doubt, weighted.T @ missing)
        believed = weights / (1 + ((missing - broad).mean(1) / _ODD) ** 2)
    if (sure := weights > 0.05).any():  # beyond what is seen a quadratic may go anywhere
        broad = np.clip(broad, broad[sure].min(0), broad[sure].max(0))
    near = kernel(_RESIDUAL)
    rest = near @ ((missing - broad) * believed[:, None]) / (near @ believed + _TIMID)[:, None]
    return np.asarray(np.clip(broad + rest, -_MOST, _MOST))


def part_of(gain: NDArray[np.float64], relight: Relight) -> NDArray[np.float64]:
    """What ``relight`` takes of a log ``gain`` (468, 3)."""
    exposure = gain.mean(1, keepdims=True)
    taken = {"all": gain, "chroma": gain - exposure, "exposure": np.broadcast_to(exposure, gain.shape)}[relight.part]
    return np.asarray(relight.strength * taken)


def harmonics(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 8) the real spherical harmonics of order 1 and 2, up to constants, of unit ``normals`` (..., 3)."""
    x, y, z = np.moveaxis(normals, -1, 0)
    return np.asarray(np.stack([x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], axis=-1))


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) of (M, C) values with weights (M,)."""
    order = np.argsort(values, axis=0)
    reached = np.cumsum(weights[order], axis=0)
    middle = (reached < reached[-1] / 2).sum(0).clip(0, len(values) - 1)
    return np.asarray(np.take_along_axis(np.take_along_axis(values, order, 0), middle[None], 0)[0])


def _vertex_light(footage: Footage, index: int) -> NDArray[np.float32]:
    """(468, 3) light at the vertices of one face."""
    picture = footage.picture(index)
    blurred = cv2.GaussianBlur(picture, (0, 0), max(_BLUR * footage.unit(index), 0.5))
    places = (footage.places(index) - 0.5).astype(np.float32)
    light = cv2.remap(
        blurred, places[:, None, 0], places[:, None, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(light[:, 0])
