"""The light of one picture laid on another of the same mesh: cast shadows and fall-off that no low-order light has."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.rendering.light import FLOOR, Relight

_BROADEST = 0.16
"""Spread in mean-face units of the Gaussian whose light is taken over whole."""

_FINE_SHARE = 0.5
"""How much is taken over of what the finer Gaussian passes beyond that: the rest may be the other person's skin."""

_FINEST = 0.4  # of the fine spread: how sharp the edge of a shadow is
_SHADOW = 0.1, 0.45
"""Differences of log light from which, and from where on wholly, they are shadow and not skin, where light is hard."""

_WIDENINGS = (1, 2, 4, 8)
_MOST = 1.5  # of log light: more is no light


def lit_as(
    face: NDArray[np.float32], lit: NDArray[np.float32], skin: NDArray[np.float32], unit: float, relight: Relight,
    hardness: float,
) -> NDArray[np.float32]:  # fmt: skip
    """``face`` (h, w, 3) scene-linear with the broad light of ``lit`` (h, w, 3), which shows another face in its place.

    ``skin`` (h, w) 0..1 is where both show plain skin; elsewhere the light is filled in from around, by ever wider Gaussians,
    each trusted as far as it sees (normalised convolution). The ``hardness`` of the light, 0..1, is how far shadows are taken
    over to their edges: in hard light no two skins differ as much, in soft light the other face's folds would come along.
    ``unit`` are pixels per mean-face unit.
    """
    if not relight.broad:
        return face
    wanted, fine = np.log(np.maximum(lit, FLOOR)), relight.reach
    low, high = _SHADOW
    for spread, share in ((max(_BROADEST, fine), 1.0), (fine, _FINE_SHARE), (_FINEST * fine, 0.0)):
        if not (share or hardness):
            continue
        missing = np.clip(wanted - np.log(np.maximum(face, FLOOR)), -_MOST, _MOST)
        light = spread_out(missing, skin, spread * unit)
        shadow = hardness * np.clip((np.abs(light.mean(-1, keepdims=True)) - low) / (high - low), 0, 1)
        face = face * np.exp(np.float32(relight.broad) * (share + (1 - share) * shadow).astype(np.float32) * light)
    return face


def spread_out(values: NDArray[np.float32], seen: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """What a Gaussian of ``sigma`` pixels leaves of ``values`` (h, w, C) where ``seen`` (h, w) is 1, filled in beyond."""
    weighted = np.dstack([values * seen[..., None], seen]).astype(np.float32)
    result, missing = np.zeros_like(values, np.float32), np.ones(seen.shape, np.float32)
    for widening in _WIDENINGS:
        blurred = _blurred(weighted, sigma * widening)
        density = np.clip(blurred[..., -1], 0, 1)
        share = missing * density if widening != _WIDENINGS[-1] else missing
        result += (share / np.maximum(density, 1e-3))[..., None] * blurred[..., :-1]
        missing = missing - share
    return result


def _blurred(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """A Gaussian blur; a wide one on a smaller picture, which shows it as well."""
    factor = int(max(1, min(sigma / 4, min(picture.shape[:2]) / 8)))
    if factor == 1:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.3), borderType=cv2.BORDER_CONSTANT))
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (-(-width // factor), -(-height // factor)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
