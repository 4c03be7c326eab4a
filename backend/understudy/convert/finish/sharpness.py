"""How sharp a face is, measured; and a new face made as sharp as the plate's, neither more nor less."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from understudy.convert.colour.log_pixels import coded, decoded
from understudy.model.outliers import plausible_range
from understudy.tracks.smooth import smoothed

SCALES = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6)
"""Sigmas, in pixels, of the blurs behind which a face's edges are measured."""

MOST = 6.0
"""Most blur, as the sigma of a Gaussian in pixels, that a match lays on or takes away."""

STEADINESS = 2.0
"""Over about how many frames a plate's sharpness is smoothed."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_FEWEST = 256  # pixels of a face of which anything can be said
_DOUBT = 0.5  # squared pixels of blur by which two people seem to differ who are equally sharp
_STEPS = 3  # of the series that takes a blur away


@dataclass(frozen=True)
class Sharpness:
    """Logarithm of how steep a face is behind each blur of ``SCALES``: the mean fourth power, so that edges count.

    A face blurred by sigma t shows behind blur s what it showed before behind sqrt(s^2 + t^2): the curve is moved. How
    far one is moved against another is a difference in sharpness, whatever the contrast of the two, and the slopes
    behind a pixel's blur and more hardly know of grain.
    """

    curve: tuple[float, ...]

    def in_pixels(self, scale: float) -> Sharpness:
        """The same face's where it is ``scale`` times as large in pixels."""
        squares = np.square(SCALES)
        return Sharpness(tuple(_along(self.curve, squares / scale**2).tolist()))

    def changed_as(self, before: Sharpness | None, after: Sharpness | None) -> Sharpness:
        """This face's after what made ``after`` of ``before``, such as the smear of a movement; None changes nothing."""
        if before is None or after is None:
            return self
        return Sharpness(tuple((np.array(self.curve) + np.array(after.curve) - np.array(before.curve)).tolist()))


def measure_sharpness(picture: NDArray[Any], mask: NDArray[Any]) -> Sharpness | None:
    """The sharpness of what ``mask`` (h, w) in 0..1 shows of ``picture`` (h, w, 3), scene-linear and finite.

    In code values of the luminance, so that exposure does not count. None for a face of too few pixels.
    """
    seen = np.asarray(mask, np.float32)
    total = float(seen.sum())
    if total < _FEWEST:
        return None
    codes = coded(np.asarray(picture, np.float32) @ _LUMA)
    # One pixel of a thousand times the light would be all that a mean of fourth powers knows.
    low, high = (bound.astype(np.float32) for bound in plausible_range(codes[seen > 0, None]))
    codes = np.where(seen > 0, np.clip(codes, low, high), codes)
    curve = []
    for sigma in SCALES:
        blurred = _blurred(codes, sigma)
        down, across = np.gradient(blurred)
        curve.append(math.log(max(float(((down**2 + across**2) ** 2 * seen).sum()) / total, 1e-24)))
    return Sharpness(tuple(curve))


def softer_by(own: Sharpness, wanted: Sharpness) -> float:
    """The sigma in pixels of the Gaussian that ``wanted`` is softer by than ``own``; negative where it is sharper."""
    if own == wanted:
        return 0.0
    squares = np.square(SCALES)

    def misfit(square: float) -> float:
        moved, still = (own, wanted) if square > 0 else (wanted, own)
        apart = _along(moved.curve, squares + abs(square)) - np.array(still.curve)
        return float(np.var(apart))

    low, high = (
        minimize_scalar(misfit, bounds=bounds, method="bounded", options={"xatol": 1e-3})
        for bounds in ((-(MOST**2), 0.0), (0.0, MOST**2))
    )
    best = float(low.x if low.fun < high.fun else high.x)
    return math.copysign(math.sqrt(abs(best)), best)


def smooth_over_time(measures: Mapping[int, Sharpness]) -> dict[int, Sharpness]:
    """The sharpness of each frame, smoothed over a shot without lag: a focus pull stays, a flicker goes.

    Depends on the shot's measures alone, not on which frames are converted.
    """
    if not measures:
        return {}
    first = min(measures)
    count = max(measures) - first + 1
    table, weights = np.zeros((count, len(SCALES))), np.zeros(count)
    for frame, measure in measures.items():
        table[frame - first], weights[frame - first] = measure.curve, 1.0
    table = smoothed(table, weights, STEADINESS)
    return {frame: Sharpness(tuple(table[frame - first].tolist())) for frame in measures}


def match_sharpness(
    swap: NDArray[np.float32],
    matte: NDArray[Any],
    own: Sharpness,
    wanted: Sharpness,
    strength: float,
    most: float = MOST,
) -> NDArray[np.float32]:
    """``swap`` (h, w, 3), scene-linear, as sharp as ``wanted`` where ``matte`` (h, w) is above 0; elsewhere its own bits.

    ``own`` is the swap's sharpness, both in pixels of the swap. ``strength`` 0..1 is the part of the difference that is
    made up, ``most`` the sigma in pixels of the strongest blur that is taken away: detail that nobody painted cannot be
    sharpened into being. A difference that may be one of the two people is left: what is as sharp as the plate stays.
    """
    softer = softer_by(own, wanted)
    certain = math.sqrt(max(softer**2 - _DOUBT, 0.0))
    return softened(swap, matte, max(strength * math.copysign(certain, softer), -most))


def softened(swap: NDArray[np.float32], matte: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """``swap`` (h, w, 3), scene-linear, blurred by a Gaussian of ``sigma`` pixels; or, below 0, sharpened by as much.

    Blurred as light, as a lens does it. Sharpened in code values, by the first terms of the inverse of the blur (van
    Cittert 1931), and held between the darkest and the brightest that stood around the pixel before: no edge gets a halo.
    """
    if abs(sigma) < 1e-3:
        return swap
    if sigma > 0:
        changed = _blurred(swap, sigma)
    else:
        codes = coded(swap)
        term, sharp = codes, codes
        for _ in range(_STEPS):
            term = term - _blurred(term, -sigma)
            sharp = sharp + term
        side = 2 * math.ceil(-sigma) + 1
        around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        sharp = np.clip(sharp, cv2.erode(codes, around), cv2.dilate(codes, around))
        changed = decoded(sharp)
    return np.where(np.repeat(matte[..., None] > 0, swap.shape[2], axis=-1), changed, swap)


def _along(curve: tuple[float, ...], squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve at other squared sigmas: straight between its points in logarithms, and on beyond its ends."""
    x, wanted, y = 2 * np.log(SCALES), np.log(squares), np.array(curve)
    part = np.clip(np.searchsorted(x, wanted) - 1, 0, len(x) - 2)
    slope = (y[part + 1] - y[part]) / (x[part + 1] - x[part])
    value: NDArray[np.float64] = y[part] + slope * (wanted - x[part])
    return value


def _blurred(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    blurred = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)
