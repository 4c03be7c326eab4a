"""Picture files through OpenImageIO: EXR, DPX, TIFF, PNG, JPEG."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from understudy.errors import MissingInputError, OutOfMemoryError, UnreadableError
from understudy.plate.frame import Frame, Header, Window
from understudy.plate.header import header_of

_ROWS = 256  # decoded at a time where types are mixed: OpenImageIO then gives all channels as float

_DAMAGED = "The file is damaged or was not copied completely: copy or render it again."


@dataclass(frozen=True, eq=False)
class Plane:
    """One channel of a picture: ``values`` (H, W) float32 over the window ``data``, which lies in ``display``."""

    values: NDArray[np.float32]
    data: Window
    display: Window


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a picture, just as it is stored.

    ``types`` are the channels' types in the file (``half``, ``float``, ``uint``), ``planes`` their pixels, (H, W) over the
    header's data window: float16 where they are half, else float32.
    """

    name: str
    compression: str
    header: Header
    types: dict[str, str]
    planes: dict[str, NDArray[Any]]


def read_picture(path: Path, number: int) -> Frame:
    """Frame ``number`` from the picture ``path``. Raises MissingInputError and UnreadableError."""
    with _opened(path) as source:
        part, colour, alpha = _colour_channels(source, path)
        spec = source.spec(part)
        dtype = _dtype(spec, colour)
        rgb = _read(source, path, part, colour, dtype)
        matte = _read(source, path, part, [alpha], dtype)[..., 0] if alpha is not None else None
        header = _header(source, part, colour)
    if len(colour) == 1:
        rgb = np.repeat(rgb, 3, axis=2)
    turn = spec.get_int_attribute("Orientation", 1)
    return Frame(number, _upright(rgb, turn), None if matte is None else _upright(matte, turn), header)


def read_picture_header(path: Path) -> Header:
    """The header alone; no pixels are decoded. Raises MissingInputError and UnreadableError."""
    with _opened(path) as source:
        part, colour, _ = _colour_channels(source, path)
        return _header(source, part, colour)


def read_plane(path: Path, channel: str) -> Plane:
    """The channel of that name from whichever part has it, just as it is stored; integers as parts of their maximum.

    Raises MissingInputError, and UnreadableError that names the channels there are.
    """
    with _opened(path, as_stored=True) as source:
        part, spec = _part_with(source, path, channel)
        values = _read(source, path, part, [list(spec.channelnames).index(channel)], "float")[..., 0]
        header = header_of(spec, "float")
        return Plane(values, header.data, header.display)


def read_plane_header(path: Path, channel: str) -> Header:
    """The header of the part that :func:`read_plane` would read, and raises as it does; no pixel is decoded."""
    with _opened(path, as_stored=True) as source:
        return header_of(_part_with(source, path, channel)[1], "float")


def _part_with(source: oiio.ImageInput, path: Path, channel: str) -> tuple[int, oiio.ImageSpec]:
    available: list[str] = []
    for part, spec in _parts(source):
        if channel in spec.channelnames:
            return part, spec
        available += spec.channelnames
    raise UnreadableError(
        f"{path} has no channel {channel}; it has {', '.join(available)}.", "Choose one of the channels that are there."
    )


def channel_names(path: Path) -> list[set[str]]:
    """The names of the channels of each part. Raises MissingInputError and UnreadableError."""
    with _opened(path) as source:
        return [set(spec.channelnames) for _, spec in _parts(source)]


def read_parts(path: Path) -> list[Part]:
    """All parts with all their channels. Raises MissingInputError and UnreadableError."""
    with _opened(path, as_stored=True) as source:
        # Walked first: reading moves on to the part that it reads.
        return [_part(source, path, part, spec) for part, spec in list(_parts(source))]


@contextmanager
def _opened(path: Path, *, as_stored: bool = False) -> Iterator[oiio.ImageInput]:
    """``as_stored``: what a PNG or TIFF holds beside an alpha is not multiplied by it."""
    if not path.is_file():
        raise MissingInputError(f"{path} does not exist.", "Check the path and the frame range.")
    wishes = oiio.ImageSpec()
    wishes.attribute("oiio:UnassociatedAlpha", int(as_stored))
    source: oiio.ImageInput | None = oiio.ImageInput.open(str(path), wishes)
    if source is None:
        reason = _sentence(oiio.geterror())
        raise UnreadableError(f"{path} cannot be read as a picture: {reason}.", _DAMAGED)
    try:
        _check_dpx_size(source, path)
        yield source
    finally:
        source.close()


def _parts(source: oiio.ImageInput) -> Iterator[tuple[int, oiio.ImageSpec]]:
    part = 0
    while source.seek_subimage(part, 0):
        yield part, source.spec(part)
        part += 1
    source.geterror()  # running past the last part is not a failure


def _colour_channels(source: oiio.ImageInput, path: Path) -> tuple[int, list[int], int | None]:
    """Part and channel indices of the picture itself: R G B or, failing that, Y; and of its A."""
    available: list[str] = []
    for part, spec in _parts(source):
        names = list(spec.channelnames)
        for wanted in ("R", "G", "B"), ("Y",):
            if all(name in names for name in wanted):
                return part, [names.index(name) for name in wanted], names.index("A") if "A" in names else None
        available += names
    raise UnreadableError(
        f"{path} has no channels R, G and B; it has {', '.join(available)}.",
        "Write the plate's colour to the main layer of the EXR.",
    )


def _dtype(spec: oiio.ImageSpec, channels: list[int]) -> Literal["half", "float"]:
    return "half" if all(spec.channelformat(channel) == oiio.TypeHalf for channel in channels) else "float"


def _read(
    source: oiio.ImageInput, path: Path, part: int, channels: list[int], dtype: Literal["half", "float"]
) -> NDArray[Any]:
    """Channels of one part as (H, W, C). Half is read as half: no conversion touches the bits."""
    first, last = min(channels), max(channels) + 1
    try:
        # OpenImageIO puts R, G, B and A side by side, so hardly ever is more read than asked for.
        pixels = source.read_image(part, 0, first, last, dtype)
    except MemoryError as error:
        raise OutOfMemoryError(
            f"{path} does not fit into memory.", "Check that its size is what it should be."
        ) from error
    # Several readers return pixels after a failure, with only the error text to tell.
    reason = source.geterror()
    if pixels is None or reason:
        raise UnreadableError(f"{path} cannot be read to its end: {_sentence(reason) or 'it is damaged'}.", _DAMAGED)
    chosen = [channel - first for channel in channels]
    return pixels if chosen == list(range(last - first)) else np.ascontiguousarray(pixels[..., chosen])


def _part(source: oiio.ImageInput, path: Path, part: int, spec: oiio.ImageSpec) -> Part:
    names = list(spec.channelnames)
    types = {name: str(spec.channelformat(channel)) for channel, name in enumerate(names)}
    tag = spec.getattribute("oiio:subimagename") or spec.getattribute("name") or ""
    compression = str(spec.getattribute("compression") or "none")
    header = header_of(spec, _dtype(spec, list(range(len(names)))))
    kinds = {name: np.float16 if kind == "half" else np.float32 for name, kind in types.items()}
    planes = {name: np.empty((spec.height, spec.width), kind) for name, kind in kinds.items()}
    whole = spec.tile_width or len(set(kinds.values())) == 1
    step = spec.height if whole else _ROWS
    for top in range(0, spec.height, step):
        end = min(top + step, spec.height)
        pixels = _rows(source, path, part, spec, (top, end), header.dtype)
        for channel, name in enumerate(names):
            planes[name][top:end] = pixels[..., channel]
    return Part(str(tag), compression, header, types, planes)


def _rows(
    source: oiio.ImageInput,
    path: Path,
    part: int,
    spec: oiio.ImageSpec,
    rows: tuple[int, int],
    dtype: Literal["half", "float"],
) -> NDArray[Any]:
    """All channels of the ``rows`` from the first up to, not including, the second: (rows, W, C)."""
    if rows == (0, spec.height):
        return _read(source, path, part, list(range(spec.nchannels)), dtype)
    source.seek_subimage(part, 0)
    pixels = source.read_scanlines(part, 0, spec.y + rows[0], spec.y + rows[1], 0, 0, spec.nchannels, dtype)
    reason = source.geterror()
    if pixels is None or reason:
        raise UnreadableError(f"{path} cannot be read to its end: {_sentence(reason) or 'it is damaged'}.", _DAMAGED)
    return pixels


def _header(source: oiio.ImageInput, part: int, colour: list[int]) -> Header:
    spec = source.spec(part)
    wide = any(str(spec.channelformat(channel)) in ("float", "double", "uint", "int") for channel in colour)
    header = header_of(spec, "float" if wide else "half")
    if header.interop_id is None and part > 0:
        # The tag stands in the first part's header and speaks for all colour parts.
        header = replace(header, interop_id=source.spec(0).getattribute("colorInteropID") or None)
    if spec.get_int_attribute("Orientation", 1) in (5, 6, 7, 8):
        header = replace(header, data=_turned(header.data), display=_turned(header.display))
    return header


def _turned(window: Window) -> Window:
    return Window(window.y, window.x, window.height, window.width)


def _check_dpx_size(source: oiio.ImageInput, path: Path) -> None:
    """A truncated DPX: OpenImageIO fills the rest with garbage and says nothing, so ask the header's size field."""
    if source.format_name() != "dpx":
        return
    with path.open("rb") as file:
        start = file.read(20)
    stated = int.from_bytes(start[16:20], "big" if start[:4] == b"SDPX" else "little")
    # Some writers leave the field at zero or all ones.
    if stated != 0xFFFFFFFF and path.stat().st_size < stated:
        raise UnreadableError(f"{path} ends before its last pixel.", _DAMAGED)


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo the camera's rotation (Exif orientation 1 to 8), as every viewer does."""
    if orientation in (3, 4):
        pixels = pixels[::-1, ::-1]
    elif orientation in (5, 6):
        pixels = np.rot90(pixels, -1)
    elif orientation in (7, 8):
        pixels = np.rot90(pixels)
    if orientation in (2, 4, 5, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _sentence(reason: str) -> str:
    """OpenImageIO's message as one line without a full stop."""
    return " ".join(reason.split()).rstrip(".")
