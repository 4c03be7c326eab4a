"""Whether the matte is applied exactly once: a converted shot, read back from disk, adds up."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from understudy.bench.conversion.fixture import Bed
from understudy.events import Events
from understudy.faceset.aligned import evenly
from understudy.plate.frame import Frame
from understudy.plate.layers import Profile
from understudy.plate.matte import laid_over
from understudy.plate.picture import read_plane
from understudy.plate.ranges import format_range
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate, output_path
from understudy.stages import convert

FRAMES = 3
"""Frames, spread over the shot, that are looked at."""


def measure_matte_once(bed: Bed, folder: Path, events: Events) -> dict[str, Any]:
    """Convert a few frames in both profiles, and put plate, swap and matte together from what is in the files.

    Returns for each profile ``frames``; ``steps``, the largest difference of ``swap + (1 - matte) * plate`` from the
    composite, in steps of half floats at the larger of swap and composite: 1 is what rounding both to half can make;
    ``difference``, the largest as it is; and ``touched``, the pixels outside the matte that are not the plate's, bit
    for bit.
    """
    plate = open_plate(bed.plate)
    frames = evenly(plate.frames, FRAMES)
    report = {}
    for profile in get_args(Profile):
        out = str(folder / f"{profile}.%04d.exr")
        settings = bed.settings(out, profile=profile, frames=format_range(frames))
        convert.run(settings, Events(stop=lambda: events.stopping))
        found = np.array([_added_up(output_path(out, frame), read_frame(plate, frame)) for frame in frames])
        steps, difference, _ = found.max(0).tolist()
        report[profile] = {
            "frames": len(found),
            "steps": steps,
            "difference": difference,
            "touched": int(found[:, 2].sum()),
        }
    return report


def _added_up(path: Path, frame: Frame) -> tuple[float, float, int]:
    """The largest difference in steps and as it is, and how many pixels outside the matte are not the plate's.

    ``frame`` is the plate's, ``path`` that of its conversion.
    """
    matte = _plane(path, "matte.A", frame)
    steps, differences, touched = [], [], np.zeros(matte.shape, np.bool_)
    for channel, under in zip("RGB", np.moveaxis(frame.rgb, 2, 0), strict=True):
        swap, result = _plane(path, f"swap.{channel}", frame), _plane(path, channel, frame)
        difference = np.abs(swap + (1 - matte) * under.astype(np.float64) - result)
        step = np.spacing(np.maximum(np.abs(swap), np.abs(result)).astype(np.float16)).astype(np.float64)
        steps.append((difference / step).max())
        differences.append(difference.max())
        touched |= (result.astype(under.dtype).view(np.uint16) != under.view(np.uint16)) & (matte == 0)
    return float(max(steps)), float(max(differences)), int(touched.sum())


def _plane(path: Path, channel: str, frame: Frame) -> NDArray[np.float64]:
    """A channel of the file over the array of ``frame``."""
    plane = read_plane(path, channel)
    return laid_over(plane.values, plane.data, frame.header.data).astype(np.float64)
