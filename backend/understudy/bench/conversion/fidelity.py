"""What geometry and colour lose of a perfect prediction on its way through the crop and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from understudy.bench.conversion.in_memory_shot import InMemoryShot
from understudy.bench.conversion.oracle_network import know_by_heart
from understudy.errors import UnreadableError
from understudy.events import Events
from understudy.face.geometry import CropKind
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate
from understudy.review.truth import read_truth
from understudy.settings import ConversionOptions

YAWS = (0, 30, 60, 90)

KIND: CropKind = "whole"
SIZE = 512
"""Side of the crop in pixels: finer than the sample's faces, so that what is lost is not lost for want of pixels."""

CORE = 0.99
"""Least matte of a pixel that counts."""

PLAIN = ConversionOptions(colour_match="none", relight=0.0, sharpness=0.0, grain=0.0)
"""Nothing but the way through the crop and back."""


def measure_fidelity(trial: InMemoryShot, sample: Path, events: Events) -> dict[str, Any]:
    """Lay the true render's own crops into the plate of the ``sample`` folder, on the frames nearest to :data:`YAWS`.

    Returns for each yaw the ``frame``, its true ``yaw`` in degrees, and the ``error``: the mean absolute difference of
    the new face from the truth in the matte's core, as a part of the truth's mean there; and ``worst`` of all errors.
    """
    truth = open_plate((sample / "truth.%04d.exr").as_posix())
    true = {
        one.frame: abs(one.head.angles[0])
        for one in read_truth(sample / "plate.truth.json")
        if one.frame in trial.faces
    }
    nearest = {yaw: min(true, key=lambda frame: abs(true[frame] - yaw)) for yaw in YAWS}
    frames = sorted(set(nearest.values()))
    model = know_by_heart(trial.shot, truth, {frame: trial.faces[frame] for frame in frames}, KIND, SIZE)
    errors = {}
    for frame, placed in trial.placed(model, PLAIN, frames):
        events.raise_if_stopping()
        if placed is None or not (core := placed.matte > CORE).any():
            raise UnreadableError(f"Frame {frame.number} of the sample shows no face.", "Give another sample.")
        rows, columns = placed.region.rows, placed.region.columns
        wanted = read_frame(truth, frame.number).rgb[rows, columns].astype(np.float64)[core]
        errors[frame.number] = float(np.abs(placed.swap[core] - wanted).mean() / wanted.mean())
    report: dict[str, Any] = {
        f"yaw_{yaw}": {"frame": frame, "yaw": true[frame], "error": errors[frame]} for yaw, frame in nearest.items()
    }
    return report | {"resolution": SIZE, "worst": max(errors.values())}
