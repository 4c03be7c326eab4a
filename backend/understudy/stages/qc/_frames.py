"""The frames of a delivery and of its plate, found, counted and read side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from understudy.errors import MissingInputError, UnderstudyError, UnreadableError, UsageError
from understudy.events import Events
from understudy.extraction.shot import Shot, prepare
from understudy.plate.exr import EXR_MAGIC, has_all_pixels
from understudy.plate.frame import Frame
from understudy.plate.picture import read_parts, read_picture_header
from understudy.plate.ranges import parse_range
from understudy.plate.reader import read_frames
from understudy.plate.sequence import Plate, open_plate
from understudy.review.delivery.delivered import Delivered, Finding
from understudy.settings import PlateOptions, QcSettings

_AHEAD = 1  # frames that are read beside the one that is looked at


def open_delivery(text: str, frames: str | None) -> Plate:
    """The EXR sequence that ``text`` names, with those of its ``frames`` that are there.

    Raises MissingInputError where there is none of them or its folder cannot be read, and UsageError.
    """
    try:
        sequence = open_plate(text, frames, "present")
    except OSError as error:
        raise MissingInputError(
            f"{text} cannot be read: {error.strerror or error}.", "Choose a folder that you may read."
        ) from error
    if not sequence.pattern.lower().endswith(".exr"):
        raise UsageError(f"{sequence.pattern} is no EXR sequence.", "Name a converted one, such as out.####.exr.")
    return sequence


def plate_of(settings: QcSettings, sequence: Plate, events: Events) -> Shot | None:
    """The plate that is named by the settings, or else by the files themselves; None, with a note, where none is found.

    Raises as :func:`prepare` for the one of the settings.
    """
    text = settings.plate or _named_plate(sequence, settings.frames)
    if text is None:
        if settings.colour_space:
            raise UsageError("--colour-space is that of the plate, which is not known.", "Name it with --plate.")
        events.note("The plate is not known, and what needs it is not checked. Name it with --plate.")
        return None
    told = _told(sequence)
    layer, view = (told.get(f"understudy/plate_{name}") for name in ("layer", "view"))
    options = PlateOptions(
        plate=text, frames=settings.frames, colour_space=settings.colour_space, ocio=settings.ocio, missing="skip",
        layer=str(layer) if layer else None, view=str(view) if view else None,
    )  # fmt: skip
    return prepare(options, events)


def _named_plate(sequence: Plate, frames: str | None) -> str | None:
    """The plate that the first readable header names, where it lies beside the sequence or one folder above."""
    if told := _told(sequence).get("understudy/plate"):
        folder = Path(sequence.pattern).resolve().parent
        for place in (folder, folder.parent):
            text = str(place / Path(str(told)).name)  # only a name: no file leads elsewhere
            with suppress(UnderstudyError):
                return open_plate(text, frames, "skip").pattern
    return None


def _told(sequence: Plate) -> Mapping[str, Any]:
    """The attributes of the first header that can be read."""
    for frame in sequence.frames:
        with suppress(UnderstudyError):
            return read_picture_header(sequence.path(frame)).attributes
    return {}


def check_frames(settings: QcSettings, sequence: Plate, shot: Shot | None) -> Iterator[Finding]:
    """The frames that should be there and are not, and those that are there and should not."""
    present = set(sequence.frames)
    if settings.frames:
        wanted = set(parse_range(settings.frames))
    elif shot and shot.plate.kind != "still":
        wanted = set(shot.plate.frames)
    else:
        wanted = set(range(min(present), max(present) + 1))
    damaged = _damaged(shot, settings.frames)
    for frame in sorted(wanted - present - damaged):
        yield Finding("frames", frame, 1.0, "it is not there")
    for frame in sorted(damaged):
        yield Finding("frames", frame, 1.0, "the plate's file holds no whole picture", warns=True)
    for frame in sorted(present - wanted - damaged):
        yield Finding("frames", frame, 1.0, "the plate has no such frame", warns=True)


def _damaged(shot: Shot | None, frames: str | None) -> set[int]:
    """The frames of the plate whose files are there, but empty or cut short."""
    if shot is None or shot.plate.kind != "sequence":
        return set()
    return set(open_plate(shot.plate.pattern, frames, "present").frames) - set(shot.plate.frames)


def read_delivery(
    sequence: Plate, shot: Shot | None
) -> Generator[tuple[int, Delivered | str, Frame | None], None, None]:
    """Every frame, or why it cannot be read, with the plate's; in order, read beside whoever looks at them.

    Raises UnreadableError for a damaged plate.
    """
    under = [frame for frame in sequence.frames if shot and frame in shot.plate.frames]
    pool = ThreadPoolExecutor(_AHEAD, thread_name_prefix="qc")
    pending: deque[Future[Delivered | str]] = deque()
    waiting = iter(sequence.frames)
    with closing(_plate_frames(shot, under)) as plates:
        try:
            for number in sequence.frames:
                for later in islice(waiting, _AHEAD + 1 - len(pending)):
                    pending.append(pool.submit(_delivered, sequence.path(later), later))
                yield number, pending.popleft().result(), next(plates) if number in under else None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _plate_frames(shot: Shot | None, numbers: Sequence[int]) -> Generator[Frame, None, None]:
    if shot:
        yield from read_frames(shot.plate, numbers, workers=1, ahead=_AHEAD)


def _delivered(path: Path, number: int) -> Delivered | str:
    """The frame in the file ``path``, or a clause that says why it cannot be read."""
    try:
        if not has_all_pixels(path):
            with path.open("rb") as file:
                return "it ends before its last pixel" if file.read(4) == EXR_MAGIC else "it is no EXR file"
        return Delivered(number, read_parts(path), path.stat().st_size)
    except UnreadableError as error:
        return f"it {error.message.removeprefix(str(path)).strip(' .')}"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
