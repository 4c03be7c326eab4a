"""How well faces are found and followed, how fast, and where the time goes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from understudy.bench.extraction.curation import measure_curation
from understudy.bench.extraction.hard_faces import measure_extremes
from understudy.bench.extraction.heads import measure_heads
from understudy.bench.extraction.people import measure_people
from understudy.bench.extraction.shapes import measure_shapes
from understudy.bench.extraction.tracks import measure_shots, measure_still
from understudy.bench.rendering.plates import enlarged
from understudy.events import Events
from understudy.settings import ExtractSettings
from understudy.stages import extract
from understudy.stopwatch import Stopwatch

WIDTH = 1920
"""Pixels across of the plate on which the speed is measured."""


def measure(events: Events, sample: Path) -> dict[str, Any]:
    """All that is measured about faces, from the ``sample`` folder's footage: speed, accuracy and steadiness.

    Returns ``speed`` (:func:`measure_speed`), ``shots`` and ``still`` (``tracks``), ``heads``, ``people``, ``extremes`` and
    ``curation`` (the files of those names).
    """
    report: dict[str, Any] = {"speed": measure_speed(events.within("speed"), sample)}
    report["shots"] = measure_shots(sample, events)
    report["heads"] = measure_heads(sample, events)
    report["still"] = measure_still(sample, events.within("still plate"))
    report["shapes"] = measure_shapes(sample, events.within("shapes"))
    report["people"] = measure_people(sample, events.within("two people"))
    report["extremes"] = measure_extremes(sample, events.within("extremes"))
    report["curation"] = measure_curation(None, events.within("curation"))
    return report


def measure_speed(events: Events, sample: Path, width: int = WIDTH) -> dict[str, Any]:
    """Extract the plate of ``sample`` at ``width`` pixels across with default settings.

    Returns ``frames``, ``faces``, ``seconds``, ``frames_per_second``, ``shares`` (part of the passes' wall time:
    ``networks``, ``reading`` and ``writing`` as far as it waits for them, ``colour``, ``solving``, ``other``) and
    ``outside_networks``, their sum without the networks. Loading the networks is not counted.
    """
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        plate = enlarged(sample, Path(folder), width)
        report = extract.run(ExtractSettings(plate=plate, out=Path(folder) / "faces"), events, watch)
    shares = watch.shares()
    return {
        "frames": report["frames"],
        "faces": report["faces"],
        "width": width,
        "seconds": watch.wall,
        "frames_per_second": report["frames"] / watch.wall,
        "shares": shares,
        "outside_networks": 1.0 - shares["networks"],
    }
