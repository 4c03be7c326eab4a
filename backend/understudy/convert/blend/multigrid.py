"""Membranes: the smoothest surfaces through given values, solved to far below what can be seen.

Conjugate gradients on the five-point Laplacian, each step smoothed over all scales at once by a multigrid cycle, from a
start that is solved from coarse to fine (Trottenberg, Oosterlee and Schueller, "Multigrid", 2001). Coarse grids add up
the links of the finer ones, so that any shape does, however thin its parts.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.float32]
"""(C, h, w): planes of one grid."""

_STEPS = 5
"""Steps of conjugate gradients; each leaves about a third of the error, which starts below a third of the range."""

_DAMPING = np.float32(0.8)
_SPREAD = np.array([0.25, 0.75, 0.75, 0.25])
"""Linear interpolation to a grid twice as fine, transposed."""


def membrane(support: NDArray[np.bool_], values: Pictures, held: NDArray[np.bool_]) -> Pictures:
    """Solve Laplace's equation over ``support`` (h, w) with ``values`` (C, h, w) where they are ``held`` (h, w).

    Each pixel of the support becomes the mean of those of its four neighbours that are held or in the support: towards
    the others, and at the edges of the array, the surface runs out flat. A part that touches nothing held is 0, and so
    is everything outside the support. To 1e-3 of the range of the values. Returns (C, h, w) float32.
    """
    support = _touched(support, held)
    levels = [_finest(support, held)]
    sources = [_from_neighbours(values * held) * support]
    while min(levels[-1].shape) > 3:
        levels.append(levels[-1].coarser())
        sources.append(_blocks(sources[-1]))
    surface = np.zeros_like(sources[-1])
    for level, finer in zip(range(len(levels) - 1, 0, -1), reversed(levels[:-1]), strict=True):
        surface += _cycle(levels[level:], levels[level].rest(surface, sources[level]))
        surface = finer.within(_finer(surface, finer.shape))
    grid = levels[0]
    rest = grid.rest(surface, sources[0])
    step, before = np.zeros_like(rest), np.full(len(rest), np.inf)
    for _ in range(_STEPS):
        smooth = _cycle(levels, rest)
        now = _products(rest, smooth)
        step = smooth + step * _planes(now / before)
        pull = grid.pull(step)
        length = _planes(now / np.maximum(_products(step, pull), 1e-30))
        surface += length * step
        rest -= length * pull
        before = np.maximum(now, 1e-30)
    return surface


class _Grid:
    """Pixels with links to their neighbours on the right (h, w - 1) and below (h - 1, w), and to what is held (h, w)."""

    def __init__(self, right: Pictures, below: Pictures, hold: Pictures) -> None:
        self._right, self._below, self._hold = right, below, hold
        weight = hold.copy()
        weight[:, :-1] += right
        weight[:, 1:] += right
        weight[:-1] += below
        weight[1:] += below
        self._weight = weight
        self._inverse = np.where(weight > 0, 1 / np.where(weight > 0, weight, 1), 0).astype(np.float32)
        self._inside = (weight > 0).astype(np.float32)
        self.shape = hold.shape

    def pull(self, surface: Pictures) -> Pictures:
        """What the links of ``surface`` pull at each pixel: the operator itself."""
        result = self._weight * surface
        result[:, :, :-1] -= self._right * surface[:, :, 1:]
        result[:, :, 1:] -= self._right * surface[:, :, :-1]
        result[:, :-1] -= self._below * surface[:, 1:]
        result[:, 1:] -= self._below * surface[:, :-1]
        return result

    def rest(self, surface: Pictures, source: Pictures) -> Pictures:
        return source - self.pull(surface)

    def relaxed(self, rest: Pictures) -> Pictures:
        """One damped Jacobi step."""
        return rest * (self._inverse * _DAMPING)

    def within(self, surface: Pictures) -> Pictures:
        return surface * self._inside

    def coarser(self) -> _Grid:
        """The grid of blocks of 2 x 2: links between blocks are half as stiff as their two together, as the way is twice."""
        height, width = self.shape
        right = np.pad(self._right[:, 1::2], ((0, height % 2), (0, 0)))
        below = np.pad(self._below[1::2], ((0, 0), (0, width % 2)))
        return _Grid((right[::2] + right[1::2]) / 2, (below[:, ::2] + below[:, 1::2]) / 2, _blocks(self._hold))


def _touched(support: NDArray[np.bool_], held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those parts of ``support`` that have a neighbour which is held."""
    _, parts = cv2.connectedComponents(support.astype(np.uint8), connectivity=4)
    beside = _from_neighbours(held.astype(np.float32)[None])[0] > 0
    return support & np.isin(parts, np.unique(parts[beside & support]))


def _finest(support: NDArray[np.bool_], held: NDArray[np.bool_]) -> _Grid:
    right, below = support[:, 1:] & support[:, :-1], support[1:] & support[:-1]
    hold = _from_neighbours(held.astype(np.float32)[None])[0] * support
    return _Grid(right.astype(np.float32), below.astype(np.float32), hold)


def _cycle(levels: list[_Grid], rest: Pictures) -> Pictures:
    """One V-cycle from 0: what roughly answers ``rest``. Symmetric, as conjugate gradients want it."""
    grid = levels[0]
    surface = grid.relaxed(rest)
    if len(levels) == 1:
        for _ in range(16):
            surface += grid.relaxed(grid.rest(surface, rest))
        return surface
    left = _restricted(grid.rest(surface, rest))
    surface += grid.within(_finer(_cycle(levels[1:], left), grid.shape))
    surface += grid.relaxed(grid.rest(surface, rest))
    return surface


def _from_neighbours(planes: Pictures) -> Pictures:
    """The sum of each pixel's four neighbours; outside the array they are 0."""
    result = np.zeros_like(planes)
    result[:, :, :-1] += planes[:, :, 1:]
    result[:, :, 1:] += planes[:, :, :-1]
    result[:, :-1] += planes[:, 1:]
    result[:, 1:] += planes[:, :-1]
    return result


def _even(planes: Pictures) -> Pictures:
    """Filled up with 0 to an even height and width."""
    height, width = planes.shape[-2:]
    if height % 2 or width % 2:
        return np.pad(planes, [(0, 0)] * (planes.ndim - 2) + [(0, height % 2), (0, width % 2)])
    return planes


def _blocks(planes: Pictures) -> Pictures:
    """The sums over blocks of 2 x 2."""
    even = _even(planes)
    return np.asarray(even[..., ::2, ::2] + even[..., 1::2, ::2] + even[..., ::2, 1::2] + even[..., 1::2, 1::2])


def _finer(planes: Pictures, shape: tuple[int, ...]) -> Pictures:
    """Twice as many pixels each way, linear between the coarse ones, cut to ``shape``."""
    height, width = planes.shape[1:]
    result = np.empty((len(planes), *shape), np.float32)
    for plane, target in zip(planes, result, strict=True):
        target[...] = cv2.resize(plane, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]]
    return result


def _restricted(planes: Pictures) -> Pictures:
    """:func:`_finer` transposed."""
    return np.stack([
        cv2.sepFilter2D(plane, -1, _SPREAD, _SPREAD, anchor=(1, 1), borderType=cv2.BORDER_REPLICATE)[::2, ::2]
        for plane in _even(planes)
    ])  # fmt: skip


def _products(one: Pictures, other: Pictures) -> NDArray[Any]:
    """The inner product of each plane."""
    return np.asarray(np.einsum("cij,cij->c", one, other))


def _planes(factors: NDArray[Any]) -> NDArray[np.float32]:
    return factors.astype(np.float32)[:, None, None]
