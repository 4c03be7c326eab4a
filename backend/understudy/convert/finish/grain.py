"""A plate's grain as a law: how strong it is in which light, how coarse, how its channels go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

REACH = 4
"""Farthest distance in pixels, along x and along y, over which grain may be correlated."""

TILE = 64
"""Side of the squares of the plate whose noise is drawn at a time."""

_SPECTRUM = 32  # side of the raster on which a correlation becomes a kernel
_STRONGEST = 4.0  # most that grain is raised by under a soft matte
_NEGLIGIBLE = 0.002  # the part of a kernel's power that may be left out at its rim: as much as measuring gets wrong


@dataclass(frozen=True, eq=False)
class Grain:
    """Grain in scene-linear R, G and B of the plate's pixels; Gaussian, new on every frame.

    In light L the variance is ``terms`` @ (1, L, L^2): read noise, photons, film. ``correlation[a, b, dy, dx]`` is what
    channel a has in common with channel b (dy - REACH, dx - REACH) pixels further, as a part of their strengths: 1 for
    a channel with itself in place.
    """

    terms: NDArray[np.float64]  # (3, 3) one row for each channel, none below 0
    lights: NDArray[np.float64]  # (3, 2) least and most light in which each channel was measured
    correlation: NDArray[np.float64]  # (3, 3, 2 * REACH + 1, 2 * REACH + 1)

    @staticmethod
    def none() -> Grain:
        """No grain at all."""
        correlation = np.zeros((3, 3, 2 * REACH + 1, 2 * REACH + 1))
        correlation[range(3), range(3), REACH, REACH] = 1.0
        return Grain(np.zeros((3, 3)), np.zeros((3, 2)), correlation)

    def variance(self, light: NDArray[Any]) -> NDArray[np.float32]:
        """The variance of each channel in ``light`` (N, 3) or (h, w, 3) float32, finite.

        Below the least light that was measured its variance holds; above the most it grows in proportion, as photons do.
        """
        rows = light.reshape(len(light), -1)
        # Rows as long as the picture's: numpy is several times slower over rows of three.
        least, most, still, photons, film = (
            np.tile(np.float32(values), rows.shape[1] // 3) for values in (*self.lights.T, *self.terms.T)
        )
        level = np.clip(rows, least, most)
        variance = still + level * (photons + level * film)
        if (rows > most).any():
            variance *= np.maximum(rows / np.maximum(most, np.float32(1e-3)), np.float32(1))
        return np.asarray(variance.reshape(light.shape), np.float32)

    def lay(
        self,
        swap: NDArray[np.float32],
        *,
        seed: int,
        origin: tuple[int, int] = (0, 0),
        strength: float = 1.0,
        matte: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """``swap`` (h, w, 3), scene-linear, with grain of this law in its own light; see :meth:`noise` and :meth:`strength`."""
        if strength == 0 or not self:
            return swap
        return swap + self.strength(swap, strength, matte) * self.noise(swap.shape[1], swap.shape[0], seed, origin)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.terms.any())

    def strength(
        self, swap: NDArray[np.float32], scale: float = 1.0, matte: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The standard deviation (h, w, 3) of grain in the light of ``swap`` (h, w, 3), times ``scale``.

        Where ``matte`` (h, w) mixes swap and plate, two independent grains would come out weaker than either. Given the
        matte, the swap's is raised by sqrt((2 - m) / m), so that m^2 s^2 + (1 - m)^2 p^2 is the plate's variance
        again; by ``_STRONGEST`` at most, where little of it is left to see.
        """
        amplitude = scale * np.sqrt(self.variance(swap))
        if matte is not None:
            part = np.clip(matte, 2 / (1 + _STRONGEST**2), 1.0)
            amplitude *= np.sqrt((2 - part) / part)[..., None]
        return amplitude

    def noise(self, width: int, height: int, seed: int, origin: tuple[int, int]) -> NDArray[np.float32]:
        """Noise (height, width, 3) of variance 1 with this correlation; the ``seed`` is the frame's number.

        ``origin`` is where the first pixel lies on the plate, x y, so that a pixel of a frame has its grain wherever a
        region begins.
        """
        reach = self._kernel.shape[-1] // 2
        left, top = origin[0] - reach, origin[1] - reach
        white = torch.from_numpy(white_noise(width + 2 * reach, height + 2 * reach, seed, (left, top)))
        return np.asarray(F.conv2d(white[None], self._kernel)[0].permute(1, 2, 0).numpy())

    def to_json(self) -> dict[str, Any]:
        return {
            "terms": self.terms.tolist(),
            "lights": self.lights.tolist(),
            "correlation": self.correlation.tolist(),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Grain:
        return Grain(*(np.array(data[name], np.float64) for name in ("terms", "lights", "correlation")))

    @cached_property
    def _kernel(self) -> torch.Tensor:
        """What makes grain of white noise, (3, 3, K, K): the square root of the spectrum, which is kept from below 0.

        K is no more than it takes: fine grain is made several times as fast.
        """
        correlation = np.zeros((3, 3, _SPECTRUM, _SPECTRUM))
        side = 2 * REACH + 1
        correlation[..., :side, :side] = self.correlation
        centred = np.roll(correlation, (-REACH, -REACH), (2, 3))
        spectrum = np.moveaxis(np.fft.fft2(centred), (0, 1), (2, 3))
        values, vectors = np.linalg.eigh(spectrum)
        roots = np.sqrt(np.maximum(values, 0.0))[..., None, :] * vectors @ vectors.conj().swapaxes(2, 3)
        kernel = np.roll(np.fft.ifft2(np.moveaxis(roots, (2, 3), (0, 1))).real, (REACH, REACH), (2, 3))
        kernel = kernel[..., :side, :side]
        whole = (kernel**2).sum()
        for rim in range(REACH + 1):
            inner = kernel[..., rim : side - rim, rim : side - rim]
            if (inner**2).sum() >= (1 - _NEGLIGIBLE) * whole:
                smallest = inner
        kernel = smallest / np.sqrt((smallest**2).sum((1, 2, 3), keepdims=True))
        return torch.from_numpy(np.ascontiguousarray(kernel, np.float32))


def white_noise(width: int, height: int, seed: int, origin: tuple[int, int]) -> NDArray[np.float32]:
    """Independent normal numbers for pixels of a plate, (3, height, width); each has its own whatever is asked for."""
    left, top = origin
    columns = range(left // TILE, (left + width - 1) // TILE + 1)
    rows = range(top // TILE, (top + height - 1) // TILE + 1)
    noise = np.empty((3, len(rows) * TILE, len(columns) * TILE), np.float32)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            key = [number & 0xFFFFFFFF for number in (seed, row, column)]  # none may be negative
            random = np.random.Generator(np.random.SFC64(key))
            place = np.s_[:, i * TILE : (i + 1) * TILE, j * TILE : (j + 1) * TILE]
            noise[place] = random.standard_normal((3, TILE, TILE), np.float32)
    y, x = top - rows[0] * TILE, left - columns[0] * TILE
    return noise[:, y : y + height, x : x + width]
