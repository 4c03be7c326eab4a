"""What a frame is once it is in memory: its pixels, where they lie, and what its file said about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from understudy.plate.encoding import Encoding


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels: the top left corner and the size, x to the right, y downwards."""

    x: int
    y: int
    width: int
    height: int

    def union(self, other: Window) -> Window:
        """The smallest window that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Window(x, y, right - x, bottom - y)


@dataclass(frozen=True)
class Typed:
    """A header attribute whose Python value does not tell its type in the file.

    ``type`` is OpenImageIO's name of the type (``rational``, ``float[8]``, ``matrix``), ``value`` a tuple or number.
    """

    type: str
    value: Any


@dataclass(frozen=True)
class Header:
    """What a plate's file says beside its pixels, and what the output is to say again.

    ``dtype`` is what a composite of this frame is written as. ``fps`` is a fraction (numerator, denominator),
    ``timecode`` the two words of SMPTE 12M (time and flags, user data). ``attributes`` holds everything else by
    OpenImageIO's names: str, int and float as they are, other types as :class:`Typed`. ``encoding`` is what the file says
    of its colours beside an ``interop_id``. With ``straight_alpha`` the colours are not multiplied by the alpha. ``layer``
    and ``view`` say what was taken of the file's ``layers`` and ``views``; both are empty for bare channels. ``notes`` are
    sentences that whoever uses the file should read once.
    """

    data: Window
    display: Window
    dtype: Literal["half", "float"] = "half"
    fps: tuple[int, int] | None = None
    timecode: tuple[int, int] | None = None
    pixel_aspect: float = 1.0
    attributes: dict[str, Any] = field(default_factory=dict)
    interop_id: str | None = None
    encoding: Encoding | None = None
    straight_alpha: bool = False
    layer: str = ""
    layers: tuple[str, ...] = ()
    view: str = ""
    views: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """One decoded frame.

    ``rgb`` is (H, W, 3) float16 or float32 in the file's own colour space; ``alpha`` is (H, W) of the same dtype, or
    None. Half files stay half, bit for bit; integer files become float32 in 0..1. The array covers the data window.
    A frame that was made of another, of pixels that are not square, keeps that one as ``stored``, whose pixels times
    ``stretch`` are its own (plate/square.py).
    """

    number: int
    rgb: NDArray[Any]
    alpha: NDArray[Any] | None
    header: Header
    stored: Frame | None = None
    stretch: tuple[float, float] = (1.0, 1.0)

    @property
    def as_stored(self) -> Frame:
        """The frame as its file holds it."""
        return self.stored or self

    @property
    def origin(self) -> tuple[int, int]:
        """(x, y) of the array's top left pixel in plate pixels: data window minus display window."""
        return self.header.data.x - self.header.display.x, self.header.data.y - self.header.display.y

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the array in pixels."""
        return self.rgb.shape[1], self.rgb.shape[0]
