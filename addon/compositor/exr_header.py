"""What an EXR file's first header says, read without a library: Blender hides it and not every build has OpenImageIO."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_MAGIC = 20000630
_LONGEST = 1 << 20  # an attribute that claims to be longer is damage


@dataclass(frozen=True)
class ExrHeader:
    """Windows are (x0, y0, x1, y1) in pixels from the top left, the last row and column included."""

    data_window: tuple[int, int, int, int]
    display_window: tuple[int, int, int, int]
    pixel_aspect: float = 1.0
    fps: tuple[int, int] | None = None
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the data window, which is all that Blender shows."""
        x0, y0, x1, y1 = self.data_window
        return x1 - x0 + 1, y1 - y0 + 1

    @property
    def colour_spaces(self) -> list[str]:
        """What the space of the colour layers is called: the Color Interop identifier, then the writer's own name."""
        return [self.texts[key] for key in ("colorInteropID", "understudy/colour_space") if self.texts.get(key)]


def read_header(path: Path) -> ExrHeader:
    """The first header of the EXR file ``path``. Raises ValueError for what is no EXR file, OSError when unreadable."""
    with path.open("rb") as file:
        try:
            if struct.unpack("<I", file.read(8)[:4])[0] != _MAGIC:
                raise ValueError(f"{path} is not an EXR file.")
            values: dict[str, tuple[str, bytes]] = {}
            while name := _word(file):
                kind = _word(file)
                length = struct.unpack("<i", file.read(4))[0]
                if not 0 <= length <= _LONGEST:
                    raise struct.error
                values[name] = kind, file.read(length)
            windows = [struct.unpack("<4i", values[key][1]) for key in ("dataWindow", "displayWindow")]
            aspect = struct.unpack("<f", values["pixelAspectRatio"][1])[0]
        except (struct.error, KeyError, EOFError):
            raise ValueError(f"{path} is damaged: its header cannot be read.") from None
    texts = {name: data.decode("utf-8", "replace") for name, (kind, data) in values.items() if kind == "string"}
    rate = values.get("framesPerSecond", ("", b""))
    fps = struct.unpack("<iI", rate[1]) if rate[0] == "rational" and len(rate[1]) == 8 else None
    return ExrHeader(windows[0], windows[1], aspect, fps if fps and min(fps) > 0 else None, texts)


def _word(file: BinaryIO) -> str:
    word = bytearray()
    while (byte := file.read(1)) != b"\0":
        if not byte or len(word) > 255:
            raise EOFError
        word += byte
    return word.decode("utf-8", "replace")
