"""Measuring a plate's grain where the picture under it is flattest, so that texture is not taken for grain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import chi2

from understudy.convert.finish.grain import REACH, Grain

Array = NDArray[np.float64]

SIDE = 16
"""Side in pixels of the blocks in which grain is looked for."""

BLOCKS = 6000
"""Most blocks that are looked at: evenly spread ones."""

FEWEST = 24
"""With fewer flat blocks than this nothing is said of a plate's grain."""

CAUTION = 0.97
"""The part of the variance found that is taken for grain: measuring gets a few per cent wrong, and a face that is by so
much steadier than its plate is never seen, while one that is restless is."""

_ROUNDS = 10
_START = 0.1  # the part of the blocks, in each light, that is taken for flat at first
_CLEARLY = 1.3
_NOTHING = 1e-16  # a variance that keeps divisions from 0
_ENOUGH = 500  # blocks that tell of correlations
_LAGS = [(dy, dx) for dy in range(-REACH, REACH + 1) for dx in range(-REACH, REACH + 1)]


@dataclass(frozen=True, eq=False)
class _Law:
    """A law of variance by light, and the blocks that it explains."""

    terms: Array  # (3, 3) as those of Grain, of what is left when surfaces are taken out
    flat: NDArray[np.bool_]  # (B,) blocks whose variance is grain
    shared: Array  # (3, 3, lags) what those have in common, as parts of the law
    explained: int  # how many blocks vary as much as the law says


def measure_grain(pictures: Sequence[NDArray[Any]]) -> Grain:
    """The grain of plate pixels (h, w, 3), scene-linear in the space in which it will be laid: a few frames of a shot.

    Pixels must be the plate's own, not resampled. In small blocks a curved surface is taken out, which is the picture;
    what remains is grain, and in some blocks texture. A law of variance by light is fitted to the blocks that vary
    least, then to all whose variance the law explains by chance, until nothing changes (after Liu, Tanaka and Okutomi
    2013). Correlations are means over the same blocks, with what the surfaces took along put back. Texture grows with
    the square of the light, and so does grain on film: a law with squares must explain clearly more blocks than one
    without. Without enough blocks that are finite and not clipped the answer is no grain.
    """
    blocks = _blocks(pictures)
    if len(blocks) < FEWEST:
        return Grain.none()
    lights = blocks.mean(1)
    surfaces = _surfaces()
    rest = blocks - surfaces @ (surfaces.T @ blocks)
    photons, film = (_explaining(lights, rest, powers) for powers in (2, 3))
    law = film if film.explained > _CLEARLY * photons.explained else photons
    strength = law.shared[range(3), range(3), len(_LAGS) // 2]
    side = 2 * REACH + 1
    return Grain(
        CAUTION * law.terms * strength[:, None],
        np.quantile(lights[law.flat], (0.01, 0.99), axis=0).T,
        (law.shared / np.sqrt(strength[:, None] * strength[None])[..., None]).reshape(3, 3, side, side),
    )


def _explaining(lights: Array, rest: Array, powers: int) -> _Law:
    """The law of so many ``powers`` of light for blocks (B, SIDE * SIDE, 3) from which surfaces were taken."""
    freedom = float(SIDE * SIDE - _surfaces().shape[1])
    varied = (rest**2).sum(1) / freedom
    law = _first_law(lights, varied, powers)
    for _ in range(_ROUNDS):
        expected = _of_light(law.terms, lights)
        excess = (varied / expected).mean(1)
        # No block may vary more than the law, or texture raises the law step by step.
        flat = excess <= max(1.0, np.partition(excess, FEWEST - 1)[FEWEST - 1])
        kept = chi2.cdf(freedom, freedom + 2) / chi2.cdf(freedom, freedom)  # mean of the scatter below the law
        terms = (
            np.stack([_fitted(lights[flat, c], varied[flat, c], expected[flat, c], powers) for c in range(3)]) / kept
        )
        some = np.flatnonzero(flat)[:: math.ceil(flat.sum() / _ENOUGH)]
        shared = _shared(rest[some] / np.sqrt(_of_light(terms, lights[some]))[:, None]) / kept
        freedom = _freedom(shared)
        law = _Law(terms, flat, shared, int((np.abs(excess - 1) < np.sqrt(2 / freedom)).sum()))
    return law


def _blocks(pictures: Sequence[NDArray[Any]]) -> Array:
    """(B, SIDE * SIDE, 3) of all pictures: finite, not clipped at a picture's ends, not constant."""
    places = sum(max(0, (p.shape[0] - SIDE) // 8 + 1) * max(0, (p.shape[1] - SIDE) // 8 + 1) for p in pictures)
    step = 8 * max(1, math.ceil(math.sqrt(places / BLOCKS)))
    found = [np.empty((0, SIDE * SIDE, 3))]
    for picture in pictures:
        if min(picture.shape[:2]) < SIDE:
            continue
        views = torch.from_numpy(np.array(picture)).double().unfold(0, SIDE, step).unfold(1, SIDE, step)
        blocks = views.permute(0, 1, 3, 4, 2).reshape(-1, SIDE * SIDE, 3).numpy()
        finite = np.isfinite(picture)
        least = np.where(finite, picture, np.inf).min((0, 1))
        most = np.where(finite, picture, -np.inf).max((0, 1))
        clipped = np.maximum((blocks == least).mean(1), (blocks == most).mean(1)).max(1)
        good = np.isfinite(blocks).all((1, 2)) & (clipped < 1 / 8) & (np.ptp(blocks, axis=1) > 0).all(1)
        found.append(blocks[good])
    return np.concatenate(found)


@lru_cache(maxsize=1)
def _surfaces() -> Array:
    """(SIDE * SIDE, 10) orthonormal: what a picture is like within a block, up to third powers."""
    along = np.linspace(-1, 1, SIDE)
    y, x = (axis.ravel() for axis in np.meshgrid(along, along, indexing="ij"))
    basis: Array = np.linalg.qr(np.stack([x**i * y**j for i in range(4) for j in range(4 - i)], axis=1))[0]
    return basis


def _of_light(terms: Array, lights: Array) -> Array:
    """The law's variance (B, 3), kept from 0."""
    powers = np.maximum(lights, 0)[..., None] ** np.arange(3)
    law: Array = np.maximum((powers * terms).sum(-1), _NOTHING)
    return law


def _fitted(lights: Array, varied: Array, expected: Array, powers: int) -> Array:
    """One channel's terms, none below 0, for (B,) variances whose scatter is as large as what is ``expected``."""
    terms = np.zeros(3)
    known = np.maximum(lights, 0)[:, None] ** np.arange(powers)
    terms[:powers] = nnls(known / expected[:, None], varied / expected)[0]
    return terms


def _first_law(lights: Array, varied: Array, powers: int) -> _Law:
    """A law through the least variances in each of eight steps of light, as if grain were white."""
    count = min(8, len(lights) // FEWEST)
    scale = chi2.ppf(_START, SIDE * SIDE) / (SIDE * SIDE)
    terms = []
    for c in range(3):
        steps = np.array_split(np.argsort(lights[:, c], kind="stable"), count)
        light = np.array([lights[step, c].mean() for step in steps])
        least = np.array([np.quantile(varied[step, c], _START) / scale for step in steps])
        terms.append(_fitted(light, least, np.maximum(least, _NOTHING), powers))
    return _Law(np.stack(terms), np.ones(len(lights), bool), np.zeros((3, 3, len(_LAGS))), 0)


def _shared(rest: Array) -> Array:
    """(3, 3, lags) of (B, SIDE * SIDE, 3) blocks from which surfaces were taken: what it was before that."""
    raster = rest.reshape(-1, SIDE, SIDE, 3)
    spectrum = np.fft.fft2(raster, (2 * SIDE, 2 * SIDE), axes=(1, 2))
    products = np.einsum("nyxa,nyxb->abyx", spectrum.conj(), spectrum) / len(rest)
    sums = np.fft.ifft2(products).real
    seen = np.stack([sums[..., dy, dx] / ((SIDE - abs(dy)) * (SIDE - abs(dx))) for dy, dx in _LAGS], axis=-1)
    shared: Array = np.linalg.solve(_taken(), seen.reshape(9, -1).T).T.reshape(3, 3, -1)
    return shared


@lru_cache(maxsize=1)
def _taken() -> Array:
    """(lags, lags): what taking surfaces out makes of each correlation, row by row."""
    surfaces = _surfaces()
    keep = np.eye(SIDE * SIDE) - surfaces @ surfaces.T
    y, x = np.divmod(np.arange(SIDE * SIDE), SIDE)
    pairs = []
    for dy, dx in _LAGS:
        inside = (y + dy >= 0) & (y + dy < SIDE) & (x + dx >= 0) & (x + dx < SIDE)
        first = np.flatnonzero(inside)
        pairs.append((first, first + dy * SIDE + dx))
    matrix = np.empty((len(_LAGS), len(_LAGS)))
    for column, (first, second) in enumerate(pairs):
        moved = np.zeros_like(keep)
        moved[first] = keep[second]
        seen = keep @ moved
        matrix[:, column] = [seen[a, b].mean() for a, b in pairs]
    return matrix


def _freedom(shared: Array) -> float:
    """How many independent values the mean variance of a block's three channels is made of."""
    strength = shared[range(3), range(3), len(_LAGS) // 2]
    parts = shared**2 / (strength[:, None] * strength[None])[..., None]
    return float(9 * SIDE * SIDE / parts.sum())
