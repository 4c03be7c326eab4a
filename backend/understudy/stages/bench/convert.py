"""How a shot is converted: how true, in which light, how grainy, and how fast."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from understudy.events import Events
from understudy.stages.bench import colours, grain, st_map
from understudy.stages.bench.against_exr import measure_against_exr
from understudy.stages.bench.bed import make_bed


def measure(events: Events, sample: Path, rounds: int = 3) -> dict[str, Any]:
    """Convert the plate of the ``sample`` folder, and measure what conversion does to colours, grain and positions.

    Returns the figures of :func:`measure_against_exr`, ``colours`` (how near each match brings a wrong light to the truth),
    ``grain`` (what is measured and laid of a known one) and ``st_map`` (how exact the ST map is).
    """
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as temporary:
        folder = Path(temporary)
        bed = make_bed((sample / "plate.%04d.exr").as_posix(), folder, events)
        speed = measure_against_exr(bed, folder, events, rounds)
    return {
        **speed,
        "st_map": st_map.measure(events.within("st map")),
        "grain": grain.measure(events.within("grain"), sample),
        "colours": colours.measure(events.within("colours"), sample),
    }
