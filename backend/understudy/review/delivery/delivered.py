"""One frame of a delivery as it was read back: its layers, laid over one window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.plate.frame import Frame, Header, Window
from understudy.plate.matte import laid_over
from understudy.plate.picture import Part

Contract = Mapping[str, str]
"""What a frame has to hold: the full name of each channel (``R``, ``matte.A``) to its type, ``half`` or ``float``; empty
for the plate's own."""

COLOUR = ("R", "G", "B")

Box = tuple[slice, slice]
"""Rows and columns of a window's array."""

EVERYTHING: Box = (slice(None), slice(None))


@dataclass(frozen=True, eq=False)
class UnderFrame:
    """The plate under a delivered frame, in the delivery's colour space.

    ``rgb`` (H, W, 3) half or float is what a composite keeps where the matte is 0, ``alpha`` (H, W) of the same type or
    None; both cover the data window of ``header``.
    """

    rgb: NDArray[Any]
    alpha: NDArray[Any] | None
    header: Header

    @staticmethod
    def of(frame: Frame, rgb: NDArray[Any]) -> UnderFrame:
        """The plate's ``frame``, whose colours as they are written are ``rgb``."""
        return UnderFrame(rgb, frame.alpha, frame.header)

    def over(self, window: Window) -> tuple[NDArray[Any], NDArray[Any]]:
        """(H, W, 3) and (H, W) alpha over ``window``; black and clear outside the plate, opaque in one without alpha."""
        data = self.header.data
        alpha = np.ones(self.rgb.shape[:2], self.rgb.dtype) if self.alpha is None else self.alpha
        return laid_over(self.rgb, data, window), laid_over(alpha, data, window)


@dataclass(frozen=True, eq=False)
class Delivered:
    """A frame's parts. The main part is that with the bare R, G and B, or else the first; its data window counts."""

    number: int
    parts: Sequence[Part]
    size: int  # bytes of the file

    def without_pixels(self) -> Delivered:
        """The same without its planes: what a file says of itself, to be kept beside later frames."""
        return replace(self, parts=[replace(part, planes={}) for part in self.parts])

    @property
    def header(self) -> Header:
        """What the first part says; a file's own attributes stand there."""
        return self.parts[0].header

    @cached_property
    def main(self) -> Part:
        """The part with the composite."""
        return next((part for part in self.parts if all(name in part.types for name in COLOUR)), self.parts[0])

    @property
    def window(self) -> Window:
        """What every plane here is laid over."""
        return self.main.header.data

    @cached_property
    def types(self) -> dict[str, str]:
        """The type in the file of every channel of all parts."""
        return {name: kind for part in reversed(self.parts) for name, kind in part.types.items()}

    @property
    def has_colour(self) -> bool:
        """Whether there is a composite."""
        return all(name in self.main.types for name in COLOUR)

    def plane(self, name: str) -> NDArray[Any] | None:
        """The channel of that name, (H, W) over the window; None where there is none."""
        part = next((part for part in self.parts if name in part.types), None)
        return None if part is None else laid_over(part.planes[name], part.header.data, self.window)

    def colour(self, layer: str = "", box: Box = EVERYTHING) -> NDArray[Any] | None:
        """R, G and B of ``layer`` (the main one: empty) inside ``box`` as (H, W, 3); None where one of them is not there."""
        planes = [self.plane(f"{layer}.{name}" if layer else name) for name in COLOUR]
        there = [plane[box] for plane in planes if plane is not None]
        return np.stack(there, axis=-1) if len(there) == len(COLOUR) else None


@dataclass(frozen=True)
class Finding:
    """What one frame has against it by one check.

    ``weight`` tells bad from worse within the check. ``told`` is a clause to follow the frame's number. ``pixel`` is (x, y)
    of the window's array, of a picture worth looking at.
    """

    check: str
    frame: int
    weight: float
    told: str
    warns: bool = False
    pixel: tuple[int, int] | None = None
