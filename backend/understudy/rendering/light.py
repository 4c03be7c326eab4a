"""The light on a person's head: one for all of a footage, of low order, and what its skin says beyond that, frame by frame.

All is the logarithm of scene-linear light on the vertices of the mesh: log(light + FLOOR) = albedo + shading. Shading is
a sum of the spherical harmonics of order 1 and 2 of the normal (Ramamoorthi and Hanrahan, 2001), albedo is tied between the two
sides of the face: what differs from left to right in the same way on all frames is light.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.mesh import mirrored
from understudy.rendering.footage import Footage, Views
from understudy.rendering.regions import kernel, skin

FLOOR = 0.004
"""Scene-linear light below which a logarithm would only tell noise."""

_BLUR = 0.0125  # mean-face units over which a vertex's light is taken
_RIDGE = 1.0
_RESIDUAL = 0.06  # mean-face units over which what the harmonics leave is smoothed
_ODD = 0.35  # of log light: what is farther off is no skin, but something before it
_GRAZING = 0.15
_TIMID = 0.5  # vertices' worth of doubt that pulls a residual towards the frame's mean


@dataclass(frozen=True, eq=False)
class Lighting:
    """What a footage says of skin and light."""

    albedo: NDArray[np.float64]  # (468, 3) log, with the light's mean in it
    shading: NDArray[np.float64]  # (N, 468, 3) log, of each view
    trust: NDArray[np.float64]  # (468,) how often each vertex was seen


def log_light(light: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scene-linear light of any shape as logarithms."""
    return np.log(np.maximum(light, 0) + FLOOR)


def measure_lighting(footage: Footage, views: Views) -> Lighting:
    """Albedo and shading of a person from all their ``views`` of ``footage``."""
    logs = np.stack([_vertex_light(footage, views, row) for row in range(len(views))])
    weights = views.visible * np.clip(views.normals[..., 2] - _GRAZING, 0, 1) * skin()
    basis = harmonics(views.normals)
    albedo, coefficients = _solve(logs, basis, weights)
    broad = basis @ coefficients
    residual = logs - albedo - broad
    weights = weights / (1 + (residual.mean(-1) / _ODD) ** 2)
    near = kernel(_RESIDUAL)
    value = np.einsum("uv,nvc->nuc", near, residual * weights[..., None])
    count = weights @ near
    mean = (residual * weights[..., None]).sum(1) / np.maximum(weights.sum(1), 1e-3)[:, None]
    rest = (value + _TIMID * mean[:, None]) / (count + _TIMID)[..., None]
    return Lighting(albedo, broad + rest, weights.sum(0))


def harmonics(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 8) the real spherical harmonics of order 1 and 2, up to constants, of unit ``normals`` (..., 3)."""
    x, y, z = np.moveaxis(normals, -1, 0)
    return np.stack([x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], axis=-1)


def tone(source: Lighting, plate: Lighting) -> NDArray[np.float64]:
    """(3,) what must be added to the source's log light so that its skin is on the whole as that of the plate."""
    both = skin() & (source.trust > 1) & (plate.trust > 1)
    if not both.any():
        return np.zeros(3)
    return np.asarray(np.median((plate.albedo - source.albedo)[both], axis=0))


def _solve(
    logs: NDArray[np.float64], basis: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Albedo (468, 3), the same on both sides, and the light's coefficients (8, 3): weighted ridge least squares."""
    other = mirrored()
    total = weights.sum(0)
    pair = (total + total[other] + 1e-3)[:, None]
    spread = (basis * weights[..., None]).sum(0)
    value = (logs * weights[..., None]).sum(0)
    spread, value = (spread + spread[other]) / pair, (value + value[other]) / pair
    root = np.sqrt(weights)[..., None]
    rows = ((basis - spread) * root).reshape(-1, basis.shape[-1])
    wanted = ((logs - value) * root).reshape(-1, 3)
    coefficients = np.linalg.solve(rows.T @ rows + _RIDGE * np.eye(basis.shape[-1]), rows.T @ wanted)
    return value - spread @ coefficients, coefficients


def _vertex_light(footage: Footage, views: Views, row: int) -> NDArray[np.float64]:
    """(468, 3) log light at the vertices of one view."""
    index = int(views.picture[row])
    face, picture = footage.faces[index], footage.picture(index)
    if views.is_mirrored[row]:
        picture = picture[:, ::-1]
    unit = face.head.scale * np.sqrt(abs(np.linalg.det(face.matrix[:, :2])))  # crop pixels per mean-face unit
    blurred = cv2.GaussianBlur(picture, (0, 0), max(_BLUR * unit, 0.5))
    places = (views.crop[row] - 0.5).astype(np.float32)
    light = cv2.remap(
        blurred, places[:, None, 0], places[:, None, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return log_light(light[:, 0])
