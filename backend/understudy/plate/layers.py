"""The layered EXR that a shot is delivered as: one description, two ways to lay it out in a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from understudy.errors import UnderstudyError, UsageError
from understudy.plate.exr import has_all_pixels
from understudy.plate.files import atomic_path, explained
from understudy.plate.frame import Header, Window
from understudy.plate.header import stamp, stamp_carried
from understudy.plate.picture import channel_names

Profile = Literal["flat", "parts"]

_MAIN_PART = "rgba"
_ROWS = 128  # written at a time: a multiple of every compression's block height, and small beside a frame
_COMPRESSIONS = {"none", "rle", "zip", "zips", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"}


@dataclass(frozen=True)
class Layer:
    """Named channels of one frame.

    ``pixels`` is (h, w, c) float16 or float32, and its dtype is the type in the file. ``name`` is empty for the main
    layer, whose channels stay bare (R G B A). ``origin`` is (x, y) of the array inside the frame's data window array;
    outside the array the layer is 0. ``window`` is a data window of its own, which only a part can have: a picture that
    does not lie over the plate.
    """

    name: str
    channels: tuple[str, ...]
    pixels: NDArray[Any]
    origin: tuple[int, int] = (0, 0)
    window: Window | None = None

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The channels' names in the file: ``matte.A``."""
        return tuple(f"{self.name}.{channel}" if self.name else channel for channel in self.channels)

    @property
    def is_colour(self) -> bool:
        """Only colour is named R, G, B."""
        return "R" in self.channels


def write_layers(
    path: Path,
    layers: Sequence[Layer],
    header: Header,
    *,
    profile: Profile,
    compression: str = "zip",
    interop_id: str | None,
    attributes: Mapping[str, str | int | float] = {},
) -> None:
    """Write ``layers`` (the main one first) of one frame to the EXR file ``path``, whole or not at all.

    ``flat``: one part with all channels, over the union of the plate's data and display windows, for hosts that
    ignore the display window. ``parts``: one part a layer, named like the layer (the main one ``rgba``), each over the
    plate's data window. Half and float pixels of the main layer reach the file bit for bit. ``interop_id`` is the
    colour space of the colour layers; ``attributes`` are written under ``understudy/``, those of a Cryptomatte under
    ``cryptomatte/``; what the plate's header carries is written again. Raises OutputError when the file cannot be written
    and UsageError for a compression that EXR does not have.
    """
    if compression.partition(":")[0] not in _COMPRESSIONS:
        # OpenImageIO would quietly take another one.
        raise UsageError(
            f"{compression!r} is not an EXR compression.", f"Choose one of {', '.join(sorted(_COMPRESSIONS))}."
        )
    groups = [tuple(layers)] if profile == "flat" else [(layer,) for layer in layers]
    flat = [header.data.union(header.display)]
    windows = flat if profile == "flat" else [layer.window or header.data for layer in layers]
    specs = [_spec(group, window, header, compression) for group, window in zip(groups, windows, strict=True)]
    stamp_carried(specs[0], header, interop_id)
    for name, value in attributes.items():
        # EXR's integers have 32 bits; a longer one is kept as text.
        fits = not isinstance(value, int) or -(1 << 31) <= value < 1 << 31
        specs[0].attribute(
            name if name.startswith(("understudy/", "cryptomatte/")) else f"understudy/{name}",
            value if fits else str(value),
        )
    if profile == "parts":
        for spec, layer in zip(specs, layers, strict=True):
            spec.attribute("oiio:subimagename", layer.name or _MAIN_PART)
            if interop_id:
                spec.attribute("colorInteropID", interop_id if layer.is_colour else "data")
    rows = [
        _rows(group, window, (0, 0) if group[0].window else (header.data.x - window.x, header.data.y - window.y))
        for group, window in zip(groups, windows, strict=True)
    ]
    with atomic_path(path) as temporary:
        try:
            _write(temporary, specs, rows)
        except _WriteError as failure:
            raise explained(path, temporary, str(failure)) from failure


def is_complete(path: Path, expected: Iterable[str]) -> bool:
    """True when ``path`` is an EXR file with all its pixels and with every ``expected`` channel or layer.

    A name is a channel (``matte.A``, ``R``) or a layer (``matte``). Decodes nothing, so it is quick.
    """
    path = Path(path)
    try:
        if not has_all_pixels(path):
            return False
        channels = set().union(*channel_names(path))
    except (OSError, UnderstudyError):
        return False
    layers = {channel.rpartition(".")[0] for channel in channels}
    return all(name in channels or name in layers for name in expected)


def writers() -> int:
    """Threads that write a shot: half the cores, 2 to 4. A flat frame of 1080p keeps a core busy for more than a second."""
    return min(max((os.cpu_count() or 1) // 2, 2), 4)


class LayerWriter:
    """Writes frames in a few threads beside the caller, with a bounded number waiting or being written.

    Use as a context manager. A frame that could not be written raises its OutputError at the next :meth:`submit` or
    at the end of the block; after that nothing more is written.
    """

    def __init__(self, workers: int | None = None, ahead: int | None = None) -> None:
        """``workers``: threads, as many as :func:`writers` says when left out; ``ahead``: frames, twice as many."""
        workers = workers or writers()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="write")
        self._ahead = ahead or 2 * workers
        self._pending: list[Future[None]] = []

    def __enter__(self) -> LayerWriter:
        return self

    def submit(
        self,
        path: Path,
        layers: Sequence[Layer],
        header: Header,
        *,
        profile: Profile,
        compression: str = "zip",
        interop_id: str | None,
        attributes: Mapping[str, str | int | float] = {},
    ) -> None:
        """Hand a frame over, as to :func:`write_layers`; waits while ``ahead`` frames are pending.

        The arrays must not be changed afterwards.
        """
        self._settle(self._ahead - 1)
        self._pending.append(
            self._pool.submit(
                write_layers,
                path,
                layers,
                header,
                profile=profile,
                compression=compression,
                interop_id=interop_id,
                attributes=attributes,
            )
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._settle(0)
        finally:
            # After a failure frames that have begun are finished, the others dropped.
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _settle(self, allowed: int) -> None:
        """Wait until no more than ``allowed`` frames are pending; raise the first failure."""
        while self._pending and (len(self._pending) > allowed or self._pending[0].done()):
            self._pending.pop(0).result()


class _WriteError(Exception):
    """OpenImageIO's own words for a failure."""


def _spec(layers: Sequence[Layer], window: Window, header: Header, compression: str) -> oiio.ImageSpec:
    formats = [_file_type(layer) for layer in layers for _ in layer.channels]
    names = tuple(name for layer in layers for name in layer.channel_names)
    mixed = len(set(formats)) > 1
    spec = oiio.ImageSpec(window.width, window.height, len(names), "float" if mixed else formats[0])
    spec.x, spec.y = window.x, window.y
    spec.channelnames = names
    if mixed:
        spec.channelformats = tuple(oiio.TypeDesc(kind) for kind in formats)
    spec.attribute("compression", compression)
    stamp(spec, header)
    return spec


def _file_type(layer: Layer) -> str:
    return "half" if layer.pixels.dtype == np.float16 else "float"


def _rows(layers: Sequence[Layer], window: Window, shift: tuple[int, int]) -> Iterator[NDArray[Any]]:
    """The part's pixels, _ROWS rows at a time: (rows, W, C) float16, or float32 as soon as one layer is float.

    Half pixels that go through float32 come out as the same half again.
    """
    kind = np.result_type(*(layer.pixels.dtype for layer in layers))
    count = sum(len(layer.channels) for layer in layers)
    for top in range(0, window.height, _ROWS):
        rows = np.zeros((min(_ROWS, window.height - top), window.width, count), kind)
        first = 0
        for layer in layers:
            _place(layer, rows[..., first : first + len(layer.channels)], shift, top)
            first += len(layer.channels)
        yield rows


def _place(layer: Layer, rows: NDArray[Any], shift: tuple[int, int], top: int) -> None:
    """Copy what of ``layer`` falls on these rows, of which the first is row ``top`` of the file's window."""
    height, width = layer.pixels.shape[:2]
    x, y = layer.origin[0] + shift[0], layer.origin[1] + shift[1] - top
    x0, x1 = max(x, 0), min(x + width, rows.shape[1])
    y0, y1 = max(y, 0), min(y + height, rows.shape[0])
    if x0 < x1 and y0 < y1:
        rows[y0:y1, x0:x1] = layer.pixels[y0 - y : y1 - y, x0 - x : x1 - x]


def _write(path: Path, specs: Sequence[oiio.ImageSpec], parts: Sequence[Iterator[NDArray[Any]]]) -> None:
    target = oiio.ImageOutput.create(str(path))
    if target is None:
        raise _WriteError(oiio.geterror())
    try:
        opened = target.open(str(path), specs[0]) if len(specs) == 1 else target.open(str(path), list(specs))
        for index, (spec, rows) in enumerate(zip(specs, parts, strict=True)):
            if index:
                opened = target.open(str(path), spec, "AppendSubimage")
            if not opened:
                raise _WriteError(target.geterror())
            top = spec.y
            for block in rows:
                if not target.write_scanlines(top, top + len(block), 0, block):
                    raise _WriteError(target.geterror())
                top += len(block)
    finally:
        closed = target.close()
    if not closed:
        raise _WriteError(target.geterror())
    # The last bytes leave at closing, and OpenImageIO does not tell when they find no room.
    if not has_all_pixels(path):
        raise _WriteError("the file ends before its last pixel")
