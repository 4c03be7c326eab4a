"""Frames of a plate, whatever it is made of, decoded beside whoever uses them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from understudy.errors import UnderstudyError
from understudy.plate.frame import Frame, Header
from understudy.plate.picture import read_picture, read_picture_header, read_plane
from understudy.plate.sequence import Plate

_HEADERS = 8
"""Headers that are read at a time: a file server takes its time for each."""


def read_frame(plate: Plate, number: int) -> Frame:
    """Frame ``number`` of ``plate``.

    Pixels are in the file's own colour space, and multiplied by their alpha or not as the file's are. Raises
    MissingInputError when the file is not there and UnreadableError when it is damaged or no picture.
    """
    with _opened(plate) as read:
        return read(number)


def read_frames(
    plate: Plate, frames: Sequence[int] | None = None, workers: int = 2, ahead: int = 4
) -> Generator[Frame, None, None]:
    """The ``frames`` (all of the plate when None) in the order given, decoded by ``workers`` threads.

    At most ``ahead`` frames are decoded or being decoded beside the one that the consumer holds. Closing the iterator
    stops the threads. A frame that cannot be read raises as :func:`read_frame` does, when its turn comes.
    """
    waiting = iter(plate.frames if frames is None else frames)
    # A movie's frames depend on those before them: one thread, in order.
    threads = 1 if plate.kind == "movie" else workers
    with _opened(plate) as read:
        pool = ThreadPoolExecutor(threads, thread_name_prefix="read")
        pending: deque[Future[Frame]] = deque()
        try:
            for number in waiting:
                pending.append(pool.submit(read, number))
                if len(pending) >= ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def read_channel(path: Path, channel: str) -> NDArray[np.float32]:
    """The channel of that name (``mask.face``) from any part of a picture: (H, W) float32 over its data window.

    Raises MissingInputError, and UnreadableError that names the channels there are.
    """
    return read_plane(Path(path), channel).values


def probe(plate: Plate) -> Header:
    """The header of the plate's first frame; no pixels are decoded. Raises as :func:`read_frame` does."""
    if plate.kind == "movie":
        from understudy.plate.movies.movie import Movie

        with Movie(Path(plate.pattern)) as movie:
            return movie.header()
    return read_picture_header(plate.path(plate.frames[0]), plate.layer, plate.view)


def odd_one_out(plate: Plate, header: Header) -> str | None:
    """A sentence about the first frame whose size, pixel aspect or layer is not that of ``header``, that of the first frame.

    None where all agree. By the headers alone. A frame that cannot be read is passed over: whoever wants it is told.
    """
    if plate.kind != "sequence":
        return None
    wanted = _shape(header)
    with ThreadPoolExecutor(_HEADERS, "headers") as pool:
        shapes = pool.map(lambda frame: _shape_of(plate, frame), plate.frames)
        for number, shape in zip(plate.frames, shapes, strict=True):
            if shape is not None and shape != wanted:
                pool.shutdown(wait=True, cancel_futures=True)
                own, first = next(pair for pair in zip(shape, wanted, strict=True) if pair[0] != pair[1])
                return f"Frame {number} of {plate.pattern} {own}, but frame {plate.frames[0]} {first}."
    return None


def _shape(header: Header) -> tuple[str, ...]:
    """What all frames of a plate have in common, each as a clause."""
    display = header.display
    return (
        f"is {display.width} x {display.height} pixels",
        f"has pixels of the aspect {header.pixel_aspect:.3g}",
        f"has its picture in the layer {header.layer}" if header.layer else "has its picture in the main layer",
    )


def _shape_of(plate: Plate, number: int) -> tuple[str, ...] | None:
    try:
        return _shape(read_picture_header(plate.path(number), plate.layer, plate.view))
    except UnderstudyError:
        return None


@contextmanager
def _opened(plate: Plate) -> Iterator[Callable[[int], Frame]]:
    """A function that reads one frame; it is valid inside the block."""
    if plate.kind == "movie":
        from understudy.plate.movies.movie import Movie  # PyAV is loaded only for movies

        with Movie(Path(plate.pattern)) as movie:
            yield movie.read
    else:
        yield lambda number: read_picture(plate.path(number), number, plate.layer, plate.view)
