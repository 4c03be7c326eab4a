"""How true, steady and quick new faces from footage are: on rendered pairs, whose truth is known pixel by pixel."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.bench.conversion.fixture import find_faces
from understudy.bench.conversion.in_memory_shot import InMemoryShot
from understudy.bench.conversion.steadiness import GRAIN, SMOOTH, STILL_FRAMES, restlessness
from understudy.bench.rendering.pairs import Pair, find_pairs
from understudy.bench.rendering.performance import measure_performance
from understudy.bench.rendering.plates import still
from understudy.bench.rendering.render_acceptance import render_criteria, worse_by_pose
from understudy.bench.rendering.render_cost import at_hd, memory_over_a_shot, seconds_a_frame
from understudy.events import Events
from understudy.settings import ConversionOptions, ConvertSettings, ExtractSettings
from understudy.stages import convert, extract
from understudy.stages._against_truth import measure_against_truth


@dataclass(frozen=True)
class Judges:
    """How pairs are looked at: the space of files that do not tell it, and who tells people apart."""

    colour_space: str | None = None
    recogniser: str = "auto"
    pack: str | None = None


def measure(events: Events, folders: Sequence[Path], judges: Judges) -> dict[str, Any]:
    """Make the new face of every pair in ``folders`` of its source's footage, and hold it to its word.

    Returns ``pairs``, by folder's name what :func:`measure_pair` tells; of the first pair ``hd``
    (:func:`~understudy.bench.rendering.render_cost.at_hd`) and ``memory``
    (:func:`~understudy.bench.rendering.render_cost.memory_over_a_shot`); and ``criteria``. Raises as
    :func:`~understudy.bench.rendering.pairs.find_pairs` and as the stages do.
    """
    pairs = find_pairs(folders)
    report: dict[str, Any] = {"pairs": {}}
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as temporary:
        root = Path(temporary)
        sources: dict[str, Path] = {}
        for number, pair in enumerate(pairs):
            events.raise_if_stopping()
            within, folder = events.within(pair.name), root / pair.name
            if pair.source not in sources:
                sources[pair.source] = root / f"source_{number}"
                settings = ExtractSettings(
                    plate=pair.source, out=sources[pair.source], colour_space=judges.colour_space
                )
                extract.run(settings, within.within("source"))
            report["pairs"][pair.name] = measure_pair(pair, sources[pair.source], folder, judges, within)
        first = pairs[0]
        source, folder = sources[first.source], root / first.name
        report["hd"] = at_hd(first.folder, source, folder, judges.colour_space, events.within("1080p"))
        report["memory"] = memory_over_a_shot(
            first.folder, source, folder, judges.colour_space, events.within("memory")
        )
    return {"criteria": render_criteria(report), **report}


def measure_pair(pair: Pair, source: Path, folder: Path, judges: Judges, events: Events) -> dict[str, Any]:
    """Convert the ``pair``'s plate from the faceset ``source``, what stands before it held out.

    ``untouched`` and ``result`` are what :func:`~understudy.stages._against_truth.measure_against_truth` tells of plate
    and shot; ``worse`` by pose the measures by which the shot is worse; ``still`` the standard deviation over time of a
    still plate with grain, converted, as a part of the plate's own; ``performance`` of both, as
    :func:`~understudy.bench.rendering.performance.measure_performance` tells it: the plate, which performs as the truth does,
    shows what can be reached; and ``cost``
    (:func:`~understudy.bench.rendering.render_cost.seconds_a_frame`).
    """
    space = judges.colour_space
    faces = find_faces(pair.plate, folder, events, space)
    shot = (folder / "shot.%04d.exr").as_posix()
    convert.run(
        ConvertSettings(
            plate=pair.plate,
            source=source,
            faceset=faces,
            out=shot,
            holdout=pair.holdout,
            colour_space=space,
            force=True,
        ),
        events.within("convert"),
    )
    untouched, result = (
        measure_against_truth(
            judged, pair.truth, pair.plate, source, events.within("compare"),
            colour_space=space, recogniser=judges.recogniser, pack=judges.pack,
        )
        for judged in (pair.plate, shot)
    )  # fmt: skip
    return {
        "untouched": untouched,
        "result": result,
        "worse": worse_by_pose(result, untouched),
        "still": _still(pair, source, folder, space, events.within("still plate")),
        "performance": {
            name: measure_performance(pair, judged, space, events.within("performance"))
            for name, judged in (("untouched", pair.plate), ("result", shot))
        },
        "cost": seconds_a_frame(InMemoryShot.of(pair.plate, faces, events, space), source, folder),
    }


def _still(pair: Pair, source: Path, folder: Path, colour_space: str | None, events: Events) -> float | None:
    """How restless the new face is on a still plate with grain, as a part of the plate."""
    plate = still(pair.folder, folder, STILL_FRAMES, GRAIN, SMOOTH)
    look = ConversionOptions()
    trial = InMemoryShot.of(plate, find_faces(plate, folder, events, colour_space), events, colour_space)
    laid = trial.laid(trial.footage(source, look), look, trial.shot.plate.frames)
    return restlessness(trial.shot, laid, events)
