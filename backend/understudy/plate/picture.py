"""Picture files through OpenImageIO: EXR, DPX, TIFF, PNG, JPEG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from understudy.errors import MissingInputError, OutOfMemoryError, UnreadableError
from understudy.plate.beauty import ColourLayer, PartNames, choose_layer, colour_layers, views_of
from understudy.plate.colour_tags import encoding_of, exif_orientation, webp_chunks
from understudy.plate.foreign import recognised
from understudy.plate.frame import Frame, Header, Window
from understudy.plate.header import header_of
from understudy.plate.orientation import Orientation

_MOST_PARTS, _LONGEST_SIDE = 1 << 12, 1 << 17
_ALWAYS_FINE, _PIXELS_PER_BYTE = 1 << 24, 20_000  # a black frame of 16k in the strongest compression has fewer
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


def read_picture(path: Path, number: int, layer: str | None = None, view: str | None = None) -> Frame:
    """Frame ``number`` from the picture ``path``, or that ``layer`` of it, seen from that ``view``.

    Raises MissingInputError, UnreadableError, and UsageError for a layer or view that is not there.
    """
    with _opened(path, as_stored=True) as source:
        picture, layers = _picture_of(source, path, layer, view)
        spec = source.spec(picture.part)
        colour = list(picture.colour)
        dtype = _dtype(spec, colour)
        _check_no_ids(spec, colour, path)
        rgb = _read(source, path, picture.part, colour, dtype)
        matte = None if picture.alpha is None else _read(source, path, picture.part, [picture.alpha], dtype)[..., 0]
        header = _header(source, path, picture, layers)
    if len(colour) == 1:
        rgb = np.repeat(rgb, 3, axis=2)
    stored = _orientation(source, path, spec)
    return Frame(number, stored.upright(rgb), None if matte is None else stored.upright(matte), header)


def read_picture_header(path: Path, layer: str | None = None, view: str | None = None) -> Header:
    """The header alone; no pixels are decoded. Raises as :func:`read_picture` does."""
    with _opened(path, as_stored=True) as source:
        picture, layers = _picture_of(source, path, layer, view)
        _check_no_ids(source.spec(picture.part), list(picture.colour), path)
        return _header(source, path, picture, layers)


def read_plane(path: Path, channel: str) -> Plane:
    """The channel of that name from whichever part has it, just as it is stored; integers as parts of their maximum.

    Raises MissingInputError, and UnreadableError that names the channels there are.
    """
    with _opened(path, as_stored=True) as source:
        part, spec = _part_with(source, path, channel)
        index = list(spec.channelnames).index(channel)
        _check_no_ids(spec, [index], path)
        values = _read(source, path, part, [index], "float")[..., 0]
        header = header_of(spec, "float")
        return Plane(values, header.data, header.display)


def read_plane_header(path: Path, channel: str) -> Header:
    """The header of the part that :func:`read_plane` would read, and raises as it does; no pixel is decoded."""
    with _opened(path, as_stored=True) as source:
        spec = _part_with(source, path, channel)[1]
        _check_no_ids(spec, [list(spec.channelnames).index(channel)], path)
        return header_of(spec, "float")


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


def text_attribute(path: Path, name: str) -> str | None:
    """The attribute ``name`` of a picture's first part, where it is text. Raises MissingInputError and UnreadableError."""
    with _opened(path) as source:
        value: Any = source.spec(0).getattribute(name)
        return value if isinstance(value, str) else None


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
        if kind := recognised(path):
            raise UnreadableError(f"{path} is {kind[0]}, which is not read.", kind[1])
        raise UnreadableError(f"{path} cannot be read as a picture: {reason}.", _DAMAGED)
    try:
        if source.spec().deep:
            raise UnreadableError(
                f"{path} holds deep pixels.", "Flatten it, as with Nuke's DeepToImage or oiiotool --flatten."
            )
        _check_dpx_size(source, path)
        _check_size(source.spec(), path)
        yield source
    except UnicodeDecodeError:
        raise UnreadableError(f"{path} has names in its header that are no text.", _DAMAGED) from None
    finally:
        source.close()


def _parts(source: oiio.ImageInput) -> Iterator[tuple[int, oiio.ImageSpec]]:
    part = 0
    while part < _MOST_PARTS and source.seek_subimage(part, 0):  # damaged, they may lead in a circle
        yield part, source.spec(part)
        part += 1
    source.geterror()  # running past the last part is not a failure


def _picture_of(
    source: oiio.ImageInput, path: Path, layer: str | None, view: str | None
) -> tuple[ColourLayer, list[ColourLayer]]:
    """The layer that is wanted, and all layers of colour there are."""
    # Only an EXR holds layers; the further pictures of a TIFF are other pages.
    specs = [spec for _, spec in _parts(source)] if source.format_name() == "openexr" else [source.spec(0)]
    layers = colour_layers([_names(spec) for spec in specs])
    channels = [name for spec in specs for name in spec.channelnames]
    picture = choose_layer(layers, path, channels, layer, view)
    kinds = {str(specs[picture.part].channelformat(channel)) for channel in picture.colour}
    if source.format_name() == "openexr" and "uint" in kinds:
        raise UnreadableError(
            f"The colour channels of {path} hold whole numbers, such as object ids, and no light.",
            "Name another layer by --layer, or write the picture as half or float.",
        )
    return picture, layers


def _names(spec: oiio.ImageSpec) -> PartNames:
    views: Any = spec.getattribute("multiView") or ()
    return PartNames(
        list(spec.channelnames),
        str(spec.getattribute("oiio:subimagename") or spec.getattribute("name") or ""),
        str(spec.getattribute("view") or ""),
        [views] if isinstance(views, str) else list(views),
    )


def _check_no_ids(spec: oiio.ImageSpec, channels: list[int], path: Path) -> None:
    """Raise UnreadableError for an EXR's 32-bit integers: numbers of objects, which are neither light nor a matte."""
    ids = [spec.channelnames[channel] for channel in channels if spec.channelformat(channel) == oiio.TypeUInt32]
    if ids:
        raise UnreadableError(
            f"Channel {ids[0]} of {path} holds ids (whole numbers), not a picture.",
            "Make a matte of the wanted id and write it as half or float, as with Nuke's Expression or Cryptomatte.",
        )


def _dtype(spec: oiio.ImageSpec, channels: list[int]) -> Literal["half", "float"]:
    return "half" if all(spec.channelformat(channel) == oiio.TypeHalf for channel in channels) else "float"


def _read(
    source: oiio.ImageInput, path: Path, part: int, channels: list[int], dtype: Literal["half", "float"]
) -> NDArray[Any]:
    """Channels of one part as (H, W, C). Half is read as half: no conversion touches the bits."""
    first, last = min(channels), max(channels) + 1
    _check_size(source.spec(part), path)
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


def _header(source: oiio.ImageInput, path: Path, picture: ColourLayer, layers: Sequence[ColourLayer]) -> Header:
    part, colour = picture.part, picture.colour
    spec = source.spec(part)
    wide = any(str(spec.channelformat(channel)) in ("float", "double", "uint", "int") for channel in colour)
    header = header_of(spec, "float" if wide else "half")
    if header.interop_id is None and part > 0:
        # The tag stands in the first part's header and speaks for all colour parts.
        header = replace(header, interop_id=source.spec(0).getattribute("colorInteropID") or None)
    stored = _orientation(source, path, spec)
    return replace(
        header,
        data=stored.upright_window(header.data),
        display=stored.upright_window(header.display),
        pixel_aspect=stored.upright_aspect(header.pixel_aspect),
        encoding=encoding_of(path, spec, source.format_name()),
        straight_alpha=picture.alpha is not None and spec.get_int_attribute("oiio:UnassociatedAlpha", 0) == 1,
        layer=picture.layer,
        layers=tuple(dict.fromkeys(one.layer or "rgba" for one in layers)),
        view=picture.view,
        views=tuple(views_of(layers)),
        notes=_notes(source, spec, picture, layers, stored),
    )


def _notes(
    source: oiio.ImageInput,
    spec: oiio.ImageSpec,
    picture: ColourLayer,
    layers: Sequence[ColourLayer],
    stored: Orientation,
) -> tuple[str, ...]:
    """What is told of the picture, each a sentence."""
    notes = [] if stored.is_upright else [f"It is stored askew: it is {stored.describe()}."]
    if picture.layer:
        notes.append(f"Its picture is the layer {picture.layer}.")
    if len(views := views_of(layers)) > 1:
        notes.append(f"Of its views {', '.join(views)} the view {picture.view} is taken.")
    if "CMYK" in (spec.getattribute("jpeg:ColorSpace"), spec.getattribute("tiff:ColorSpace")):
        notes.append("Its inks (CMYK) are turned into R G B without their profile.")
    pages = spec.get_int_attribute("oiio:subimages", 1)
    if source.format_name() == "tiff" and pages > 1:
        notes.append(f"Of its {pages} pages the first is taken.")
    return tuple(notes)


def _orientation(source: oiio.ImageInput, path: Path, spec: oiio.ImageSpec) -> Orientation:
    """How the picture is stored. An EXR is always upright, whatever is carried along from a photograph."""
    if source.format_name() == "openexr":
        return Orientation()
    if source.format_name() == "webp":  # of which OpenImageIO reads no Exif
        return Orientation.from_exif(exif_orientation(webp_chunks(path).get("EXIF", b"")))
    return Orientation.from_exif(spec.get_int_attribute("Orientation", 1))


def _check_size(spec: oiio.ImageSpec, path: Path) -> None:
    """A header that promises far more pixels than its file can hold: to read it would take the memory, or for ever."""
    size = path.stat().st_size
    if spec.width * spec.height > max(_ALWAYS_FINE, size * _PIXELS_PER_BYTE):
        raise UnreadableError(f"{path} promises {spec.width} x {spec.height} pixels in {size} bytes.", _DAMAGED)
    sides = (spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height)
    if max(map(abs, sides)) > _LONGEST_SIDE:
        raise UnreadableError(f"{path} is {spec.full_width} x {spec.full_height} pixels by its header.", _DAMAGED)


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


def _sentence(reason: str) -> str:
    """OpenImageIO's message as one line without a full stop."""
    return " ".join(reason.split()).rstrip(".")
