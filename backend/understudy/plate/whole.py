"""Whether a picture file was cut short, as one that is still being copied is, without decoding it.

Told from what each format says of its own length: EXR's table of blocks, the chunks of a PNG (PNG specification, 5.3), the
end marker of a JPEG (ITU-T T.81, annex B), the strips of a TIFF (TIFF 6.0, section 2), the size in the header of DPX
(SMPTE 268), BMP and WebP.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from understudy.plate.exr import EXR_MAGIC, has_all_pixels, is_deep

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def is_cut_short(path: Path) -> bool:
    """Whether ``path`` begins as a picture of a known format and ends before that says that it does.

    False for what is empty, is no picture, or is of a format that does not tell its length. Raises OSError.
    """
    with path.open("rb") as file:
        start = file.read(32)
        size = path.stat().st_size
        if start.startswith(EXR_MAGIC):
            return not (is_deep(start) or has_all_pixels(path))
        for beginning, check in _CHECKS.items():
            if start.startswith(beginning):
                file.seek(0)
                try:
                    return not check(file, size)
                except (struct.error, IndexError, KeyError):
                    return True  # it ends within its own header
    return False


def _png(file: BinaryIO, size: int) -> bool:
    place = len(_PNG)
    while place + 12 <= size:
        file.seek(place)
        length, kind = struct.unpack(">I4s", file.read(8))
        place += 12 + int(length)
        if kind == b"IEND":
            return place <= size
    return False


def _jpeg(file: BinaryIO, _size: int) -> bool:
    content = file.read()
    place = 2
    # Segments tell their length up to the picture's own data; an end marker before that is a thumbnail's.
    while content[place] == 0xFF and content[place + 1] != 0xDA:
        place += 1 if content[place + 1] == 0xFF else 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return content.find(b"\xff\xd9", place) >= 0


def _tiff(file: BinaryIO, size: int) -> bool:
    order = "<" if file.read(2) == b"II" else ">"
    (version,) = struct.unpack(order + "H", file.read(2))
    big = version == 43
    if big:
        file.read(4)
    pointer = order + ("Q" if big else "I")
    (place,) = struct.unpack(pointer, file.read(8 if big else 4))
    file.seek(place)
    (entries,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    width = 20 if big else 12
    table = file.read(width * min(entries, 4096))
    found: dict[int, tuple[int, ...]] = {}
    for row in range(min(entries, 4096)):
        tag, kind, count = struct.unpack(order + ("HHQ" if big else "HHI"), table[row * width :][: 12 if big else 8])
        if tag in (273, 279, 324, 325):  # offsets and lengths of strips and of tiles
            found[tag] = _values(file, table[row * width :][(12 if big else 8) : width], order, pointer, kind, count)
    offsets, lengths = found.get(273, found.get(324, ())), found.get(279, found.get(325, ()))
    return all(offset + length <= size for offset, length in zip(offsets, lengths, strict=False))


def _values(file: BinaryIO, field: bytes, order: str, pointer: str, kind: int, count: int) -> tuple[int, ...]:
    length = _TIFF_SIZES[kind] * count
    if length > len(field):
        file.seek(struct.unpack(pointer, field)[0])
        field = file.read(length)
    return struct.unpack(f"{order}{count}{ {3: 'H', 4: 'I', 16: 'Q'}[kind] }", field[:length])


def _dpx(file: BinaryIO, size: int) -> bool:
    start = file.read(20)
    stated = int.from_bytes(start[16:20], "big" if start[:4] == b"SDPX" else "little")
    return stated == 0xFFFFFFFF or size >= stated  # some writers leave the field at zero or all ones


def _bmp(file: BinaryIO, size: int) -> bool:
    return size >= int.from_bytes(file.read(6)[2:6], "little")


def _webp(file: BinaryIO, size: int) -> bool:
    start = file.read(12)
    return start[8:12] != b"WEBP" or size >= 8 + int.from_bytes(start[4:8], "little")


_CHECKS: dict[bytes, Callable[[BinaryIO, int], bool]] = {
    _PNG: _png,
    b"\xff\xd8\xff": _jpeg,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"II+\0": _tiff,
    b"MM\0+": _tiff,
    b"SDPX": _dpx,
    b"XPDS": _dpx,
    b"BM": _bmp,
    b"RIFF": _webp,
}
