"""The quality check of a converted sequence before it is delivered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.convert.frame_fingerprint import unlike
from understudy.convert.layers.compose import LAYERS
from understudy.errors import OutputError
from understudy.events import Events
from understudy.extraction.shot import Shot
from understudy.plate.colour import ColourManager
from understudy.plate.files import write_json, write_text
from understudy.plate.frame import Frame
from understudy.plate.header import FINGERPRINT
from understudy.plate.lock import hold
from understudy.plate.ranges import format_range
from understudy.plate.sequence import Plate
from understudy.review.delivery.checks import CHECKS, Ledger, check_sizes, overall, there_is
from understudy.review.delivery.delivered import Contract, Delivered, Finding, UnderFrame
from understudy.review.delivery.delivery_page import delivery_page
from understudy.review.delivery.file_checks import check_file, check_width
from understudy.review.delivery.pixel_checks import CONFIDENCE, MATTE, check_pixels
from understudy.review.delivery.worst_frames import Worst
from understudy.review.metrics import Picture
from understudy.review.stability import Unrest, UnrestWatch
from understudy.settings import QcSettings
from understudy.stages.qc._frames import check_frames, open_delivery, plate_of, read_delivery

PAGE = "qc.html"

CONTRACT: Contract = dict.fromkeys("RGBA", "") | {
    f"{layer}.{channel}": "half" if kind is np.float16 else "float"
    for layer, (channels, kind) in LAYERS.items()
    for channel in channels
}
"""What every frame that we convert holds."""


def run(settings: QcSettings, events: Events) -> dict[str, Any]:
    """Check the sequence and write the page; see :class:`QcSettings`. Every frame is read once.

    What is wrong with the sequence is told in the report, and raises nothing: ``verdict`` is ``pass``, ``warn`` or
    ``fail``; ``checks`` hold for each ``check`` its ``verdict`` (also ``not checked``), on how many ``frames`` something
    was found, the ``worst`` of them and what was ``told``; ``frames`` hold the figures of each frame: its ``bytes``,
    the sum of its ``matte``, ``confidence``, ``flicker``, and ``edge`` of the composite beside ``edge_of_plate`` in
    CIEDE2000. Raises MissingInputError where there is no frame at all or no such plate, UsageError for what is no EXR
    sequence, ColourError and OutputError.
    """
    sequence = open_delivery(settings.sequence, settings.frames)
    out = settings.out or Path(sequence.pattern).parent / f"{sequence.name}_qc"
    # Told now, and not after all frames are read.
    if out.is_file():
        raise OutputError(f"{out} is a file, not a folder for the page.", "Name another with --out.")
    if settings.json_file and settings.json_file.is_dir():
        raise OutputError(
            f"{settings.json_file} is a folder, not a file to write.", "Give a file, such as --json qc.json."
        )
    shot = plate_of(settings, sequence, events)
    desk = _QcSession(settings, sequence, shot)
    with hold(out, "qc"), closing(read_delivery(sequence, shot)) as reading:
        for done, (number, found, under) in enumerate(reading, 1):
            events.raise_if_stopping()
            desk.look(number, found, under)
            events.progress(done, len(sequence.frames), "frames")
        return desk.close(settings, out)


class _QcSession:
    """Looks at the frames one by one, in order, and keeps what the report needs; no pixels but those it shows."""

    def __init__(self, settings: QcSettings, sequence: Plate, shot: Shot | None) -> None:
        self._sequence, self._shot = sequence, shot
        self._colour = shot.colour if shot else ColourManager.discover(settings.ocio)
        self._space = shot.written_space if shot else None
        self._ledger = Ledger()
        self._worst = Worst(self._look)
        self._watch = UnrestWatch(self._look, settings.max_flicker, settings.max_edge)
        self._first: Delivered | None = None
        self._unrest: dict[int, Unrest] = {}
        self._frames: list[dict[str, Any]] = []
        self._min_width = settings.min_width
        self._ledger.add(check_frames(settings, sequence, shot))

    def look(self, number: int, found: Delivered | str, under: Frame | None) -> None:
        """One frame, or why it cannot be read, and the plate's same frame."""
        if isinstance(found, str):
            self._ledger.add([Finding("files", number, 1.0, found)])
            return
        self._space = self._space or self._colour.input_space(self._sequence, found.main.header, None).name
        self._first = self._first or found.without_pixels()
        plate = said = None
        if under and self._shot:
            plate = UnderFrame.of(under, self._shot.written(under))
            said = replace(under.header, interop_id=self._shot.written_id)
        seen = self._watch.see(found, plate)
        findings = [
            *check_file(found, self._first, said, CONTRACT),
            *check_width(found, self._min_width),
            *self._made_of(found),
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

    def _made_of(self, found: Delivered) -> Iterator[Finding]:
        """That a frame was made of other things than the first one: of a model that was trained on, of another source."""
        assert self._first is not None
        first = self._first.number, self._first.header.attributes.get(FINGERPRINT)
        if told := unlike(found.number, found.header.attributes.get(FINGERPRINT), first):
            yield Finding("made of", found.number, 1.0, told, warns=True)

    def close(self, settings: QcSettings, out: Path) -> dict[str, Any]:
        """The report, after its page and file are written."""
        sizes = {record["frame"]: record["bytes"] for record in self._frames}
        self._ledger.add(check_sizes(sizes, {record["frame"]: bool(record["matte"]) for record in self._frames}))
        if told := self._watch.failure():
            self._ledger.fail_shot("flicker", told)
        results = self._ledger.results(strict=settings.strict)
        verdict = overall(results)
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
        if settings.json_file:
            write_json(settings.json_file, report)
        return report

    def _keep(self, frame: Delivered, plate: UnderFrame | None, seen: Unrest, findings: Sequence[Finding]) -> None:
        # Of flicker and edges the worst frames are shown even where all are within the limits.
        for finding in (*findings, *self._watch.tell(frame.number, seen)):
            if finding.check in _PICTURED:
                self._worst.offer(finding, frame, plate)
        matte, confidence = frame.plane(MATTE), frame.plane(CONFIDENCE)
        self._unrest[frame.number] = seen
        self._frames.append(
            {
                "frame": frame.number,
                "bytes": frame.size,
                "matte": None if matte is None else round(float(np.nansum(matte, dtype=np.float64)), 2),
                "confidence": None if confidence is None else float(np.nan_to_num(confidence).max()),
                "flicker": seen.steadiness.flicker,
                "edge": seen.edge.composite if seen.edge else None,
                "edge_of_plate": seen.edge.plate if seen.edge else None,
            }
        )

    def _look(self, rgb: NDArray[Any]) -> Picture:
        assert self._space is not None  # a frame has been read before it is looked at
        return self._colour.to_display(self._colour.to_working(rgb, self._space))


_PICTURED = {check.name for check in CHECKS if "matte" in check.needs} | {"finite"}
"""Checks of which a picture tells more than words."""
