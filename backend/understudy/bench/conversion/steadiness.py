"""Whether what conversion does is steady: against the truth where the shot moves, against the grain where it stands."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.bench.conversion.fixture import find_faces
from understudy.bench.conversion.in_memory_shot import InMemoryShot, Model
from understudy.bench.conversion.oracle_network import know_by_heart
from understudy.bench.rendering.plates import still, write
from understudy.convert.inverse_warp import PlacedFace
from understudy.convert.layers.compose import compose
from understudy.events import Events
from understudy.extraction.shot import Shot
from understudy.face.geometry import CropKind
from understudy.model.device import choose_device
from understudy.model.store import load_model
from understudy.plate.frame import Frame
from understudy.plate.sequence import open_plate, output_path
from understudy.settings import CompareSettings, ConversionOptions
from understudy.stages.qc import compare

KIND: CropKind = "whole"
SIZE = 256
"""Side of a perfect prediction's crop in pixels."""

STILL_FRAMES = 16
GRAIN = 0.02
"""Standard deviation of the still plate's grain at scene-linear 1."""

SMOOTH = 1.0
"""Blur in pixels of the picture under it: a render's own noise would stand still, and be taken for more grain."""

CORE = 0.99
"""Least matte, on every frame, of a pixel of the still plate that counts."""

_DARKEST = 1e-3  # light that is as good as none


def measure_steadiness(trial: InMemoryShot, sample: Path, model: Path | None, events: Events) -> dict[str, Any]:
    """Convert the plate of the ``sample`` folder, and a still one with grain, by predictions that are perfect.

    And by the trained ``model`` in that folder, where one is given. Returns by prediction, ``perfect`` and ``model``,
    what they are: ``flicker``, the change from frame to frame inside the true mask as a multiple of the truth's, with
    the usual look; and the standard deviation over time in the matte's core as a part of the still plate's: ``still``
    with the usual look, ``still_without_grain`` with no grain laid on, which is what conversion itself does. Each is at
    its own light, by whose root grain grows: a face that is brighter than the plate's is grainier.
    """
    truth = open_plate((sample / "truth.%04d.exr").as_posix())
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as temporary:
        folder = Path(temporary)
        plate = still(sample, folder, STILL_FRAMES, GRAIN, SMOOTH)
        standing = InMemoryShot.of(plate, find_faces(plate, folder, events), events)
        first = next(iter(standing.faces.values()))
        models: dict[str, tuple[Model, Model]] = {
            "perfect": (
                know_by_heart(trial.shot, truth, trial.faces, KIND, SIZE),
                know_by_heart(standing.shot, truth, {truth.frames[0]: first}, KIND, SIZE),
            )
        }
        if model is not None:
            loaded = load_model(model, choose_device("auto"))
            models["model"] = loaded, loaded
        return {
            name: {
                "flicker": _flicker(trial, moving, sample, folder / name, events),
                "still": _still(standing, constant, ConversionOptions(), events),
                "still_without_grain": _still(standing, constant, ConversionOptions(grain=0.0), events),
            }
            for name, (moving, constant) in models.items()
        }


def _flicker(trial: InMemoryShot, model: Model, sample: Path, folder: Path, events: Events) -> float | None:
    """Of the converted shot inside the truth's mask, as ``understudy compare`` tells it."""
    folder.mkdir()
    pattern = (folder / "shot.%04d.exr").as_posix()
    frames = trial.shot.plate.frames
    for done, (frame, placed) in enumerate(trial.placed(model, ConversionOptions(), frames), 1):
        events.raise_if_stopping()
        main = compose(trial.shot.written(frame), frame.alpha, placed)[0].pixels
        write(output_path(pattern, frame.number), main[..., :3], frame.header)
        events.progress(done, len(frames), "frames")
    truth = (sample / "truth.%04d.exr").as_posix()
    quiet = Events(stop=lambda: events.stopping)
    face, hand = f"{truth}:mask.face", f"{truth}:mask.occluder"
    settings = CompareSettings(a=pattern, b=truth, matte=face, holdout=hand, landmarks="no")
    flicker: float | None = compare.run(settings, quiet)["shot"]["inside"]["flicker"]
    return flicker


def _still(trial: InMemoryShot, model: Model, look: ConversionOptions, events: Events) -> float | None:
    return restlessness(trial.shot, trial.placed(model, look, trial.shot.plate.frames), events)


def restlessness(shot: Shot, laid: Iterable[tuple[Frame, PlacedFace | None]], events: Events) -> float | None:
    """Standard deviation over time of a still ``shot`` with what is ``laid`` into it, as a part of the plate's own.

    Over the matte's core, each at its own light; None where there is no core.
    """
    made, plates, core = list[NDArray[Any]](), list[NDArray[Any]](), None
    for frame, placed in laid:
        events.raise_if_stopping()
        plate = shot.written(frame)
        layers = {layer.name: layer for layer in compose(plate, frame.alpha, placed)}
        made.append(layers[""].pixels[..., :3])
        plates.append(plate)
        matte, (x, y) = layers["matte"].pixels[..., 0], layers["matte"].origin
        here = np.zeros(plate.shape[:2], np.bool_)
        here[y : y + matte.shape[0], x : x + matte.shape[1]] = matte > CORE
        core = here if core is None else core & here
    if core is None or not core.any():
        return None
    ours, theirs = (_grain([picture[core].astype(np.float64) for picture in pictures]) for pictures in (made, plates))
    return ours / theirs


def _grain(pictures: list[NDArray[np.float64]]) -> float:
    """The standard deviation over time of some pixels' light, as a part of its root."""
    light = np.maximum(np.mean(pictures, axis=0), _DARKEST)
    return float((np.std(pictures, axis=0, ddof=1) / np.sqrt(light)).mean())
