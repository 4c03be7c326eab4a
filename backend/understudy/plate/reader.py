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
        from understudy.plate.movie import Movie

        with Movie(Path(plate.pattern)) as movie:
            return movie.header()
    return read_picture_header(plate.path(plate.frames[0]), plate.layer, plate.view)


def odd_one_out(plate: Plate, header: Header) -> str | None:
    """A sentence about the first frame that is of another size than ``header``, that of the first; None where all agree.

    By the headers alone. A frame that cannot be read is passed over: whoever wants it is told.
    """
    if plate.kind != "sequence":
        return None
    wanted = header.display.width, header.display.height
    with ThreadPoolExecutor(_HEADERS, "headers") as pool:
        for number, size in zip(plate.frames, pool.map(lambda frame: _size(plate, frame), plate.frames), strict=True):
            if size not in (None, wanted):
                pool.shutdown(wait=True, cancel_futures=True)
                return (
                    f"Frame {number} of {plate.pattern} is {size[0]} x {size[1]} pixels, "
                    f"but frame {plate.frames[0]} is {wanted[0]} x {wanted[1]}."
                )
    return None


def _size(plate: Plate, number: int) -> tuple[int, int] | None:
    try:
        display = read_picture_header(plate.path(number), plate.layer, plate.view).display
    except UnderstudyError:
        return None
    return display.width, display.height


@contextmanager
def _opened(plate: Plate) -> Iterator[Callable[[int], Frame]]:
    """A function that reads one frame; it is valid inside the block."""
    if plate.kind == "movie":
        from understudy.plate.movie import Movie  # PyAV is loaded only for movies

        with Movie(Path(plate.pattern)) as movie:
            yield movie.read
    else:
        yield lambda number: read_picture(plate.path(number), number, plate.layer, plate.view)
