"""The colours of the new face matched to the plate's: one map, solved from samples, applied to any pixel.

Colours are scene-linear in the working space. A map is solved relative to how bright each of the two faces is, so that it
does not depend on the exposure of either, and in logarithmic or linear colours. Beyond the colours of its samples it
goes on as the gain that it has at their edge: highlights and negatives stay in proportion, and nothing runs away. Shadows
never become darker than the plate's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.convert.colour.affine_transport import Points, Transport, linear, monge_kantorovich, reinhard
from understudy.convert.colour.sliced_transport import histogram, iterative, sliced
from understudy.model.log_curve import decode, encode
from understudy.model.outliers import plausible_range

Pixels = NDArray[np.float32]
Method = Literal["reinhard", "linear", "monge-kantorovich", "idt", "sliced", "histogram", "none"]
Space = Literal["log", "linear"]
Part = Literal["all", "chroma", "exposure"]

GREY = 0.18
"""The middle brightness of both faces while a map is solved."""

DARKEST_LEVEL = 1e-4
"""Scene-linear brightness below which a face counts as black."""

RARE = 0.001
"""Part of the samples at either end of a channel that a map is not trusted with: it goes on as their neighbours' gain."""

GRADED = 1e-3
"""Scene-linear luminance far above which light is scaled and far below which it is shifted."""

MOST_GAIN = 16.0

_SOLVERS: dict[str, Callable[[Points, Points, int], Transport]] = {
    "reinhard": lambda painted, plate, _: reinhard(painted, plate),
    "linear": lambda painted, plate, _: linear(painted, plate),
    "monge-kantorovich": lambda painted, plate, _: monge_kantorovich(painted, plate),
    "idt": iterative,
    "sliced": sliced,
    "histogram": lambda painted, plate, _: histogram(painted, plate),
}


class ColourMap(Protocol):
    """Takes (..., 3) float32 scene-linear colours of the working space to such."""

    def __call__(self, linear: Pixels) -> Pixels: ...


def unchanged(linear: Pixels) -> Pixels:
    """The map that changes nothing."""
    return linear


@dataclass(frozen=True, eq=False)
class Matched:
    """A transport between two faces of known brightness, within the colours that it was solved from."""

    transport: Transport
    space: Space
    painted_level: float  # scene-linear
    plate_level: float
    low: NDArray[np.float32]  # (3,) the outermost painted colours, code values relative to their level
    high: NDArray[np.float32]
    black: NDArray[np.float32]  # (3,) the plate's darkest colours: what lies between low and high is made no darker

    def __call__(self, linear: Pixels) -> Pixels:
        codes = _encode(np.asarray(linear, np.float32).reshape(-1, 3) * np.float32(GREY / self.painted_level))
        held = np.clip(np.nan_to_num(codes), self.low, self.high)  # what is no number stays so, and alone
        moved = self.transport(held) if self.space == "log" else _encode(self.transport(_decode(held)))
        return (_decode(np.maximum(moved, self.black) + (codes - held)) * np.float32(self.plate_level / GREY)).reshape(
            linear.shape
        )


def solve(method: Method, space: Space, painted: Pixels, plate: Pixels, seed: int) -> ColourMap:
    """The map by which the colours ``painted`` (N, 3) come to be spread like ``plate`` (M, 3).

    Both are pixels of a face alone, see :func:`pixels_under`, N and M large or small; those that are not finite do not
    count, nor do outliers: see :mod:`understudy.model.outliers`. ``seed`` decides the directions of ``idt`` and
    ``sliced``. Without samples, and where the painted face is black, nothing is changed.
    """
    clouds = [_believed(points[np.isfinite(points).all(1)]) for points in (painted, plate)]
    if method == "none" or not all(map(len, clouds)):
        return unchanged
    painted_level, plate_level = (float(np.median(points.mean(1, dtype=np.float64))) for points in clouds)
    if painted_level < DARKEST_LEVEL:
        return unchanged  # no gain makes a face of black
    levels = painted_level, max(plate_level, DARKEST_LEVEL)
    scaled = [points.astype(np.float64) * (GREY / level) for points, level in zip(clouds, levels, strict=True)]
    codes = [_encode(points) for points in scaled]
    own, wanted = codes if space == "log" else scaled
    transport = _SOLVERS[method](own, wanted, seed)
    low, high = np.quantile(codes[0], (RARE, 1 - RARE), axis=0).astype(np.float32)
    black = np.quantile(codes[1], RARE, axis=0).astype(np.float32)
    return Matched(transport, space, *levels, low, high, black)


def _believed(points: NDArray[Any]) -> NDArray[Any]:
    """Those of (N, 3) ``points`` that may be of a face, whatever its exposure; themselves where that is all."""
    if not len(points):
        return points
    level = max(float(np.median(points.mean(1, dtype=np.float64))), DARKEST_LEVEL)
    codes = _encode(points.astype(np.float64) * (GREY / level))
    low, high = plausible_range(codes)
    kept = ((codes >= low) & (codes <= high)).all(1)
    return points if kept.all() else points[kept]


def pixels_under(painted: Pixels, plate: Pixels, matte: Pixels, most: int = 2048) -> tuple[Pixels, Pixels]:
    """What a face gives to :func:`solve`: the pixels of both (h, w, 3) where ``matte`` (h, w) is at least one half.

    Those that are not finite are left out, and of the rest at most ``most`` are taken, evenly and always the same.
    Returns (n, 3) twice.
    """
    usable = (matte >= 0.5) & np.isfinite(painted).all(-1) & np.isfinite(plate).all(-1)
    places = np.flatnonzero(usable)
    if len(places) > most:
        places = places[np.linspace(0, len(places) - 1, most).round().astype(np.intp)]
    return painted.reshape(-1, 3)[places], plate.reshape(-1, 3)[places]


def mixed(before: Pixels, after: Pixels, share: float) -> Pixels:
    """``before`` at ``share`` 0, ``after`` at 1, both (..., 3), and between them in equal steps of logarithmic light."""
    if share <= 0:
        return before
    if share >= 1:
        return after
    start = _encode(before)
    return _decode(start + np.float32(share) * (_encode(after) - start))


def adjusted(before: Pixels, after: Pixels, *, strength: float, part: Part, luma: NDArray[np.floating[Any]]) -> Pixels:
    """As much of the match from ``before`` to ``after``, both (..., 3), as is wanted.

    ``chroma`` keeps the luminance of ``before``, ``exposure`` its chromaticity; ``strength`` 0..1 is laid over that as by
    :func:`mixed`. ``luma`` (3,) are the weights of luminance in the working space, whose sum is 1.
    """
    if part == "chroma":
        after = _with_luminance(after, before, luma)
    elif part == "exposure":
        after = _with_luminance(before, after, luma)
    return mixed(before, after, strength)


def _with_luminance(colours: Pixels, light: Pixels, luma: NDArray[np.floating[Any]]) -> Pixels:
    """``colours`` scaled to the luminance of ``light``, both (..., 3); grey is added where there is none to scale."""
    weights = np.asarray(luma, np.float32)
    own, wanted = (pixels @ weights for pixels in (colours, light))
    gain = (np.maximum(wanted, 0) + np.float32(GRADED)) / (np.maximum(own, 0) + np.float32(GRADED))
    gain = np.clip(gain, 1 / MOST_GAIN, MOST_GAIN)
    return np.asarray(colours * gain[..., None] + (wanted - gain * own)[..., None], np.float32)


def _encode(linear: NDArray[Any]) -> NDArray[Any]:
    return encode(torch.from_numpy(np.ascontiguousarray(linear))).numpy()


def _decode(codes: NDArray[Any]) -> NDArray[Any]:
    return decode(torch.from_numpy(np.ascontiguousarray(codes))).numpy()
