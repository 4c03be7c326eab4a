"""Measuring a plate's grain where the picture under it is flattest, so that texture is not taken for grain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import chi2, norm

from understudy.convert.grain import REACH, Grain

Array = NDArray[np.float64]

SIDE = 16
"""Side in pixels of the blocks in which grain is looked for."""

BLOCKS = 6000
"""Most blocks that are looked at: evenly spread ones."""

FEWEST = 24
"""With fewer flat blocks than this nothing is said of a plate's grain."""

_ROUNDS = 8
_START = 0.1  # the part of the blocks, in each light, that is taken for flat at first
_TRUST = 1.0  # spreads above the law up to which a block may vary; no more, or texture raises the law step by step
_LAGS = [(dy, dx) for dy in range(-REACH, REACH + 1) for dx in range(-REACH, REACH + 1)]


def measure_grain(pictures: Sequence[NDArray[Any]]) -> Grain:
    """The grain of plate pixels (h, w, 3), scene-linear in the space in which it will be laid: a few frames of a shot.

    Pixels must be the plate's own, not resampled. In small blocks a curved surface is taken out, which is the picture;
    what remains is grain, and in some blocks texture. A law of variance by light is fitted to the blocks that vary
    least, then to all whose variance the law explains by chance, until nothing changes (after Liu, Tanaka and Okutomi
    2013). Correlations are means over the same blocks, with what the surfaces took along put back. Without enough
    blocks that are finite and not clipped the answer is no grain.
    """
    blocks = _blocks(pictures)
    if len(blocks) < FEWEST:
        return Grain.none()
    lights = blocks.mean(1)
    surfaces = _surfaces()
    rest = blocks - surfaces @ (surfaces.T @ blocks)
    varied = (rest**2).sum(1) / (SIDE * SIDE - surfaces.shape[1])
    terms = _first_law(lights, varied)
    freedom = SIDE * SIDE - float(surfaces.shape[1])
    flat = np.ones(len(blocks), bool)
    shared = np.zeros((3, 3, len(_LAGS)))
    for _ in range(_ROUNDS):
        law = _of_light(terms, lights)
        spread = np.sqrt(2 / freedom)
        excess = (varied / law).mean(1)
        flat = excess <= max(1 + _TRUST * spread, np.partition(excess, FEWEST - 1)[FEWEST - 1])
        kept = 1 - spread * norm.pdf(_TRUST) / norm.cdf(_TRUST)  # the mean of what is left of the scatter
        terms = np.stack([_fitted(lights[flat, c], varied[flat, c], law[flat, c]) for c in range(3)]) / kept
        shared = _shared(rest[flat] / np.sqrt(_of_light(terms, lights[flat]))[:, None])
        freedom = _freedom(shared)
    strength = shared[range(3), range(3), len(_LAGS) // 2]
    correlation = shared / np.sqrt(strength[:, None] * strength[None])[..., None]
    side = 2 * REACH + 1
    return Grain(
        terms * strength[:, None],
        np.quantile(lights[flat], (0.01, 0.99), axis=0).T,
        correlation.reshape(3, 3, side, side),
    )


def _blocks(pictures: Sequence[NDArray[Any]]) -> Array:
    """(B, SIDE * SIDE, 3) of all pictures: finite, not clipped at a picture's ends, not constant."""
    places = sum(max(0, (p.shape[0] - SIDE) // 8 + 1) * max(0, (p.shape[1] - SIDE) // 8 + 1) for p in pictures)
    step = 8 * max(1, int(np.ceil(np.sqrt(places / BLOCKS))))
    found = [np.empty((0, SIDE * SIDE, 3))]
    for picture in pictures:
        if min(picture.shape[:2]) < SIDE:
            continue
        views = torch.from_numpy(np.array(picture, np.float64)).unfold(0, SIDE, step).unfold(1, SIDE, step)
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
    powers = np.stack([np.ones_like(lights), lights, lights**2], axis=-1)
    law: Array = np.maximum((powers * terms).sum(-1), 1e-16)
    return law


def _fitted(lights: Array, varied: Array, expected: Array) -> Array:
    """One channel's terms, none below 0, for (B,) variances whose scatter is as large as what is ``expected``."""
    powers = np.stack([np.ones_like(lights), np.maximum(lights, 0), lights**2], axis=1)
    terms: Array = nnls(powers / expected[:, None], varied / expected)[0]
    return terms


def _first_law(lights: Array, varied: Array) -> Array:
    """A law through the least variances in each of eight steps of light, as if grain were white."""
    count = min(8, len(lights) // FEWEST)
    scale = chi2.ppf(_START, 250) / 250
    terms = []
    for c in range(3):
        steps = np.array_split(np.argsort(lights[:, c], kind="stable"), count)
        light = np.array([lights[step, c].mean() for step in steps])
        least = np.array([np.quantile(varied[step, c], _START) / scale for step in steps])
        terms.append(_fitted(light, least, np.maximum(least, 1e-16)))
    return np.stack(terms)


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
