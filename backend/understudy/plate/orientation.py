"""How a picture is stored, lying or mirrored, and how it stands: what cameras write of it, undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.plate.frame import Window


@dataclass(frozen=True)
class Orientation:
    """Rows and columns exchanged first, then either mirrored: all eight ways in which a picture can be stored."""

    transposed: bool = False
    mirrors_x: bool = False
    mirrors_y: bool = False

    @staticmethod
    def from_exif(value: int) -> Orientation:
        """That of the tag Orientation, 1 to 8 (Exif 2.3, TIFF 6.0); anything else is upright."""
        ways = [(0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1)]
        return Orientation(*map(bool, ways[value - 1])) if 1 <= value <= 8 else Orientation()

    @staticmethod
    def from_matrix(matrix: Sequence[int]) -> Orientation | None:
        """That of a movie's display matrix, nine numbers of which a b, c d take (x, y) to (a x + c y, b x + d y).

        ISO/IEC 14496-12, track header; only signs and which are zero count. None where it is no quarter turn.
        """
        a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
        small = max(map(abs, (a, b, c, d))) / 256
        if abs(b) <= small and abs(c) <= small and min(abs(a), abs(d)) > small:
            return Orientation(False, a < 0, d < 0)
        if abs(a) <= small and abs(d) <= small and min(abs(b), abs(c)) > small:
            return Orientation(True, c < 0, b < 0)
        return None

    @property
    def is_upright(self) -> bool:
        return not (self.transposed or self.mirrors_x or self.mirrors_y)

    def upright(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Stored ``pixels`` (H, W) or (H, W, C) as they stand."""
        if self.is_upright:
            return pixels
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        return np.ascontiguousarray(pixels[:: -1 if self.mirrors_y else 1, :: -1 if self.mirrors_x else 1])

    def upright_window(self, window: Window) -> Window:
        """The window of a stored picture as it stands."""
        return Window(window.y, window.x, window.height, window.width) if self.transposed else window

    def upright_aspect(self, aspect: float) -> float:
        """The width of a pixel over its height, told of the stored picture, in the upright one."""
        return 1 / aspect if self.transposed else aspect

    def describe(self) -> str:
        """What was done to the stored picture, as a participle: ``turned by 90 degrees``."""
        if self.transposed == (self.mirrors_x == self.mirrors_y):  # an odd number of mirrors
            return "mirrored" + (" and turned by 90 degrees" if self.transposed else "")
        degrees = (270 if self.mirrors_y else 90) if self.transposed else 180
        return f"turned by {degrees} degrees" if not self.is_upright else "upright"
