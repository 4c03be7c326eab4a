"""What a new face from footage costs: seconds a frame, and memory over a longer shot."""

from __future__ import annotations

import math
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

from understudy.bench.conversion.face_cost import HD, framed
from understudy.bench.conversion.fixture import find_faces
from understudy.bench.conversion.in_memory_shot import InMemoryShot
from understudy.bench.rendering.plates import there_and_back
from understudy.convert.layers.compose import compose
from understudy.convert.matte.artist_mattes import FrameMattes
from understudy.events import Events
from understudy.plate.layers import write_layers
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate
from understudy.settings import ConversionOptions, ConvertSettings
from understudy.stages import convert
from understudy.stopwatch import Stopwatch

FACE = 400
"""Height of the face at 1080p in pixels, from the brows to the chin."""

HD_FRAMES = 6
LENGTH = 72
"""Frames of the shorter of two shots: as long that what is kept of the last few frames is full."""


def seconds_a_frame(trial: InMemoryShot, source: Path, folder: Path) -> dict[str, Any]:
    """Convert the shot of ``trial`` frame by frame with a face from the faceset ``source``, one step after another.

    Returns ``size`` of the plate, ``preparation`` (seconds that a shot costs once), and the medians over its frames in
    seconds: ``reading``, ``rendering``, ``writing`` and ``whole``.
    """
    look, shot, started = ConversionOptions(), trial.shot, time.perf_counter()
    converter = trial.footage(source, look)
    preparation = time.perf_counter() - started
    watches = []
    for number in shot.plate.frames:
        watch = Stopwatch()
        with watch.running():
            with watch.part("reading"):
                frame = read_frame(shot.plate, number)
            with watch.part("rendering"):
                face = converter.align(frame)
                placed = None if face is None else converter.lay(frame, (face, None), look, FrameMattes())
                layers = compose(shot.written(frame), frame.alpha, placed)
            with watch.part("writing"):
                write_layers(folder / "cost.exr", layers, frame.header, profile="flat", interop_id=shot.written_id)
        watches.append(watch)
    size = read_frame(shot.plate, shot.plate.frames[0]).size
    return {
        "size": list(size),
        "preparation": preparation,
        **{name: float(np.median([watch.seconds[name] for watch in watches])) for name in watches[0].seconds},
        "whole": float(np.median([watch.wall for watch in watches])),
    }


def at_hd(sample: Path, source: Path, folder: Path, colour_space: str | None, events: Events) -> dict[str, Any]:
    """:func:`seconds_a_frame` of the ``sample``'s plate at 1080p, enlarged until its face is :data:`FACE` pixels high."""
    plate = framed(sample, folder / "hd", HD, FACE, HD_FRAMES)
    faces = find_faces(plate, folder / "hd", events, colour_space)
    return seconds_a_frame(InMemoryShot.of(plate, faces, events, colour_space), source, folder) | {"face": FACE}


def memory_over_a_shot(
    sample: Path, source: Path, folder: Path, colour_space: str | None, events: Events
) -> dict[str, Any]:
    """Convert the ``sample``'s plate, there and back until it has :data:`LENGTH` frames, and one twice as long.

    Returns ``frames`` and ``peak`` (bytes) of both, and ``growth``, bytes a further frame. Counted is what Python and
    NumPy hold; of torch there is none on this way but the detectors' networks, which do not grow.
    """
    pattern, quiet = (sample / "plate.%04d.exr").as_posix(), Events(stop=lambda: events.stopping)
    times = math.ceil(LENGTH / len(open_plate(pattern).frames))
    frames, peaks = list[int](), list[int]()
    for count in (times, 2 * times):
        events.raise_if_stopping()
        own = folder / f"memory_{count}"
        plate = there_and_back(pattern, own, count)
        settings = ConvertSettings(
            plate=plate, source=source, faceset=find_faces(plate, own, quiet, colour_space), colour_space=colour_space,
            out=(own / "shot.%04d.exr").as_posix(),
        )  # fmt: skip
        peaks.append(_peak(settings, quiet))
        frames.append(len(open_plate(plate).frames))
    return {"frames": frames, "peak": peaks, "growth": (peaks[1] - peaks[0]) / (frames[1] - frames[0])}


def _peak(settings: ConvertSettings, events: Events) -> int:
    tracemalloc.start()
    try:
        convert.run(settings, events)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
