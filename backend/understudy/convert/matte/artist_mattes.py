"""What the artist gives to limit a swap: a holdout that stays before the new face, a roto that the face stays within."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.imaging.affine import FloatArray
from understudy.imaging.resample import warp
from understudy.plate.frame import Frame, Header
from understudy.plate.matte import Matte
from understudy.plate.square import in_square


@dataclass(frozen=True, eq=False)
class FrameMattes:
    """One frame's mattes over its array, (H, W) float32 in 0..1; None where none is given."""

    holdout: NDArray[np.float32] | None = None
    roto: NDArray[np.float32] | None = None

    def hidden(self, matrix: FloatArray, size: int) -> NDArray[np.float32]:
        """The holdout through ``matrix`` (array -> crop pixels): (size, size) in 0..1."""
        if self.holdout is None:
            return np.zeros((size, size), np.float32)
        return np.clip(warp(self.holdout[..., None], matrix, size)[..., 0], 0, 1)


@dataclass(frozen=True)
class ArtistMattes:
    """Where a shot's :class:`FrameMattes` come from."""

    holdout: Matte | None
    roto: Matte | None

    @staticmethod
    def open(holdout: str | None, roto: str | None, frames: tuple[int, ...]) -> ArtistMattes:
        """Find both, written FILE or FILE:CHANNEL, for all ``frames``. Raises as :meth:`Matte.open`."""
        return ArtistMattes(*(Matte.open(spec, frames) if spec else None for spec in (holdout, roto)))

    def check(self, header: Header, frames: Sequence[int]) -> None:
        """Raise where on one of ``frames`` a matte has another size than the plate's ``header``, or lacks its channel."""
        for matte in (self.holdout, self.roto):
            if matte is not None:
                matte.check(header, frames)

    def of(self, frame: Frame) -> FrameMattes:
        """The mattes of ``frame``; outside their files they are 0. Raises as :meth:`Matte.weights`."""
        return FrameMattes(*(_weights(matte, frame) if matte else None for matte in (self.holdout, self.roto)))


def _weights(matte: Matte, frame: Frame) -> NDArray[np.float32]:
    """The matte over the array of ``frame``, as which it is stored or not."""
    header = frame.as_stored.header
    found = matte.weights(frame.number, header, header.data)
    if frame.stored is None:
        return found
    return np.clip(in_square(found, header, frame.header, frame.stretch), 0, 1)
