"""How fast a shot is converted, against what reading and writing its EXR files costs alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from understudy.bench.conversion.fixture import Bed
from understudy.convert.layers.compose import LAYERS
from understudy.events import Events
from understudy.plate.layers import Layer, LayerWriter
from understudy.plate.reader import read_frames
from understudy.plate.sequence import Plate, open_plate, output_path
from understudy.settings import ConvertSettings
from understudy.stages import convert
from understudy.stopwatch import Stopwatch


def measure_against_exr(bed: Bed, folder: Path, events: Events, rounds: int = 3) -> dict[str, Any]:
    """Convert the plate with default settings, and in turn only read and write its frames.

    That other half of each round reads the plate and writes the very layers that conversion wrote, with the same
    reader, writer and threads.

    Returns ``frames`` of a round, ``rounds``, ``seconds`` and ``frames_per_second`` of conversion, ``exr_seconds`` and
    ``exr_frames_per_second`` of reading and writing, ``against_exr`` (the first speed as a part of the second, 1 is as
    fast), ``shares`` (part of the pass's wall time: ``networks``, ``placing``, ``reading`` and ``writing`` as far as
    it waits for them, ``other``) and ``outside_networks``, their sum without the networks. Loading the model and
    measuring the shot's light are not counted.
    """
    plate, out = open_plate(bed.plate), str(folder / "shot.%04d.exr")
    quiet = Events(stop=lambda: events.stopping)
    converting, copying = Stopwatch(), Stopwatch()
    settings = bed.settings(out)
    convert.run(settings, quiet)  # warms up, and makes the layers
    layers = {frame: _layers(output_path(out, frame)) for frame in plate.frames}
    for done in range(1, rounds + 1):
        convert.run(settings, quiet, converting)
        _copy(plate, layers, settings, str(folder / "copy.%04d.exr"), copying)
        events.progress(done, rounds, "rounds")
    frames = len(plate.frames)
    shares = converting.shares()
    return {
        "frames": frames,
        "rounds": rounds,
        "seconds": converting.wall,
        "frames_per_second": rounds * frames / converting.wall,
        "exr_seconds": copying.wall,
        "exr_frames_per_second": rounds * frames / copying.wall,
        "against_exr": copying.wall / converting.wall,
        "shares": shares,
        "outside_networks": 1.0 - shares["networks"],
    }


def _copy(plate: Plate, layers: dict[int, list[Layer]], settings: ConvertSettings, out: str, watch: Stopwatch) -> None:
    """Read the plate and write ``layers``: what conversion costs without converting."""
    with watch.running(), LayerWriter() as writer:
        for frame in read_frames(plate):
            writer.submit(
                output_path(out, frame.number),
                layers[frame.number],
                frame.header,
                profile=settings.profile,
                compression=settings.compression,
                interop_id=None,
            )


def _layers(path: Path) -> list[Layer]:
    """The layers of a converted frame, as they are in its file."""
    picture = oiio.ImageBuf(str(path))
    spec, pixels = picture.spec(), np.asarray(picture.get_pixels(oiio.FLOAT))
    main = np.float16 if spec.channelformat(spec.channelindex("R")) == oiio.HALF else np.float32

    def layer(name: str, channels: tuple[str, ...], dtype: type[np.floating[Any]]) -> Layer:
        places = [spec.channelindex(f"{name}.{channel}" if name else channel) for channel in channels]
        return Layer(name, channels, pixels[..., places].astype(dtype))

    return [layer("", ("R", "G", "B", "A"), main), *(layer(name, *what) for name, what in LAYERS.items())]
