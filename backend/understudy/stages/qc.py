"""The quality check of a converted sequence before it is delivered."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.convert.layers import LAYERS
from understudy.errors import MissingInputError, UnderstudyError, UnreadableError, UsageError
from understudy.events import Events
from understudy.plate.colour import ColourManager
from understudy.plate.exr import EXR_MAGIC, has_all_pixels
from understudy.plate.files import write_json, write_text
from understudy.plate.frame import Frame
from understudy.plate.picture import read_parts, read_picture_header
from understudy.plate.ranges import format_range, parse_range
from understudy.plate.reader import read_frames
from understudy.plate.sequence import Plate, open_plate
from understudy.review.delivered import Contract, Delivered, Finding, UnderFrame
from understudy.review.delivery import CHECKS, Ledger, check_sizes, overall, there_is
from understudy.review.delivery_page import delivery_page
from understudy.review.file_checks import check_file, check_width
from understudy.review.metrics import Picture
from understudy.review.pixel_checks import CONFIDENCE, MATTE, check_pixels
from understudy.review.unrest import Unrest, UnrestWatch
from understudy.review.worst import Worst
from understudy.settings import PlateOptions, QcSettings
from understudy.stages.analysis import Shot, prepare

PAGE = "qc.html"

CONTRACT: Contract = dict.fromkeys("RGBA", "") | {
    f"{layer}.{channel}": "half" if kind is np.float16 else "float"
    for layer, (channels, kind) in LAYERS.items()
    for channel in channels
}
"""What every frame that we convert holds."""

_AHEAD = 1  # frames that are read beside the one that is looked at


def run(settings: QcSettings, events: Events) -> dict[str, Any]:
    """Check the sequence and write the page; see :class:`QcSettings`. Every frame is read once.

    What is wrong with the sequence is told in the report, and raises nothing: ``verdict`` is ``pass``, ``warn`` or
    ``fail``; ``checks`` hold for each ``check`` its ``verdict`` (also ``not checked``), on how many ``frames`` something
    was found, the ``worst`` of them and what was ``told``; ``frames`` hold the figures of each frame: its ``bytes``,
    the sum of its ``matte``, ``confidence``, ``flicker``, and ``edge`` of the composite beside ``edge_of_plate`` in
    CIEDE2000. Raises MissingInputError where there is no frame at all or no such plate, UsageError for what is no EXR
    sequence, ColourError and OutputError.
    """
    sequence = _open(settings.sequence, settings.frames)
    shot = _plate(settings, sequence, events)
    desk = _Desk(settings, sequence, shot)
    with closing(_read(sequence, shot)) as reading:
        for done, (number, found, under) in enumerate(reading, 1):
            events.raise_if_stopping()
            desk.look(number, found, under)
            events.progress(done, len(sequence.frames), "frames")
    return desk.close(settings, events)


class _Desk:
    """Looks at the frames one by one, in order, and keeps what the report needs; no pixels but those it shows."""

    def __init__(self, settings: QcSettings, sequence: Plate, shot: Shot | None) -> None:
        self._sequence, self._shot = sequence, shot
        self._colour = shot.colour if shot else ColourManager.discover(settings.ocio)
        self._space: str | None = None
        self._ledger = Ledger()
        self._worst = Worst(self._look)
        self._watch = UnrestWatch(self._look, settings.max_flicker, settings.max_edge)
        self._first: Delivered | None = None
        self._unrest: dict[int, Unrest] = {}
        self._frames: list[dict[str, Any]] = []
        self._min_width = settings.min_width
        self._ledger.add(_frames(settings, sequence, shot))

    def look(self, number: int, found: Delivered | str, under: Frame | None) -> None:
        """One frame, or why it cannot be read, and the plate's same frame."""
        if isinstance(found, str):
            self._ledger.add([Finding("files", number, 1.0, found)])
            return
        if self._space is None:
            said = self._colour.input_space(self._sequence, found.main.header, None)
            self._space = said.name
        self._first = self._first or found.without_pixels()
        plate = UnderFrame.of(under, self._shot.written(under)) if under and self._shot else None
        seen = self._watch.see(found, plate)
        findings = [
            *check_file(found, self._first, under.header if plate and under else None, CONTRACT),
            *check_width(found, self._min_width),
            *check_pixels(found, plate),
            *self._watch.judge(number, seen),
        ]
        self._ledger.add(findings)
        met = there_is(found, plate=plate is not None)
        met |= {"movement"} if seen.steadiness.flicker is not None else set()
        met |= {"edge"} if seen.edge else set()
        met |= {"least width"} if self._min_width else set()
        self._ledger.looked(met)
        self._keep(found, plate, seen, findings)

    def close(self, settings: QcSettings, events: Events) -> dict[str, Any]:
        """The report, after its page and file are written."""
        sizes = {record["frame"]: record["bytes"] for record in self._frames}
        self._ledger.add(check_sizes(sizes, {record["frame"]: bool(record["matte"]) for record in self._frames}))
        if told := self._watch.failure():
            self._ledger.fail_shot("flicker", told)
        results = self._ledger.results(strict=settings.strict)
        verdict = overall(results)
        out = settings.out or Path(self._sequence.pattern).parent / f"{self._sequence.name}_qc"
        report: dict[str, Any] = {
            "sequence": self._sequence.pattern,
            "plate": self._shot.plate.pattern if self._shot else None,
            "verdict": verdict,
            "checked": len(self._frames),
            "flicker": self._watch.over_shot.flicker,
            "page": str(out / PAGE),
            "checks": [{**asdict(result), "worst": list(result.worst)} for result in results],
            "frames": self._frames,
        }
        about = {
            "Sequence": str(Path(self._sequence.pattern).resolve()),
            "Frames read": f"{format_range([record['frame'] for record in self._frames]) if self._frames else 'none'}",
            "Plate": self._shot.key if self._shot else "not known",
            "Colour space": self._space or "not known",
        }
        name = Path(self._sequence.pattern).name
        html = delivery_page(name, about, verdict, results, self._unrest, self._worst, settings.max_flicker)
        write_text(out / PAGE, html)
        events.preview(out / PAGE)
        if settings.json_file:
            write_json(settings.json_file, report)
        return report

    def _keep(self, frame: Delivered, plate: UnderFrame | None, seen: Unrest, findings: Sequence[Finding]) -> None:
        for finding in findings:
            if finding.check in _PICTURED:
                self._worst.offer(finding, frame, plate)
        matte, confidence = frame.plane(MATTE), frame.plane(CONFIDENCE)
        # Also of what is well within the limits the worst frames are shown, below those that are not.
        if seen.edge:
            told = f"dE2000 across the matte's edge is {seen.edge.composite:.2f}, in the plate {seen.edge.plate:.2f}"
            self._worst.offer(Finding("edge", frame.number, seen.edge.excess, told), frame, plate)
        change = seen.steadiness
        if change.change_a is not None and change.change_b is not None and change.flicker is not None:
            told = f"inside the matte it changes {change.flicker:.2f} times as much as the plate"
            excess = change.change_a - change.change_b
            self._worst.offer(Finding("flicker", frame.number, excess, told), frame, plate)
        self._unrest[frame.number] = seen
        self._frames.append(
            {
                "frame": frame.number,
                "bytes": frame.size,
                "matte": None if matte is None else round(float(np.nansum(matte, dtype=np.float64)), 2),
                "confidence": None if confidence is None else float(np.nan_to_num(confidence).max()),
                "flicker": change.flicker,
                "edge": seen.edge.composite if seen.edge else None,
                "edge_of_plate": seen.edge.plate if seen.edge else None,
            }
        )

    def _look(self, rgb: NDArray[Any]) -> Picture:
        assert self._space is not None  # a frame has been read before it is looked at
        return self._colour.to_display(self._colour.to_working(rgb, self._space))


_PICTURED = {check.name for check in CHECKS if "matte" in check.needs} | {"finite"}
"""Checks of which a picture tells more than words."""


def _open(text: str, frames: str | None) -> Plate:
    try:
        sequence = open_plate(text, frames, "skip")
    except OSError as error:
        raise MissingInputError(
            f"{text} cannot be read: {error.strerror or error}.", "Choose a folder that you may read."
        ) from error
    if not sequence.pattern.lower().endswith(".exr"):
        raise UsageError(f"{sequence.pattern} is no EXR sequence.", "Name a converted one, such as out.####.exr.")
    return sequence


def _plate(settings: QcSettings, sequence: Plate, events: Events) -> Shot | None:
    """The plate that is named on request or by the files themselves."""
    text = settings.plate or _named_plate(sequence)
    if text is None:
        events.note("The plate is not known: what leaves it untouched cannot be told. Name it with --plate.")
        return None
    options = PlateOptions(
        plate=text, frames=settings.frames, colour_space=settings.colour_space, ocio=settings.ocio, missing="skip"
    )
    return prepare(options, events)


def _named_plate(sequence: Plate) -> str | None:
    """The plate that the first readable header names, where it lies beside the sequence or one folder above."""
    for frame in sequence.frames:
        try:
            told = read_picture_header(sequence.path(frame)).attributes.get("understudy/plate")
        except UnderstudyError:
            continue
        folder = Path(sequence.pattern).resolve().parent
        for place in (folder, folder.parent) if told else ():
            text = str(place / Path(str(told)).name)  # only a name: no file leads elsewhere
            with suppress(UnderstudyError):
                return open_plate(text, None, "skip").pattern
        return None
    return None


def _frames(settings: QcSettings, sequence: Plate, shot: Shot | None) -> Iterator[Finding]:
    """The frames that should be there and are not, and those that are there and should not."""
    present = set(sequence.frames)
    if settings.frames:
        wanted = set(parse_range(settings.frames))
    elif shot and shot.plate.kind != "still":
        wanted = set(shot.plate.frames)
    else:
        wanted = set(range(min(present), max(present) + 1))
    for frame in sorted(wanted - present):
        yield Finding("frames", frame, 1.0, "it is not there")
    for frame in sorted(present - wanted):
        yield Finding("frames", frame, 1.0, "the plate has no such frame", warns=True)


def _read(sequence: Plate, shot: Shot | None) -> Generator[tuple[int, Delivered | str, Frame | None], None, None]:
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
