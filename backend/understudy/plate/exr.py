"""A cheap answer to the question whether an EXR file has all its pixel data.

An EXR file holds a table of the place of each block of pixels. A file that was cut short, or that a killed program
left open, has zeros in the table or blocks that lie beyond its end. Layout: OpenEXR's "File Layout" document.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_MAGIC = 20000630
EXR_MAGIC = struct.pack("<I", _MAGIC)
"""What every EXR file begins with."""

_MOST_PARTS, _MOST_BLOCKS = 1 << 12, 1 << 21  # of a file that was not made to hold its reader
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000


def is_deep(start: bytes) -> bool:
    """Whether a file that begins with ``start`` (8 bytes or more of an EXR file) says that it holds deep pixels."""
    return len(start) >= 8 and bool(struct.unpack("<I", start[4:8])[0] & _DEEP)


def has_all_pixels(path: Path) -> bool:
    """True when every block of pixels of a flat (not deep) EXR file lies inside the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            magic, version = struct.unpack("<II", file.read(8))
            if magic != _MAGIC or version & _DEEP:
                return False
            multipart = bool(version & _MULTIPART)
            tiled = [version & _TILED != 0]
            if multipart:
                tiled = _skip_parts(file)
            else:
                _attributes(file)
            offsets = _offsets(file, size)
            last = max(offsets)
            file.seek(last)
            # A block: the part's number where there are several, its coordinates, the size of its data.
            part = struct.unpack("<i", file.read(4))[0] if multipart else 0
            file.seek(16 if tiled[part] else 4, 1)
            (length,) = struct.unpack("<I", file.read(4))
            return file.tell() + int(length) <= size
        except (struct.error, ValueError, IndexError):
            return False


def _skip_parts(file: BinaryIO) -> list[bool]:
    """Read past the headers of a multi-part file; tells of each part whether it is tiled."""
    tiled = []
    while attributes := _attributes(file):
        tiled.append(attributes.get("type", b"").startswith(b"tiled"))
        if len(tiled) > _MOST_PARTS:
            raise ValueError("parts without end")
    return tiled


def _attributes(file: BinaryIO) -> dict[str, bytes]:
    attributes = {}
    while name := _text(file):
        _text(file)
        (length,) = struct.unpack("<i", file.read(4))
        if length < 0:
            raise ValueError("an attribute of less than nothing")
        attributes[name] = file.read(length)
    return attributes


def _text(file: BinaryIO) -> str:
    """A zero-terminated text."""
    letters = bytearray()
    while (letter := file.read(1)) != b"\0":
        if not letter or len(letters) > 255:
            raise ValueError("a text has no end")
        letters += letter
    return letters.decode()


def _offsets(file: BinaryIO, size: int) -> list[int]:
    """The places of all blocks. The table has no length of its own: it ends where the first block begins."""
    offsets: list[int] = []
    first = size
    while file.tell() < first:
        (offset,) = struct.unpack("<Q", file.read(8))
        if not file.tell() <= offset < size:
            raise ValueError("a block lies outside the file")
        offsets.append(offset)
        if len(offsets) > _MOST_BLOCKS:
            raise ValueError("blocks without end")
        first = min(first, offset)
    return offsets
