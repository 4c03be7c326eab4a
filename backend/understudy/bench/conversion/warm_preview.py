"""How much sooner the warm converter answers a change than a cold one answers at all."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from understudy.bench.conversion.face_cost import FACE, FRAMES, HD, framed
from understudy.bench.conversion.fixture import RESOLUTION, Bed, find_faces
from understudy.convert.cache import LatestCache
from understudy.events import Events
from understudy.plate.sequence import open_plate
from understudy.settings import PreviewSettings
from understudy.stages import preview

ROUNDS = 3

CHANGES: dict[str, dict[str, Any]] = {
    "feather": {"feather": 0.1},
    "erode": {"erode": 2.0},
    "opacity": {"opacity": 0.5},
    "colour_strength": {"colour_strength": 0.5},
    "colour_match": {"colour_match": "reinhard"},
    "relight": {"relight": 0.5},
}
"""Changes of the matte and of the colour that an artist makes."""


def measure_warm(bed: Bed, sample: Path, folder: Path, events: Events) -> dict[str, Any]:
    """Preview one frame of 1920 x 1080 pixels with a face of :data:`FACE`, and again with one option changed.

    The model is that of ``bed``. Returns ``cold``, the seconds of the first answer in a process that has kept nothing
    yet; ``warm``, by option the seconds of an answer that follows; and ``ratio``, by option the second as a part of the
    first; medians of :data:`ROUNDS`. And ``resolution`` of the model.
    """
    quiet = Events(stop=lambda: events.stopping)
    plate = framed(sample, folder / "warm", HD, FACE, FRAMES)
    faces = find_faces(plate, folder / "warm", quiet)
    frame = open_plate(plate).frames[0]

    def answered(kept: LatestCache, **change: Any) -> float:
        settings = PreviewSettings(
            plate=plate, frame=frame, model=bed.model, faceset=faces, out=folder / "warm" / "preview", **change
        )
        start = time.perf_counter()
        preview.run(settings, quiet, kept)
        return time.perf_counter() - start

    answered(LatestCache())  # loads libraries, which a process does once
    cold, warm = list[float](), {name: list[float]() for name in CHANGES}
    for done in range(1, ROUNDS + 1):
        events.raise_if_stopping()
        kept = LatestCache()
        cold.append(answered(kept))
        for name, change in CHANGES.items():
            warm[name].append(answered(kept, **change))
        events.progress(done, ROUNDS, "rounds")
    first = float(np.median(cold))
    after = {name: float(np.median(seconds)) for name, seconds in warm.items()}
    ratio = {name: seconds / first for name, seconds in after.items()}
    return {"resolution": RESOLUTION, "cold": first, "warm": after, "ratio": ratio}
