"""What the artist gives to limit a swap: a holdout that stays before the new face, a roto that the face stays within."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from understudy.convert.place import Placed
from understudy.face.geometry import FloatArray
from understudy.face.resample import warp
from understudy.plate.frame import Frame
from understudy.plate.matte import Matte


@dataclass(frozen=True, eq=False)
class Limits:
    """One frame's mattes over its array, (H, W) float32 in 0..1; None where none is given."""

    holdout: NDArray[np.float32] | None = None
    roto: NDArray[np.float32] | None = None

    def hidden(self, matrix: FloatArray, size: int) -> NDArray[np.float32]:
        """The holdout through ``matrix`` (array -> crop pixels): (size, size) in 0..1."""
        if self.holdout is None:
            return np.zeros((size, size), np.float32)
        return np.clip(warp(self.holdout[..., None], matrix, size)[..., 0], 0, 1)

    def limit(self, placed: Placed) -> Placed:
        """``placed`` with its matte multiplied by the roto and by 1 - holdout, and the holdout in its occlusion."""
        rows, columns = placed.region.rows, placed.region.columns
        if self.roto is not None:
            placed = replace(placed, matte=placed.matte * self.roto[rows, columns])
        if self.holdout is not None:
            before = self.holdout[rows, columns]
            occlusion = np.maximum(placed.occlusion, np.where(placed.inside, before, 0))
            placed = replace(placed, matte=placed.matte * (1 - before), occlusion=occlusion)
        return placed


@dataclass(frozen=True)
class GivenMattes:
    """Where a shot's :class:`Limits` come from."""

    holdout: Matte | None
    roto: Matte | None

    @staticmethod
    def open(holdout: str | None, roto: str | None, frames: tuple[int, ...]) -> GivenMattes:
        """Find both, written FILE or FILE:CHANNEL, for all ``frames``. Raises as :meth:`Matte.open`."""
        return GivenMattes(*(Matte.open(spec, frames) if spec else None for spec in (holdout, roto)))

    def of(self, frame: Frame) -> Limits:
        """The mattes of ``frame``; outside their files they are 0. Raises as :meth:`Matte.weights`."""
        given = (self.holdout, self.roto)
        return Limits(
            *(matte.weights(frame.number, frame.header, frame.header.data) if matte else None for matte in given)
        )
