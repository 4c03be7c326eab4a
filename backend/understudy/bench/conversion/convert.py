"""How a shot is converted: how true, in which light, how steady, how grainy, and how fast."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from understudy.bench.conversion import colours, grain, st_map
from understudy.bench.conversion.acceptance import criteria
from understudy.bench.conversion.against_exr import measure_against_exr
from understudy.bench.conversion.face_cost import measure_face_cost
from understudy.bench.conversion.fidelity import measure_fidelity
from understudy.bench.conversion.fixture import make_bed
from understudy.bench.conversion.in_memory_shot import InMemoryShot
from understudy.bench.conversion.matte_once import measure_matte_once
from understudy.bench.conversion.steadiness import measure_steadiness
from understudy.bench.conversion.warm_preview import measure_warm
from understudy.events import Events


def measure(events: Events, sample: Path, model: Path | None = None) -> dict[str, Any]:
    """Convert the plate of the ``sample`` folder, which has rendered truth beside it, and hold conversion to its word.

    ``model`` is the folder of a trained one, whose steadiness is measured too. Returns the figures of each measurement
    by its name, and ``criteria``, those with a limit as :func:`~understudy.bench.conversion.acceptance.criteria` tells them.
    """
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as temporary:
        folder = Path(temporary)
        bed = make_bed((sample / "plate.%04d.exr").as_posix(), folder, events)
        trial = InMemoryShot.of(bed.plate, bed.faces, events)
        measures: dict[str, Callable[[Events], dict[str, Any]]] = {
            "fidelity": lambda inner: measure_fidelity(trial, sample, inner),
            "colours": lambda inner: colours.measure(inner, sample),
            "steadiness": lambda inner: measure_steadiness(trial, sample, model, inner),
            "grain": lambda inner: grain.measure(inner, sample),
            "matte_once": lambda inner: measure_matte_once(bed, folder, inner),
            "st_map": st_map.measure,
            "face_cost": lambda inner: measure_face_cost(bed, sample, folder, inner),
            "warm": lambda inner: measure_warm(bed, sample, folder, inner),
            "speed": lambda inner: measure_against_exr(bed, folder, inner),
        }
        for name, measured in measures.items():
            events.raise_if_stopping()
            report[name] = measured(events.within(name.replace("_", " ")))
    return {"criteria": criteria(report), **report}
