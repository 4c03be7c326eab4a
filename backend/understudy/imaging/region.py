"""Rectangles of a picture's array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from understudy.imaging.affine import FloatArray, apply, invert


@dataclass(frozen=True)
class Region:
    """A rectangle of the plate's array: ``x``, ``y`` is its first pixel."""

    x: int
    y: int
    width: int
    height: int

    @property
    def rows(self) -> slice:
        return slice(self.y, self.y + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.x, self.x + self.width)

    def grown(self, margin: int, width: int, height: int) -> Region:
        """With ``margin`` more pixels on each side, as far as a ``width`` x ``height`` array has them."""
        x, y = max(self.x - margin, 0), max(self.y - margin, 0)
        right, bottom = min(self.x + self.width + margin, width), min(self.y + self.height + margin, height)
        return Region(x, y, right - x, bottom - y)

    def part(self, part: tuple[slice, slice]) -> Region:
        """The part of it at ``part``, rows and columns counted from its first pixel."""
        rows, columns = part
        return Region(self.x + columns.start, self.y + rows.start, columns.stop - columns.start, rows.stop - rows.start)

    def union(self, other: Region) -> Region:
        """The smallest region that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Region(x, y, right - x, bottom - y)


def region_of(matrices: Sequence[FloatArray], size: int, width: int, height: int) -> Region | None:
    """The part of a ``width`` x ``height`` array that crops of ``size`` cover under ``matrices`` (array -> crop pixels).

    None when they lie outside altogether.
    """
    square = np.array([(0, 0), (size, 0), (0, size), (size, size)])
    corners = np.concatenate([apply(invert(matrix), square) for matrix in matrices])
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    return Region(left, top, right - left, bottom - top) if right > left and bottom > top else None
