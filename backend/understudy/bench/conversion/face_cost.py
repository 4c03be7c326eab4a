"""What a face costs in a frame of film size: where the time goes, by the frame's size and by the face's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np

from understudy.bench.conversion.fixture import RESOLUTION, Bed, find_faces
from understudy.bench.conversion.in_memory_shot import InMemoryShot, Model
from understudy.bench.rendering.plates import write
from understudy.convert.layers.compose import compose
from understudy.convert.matte.artist_mattes import FrameMattes
from understudy.events import Events
from understudy.model.card import ModelCard
from understudy.model.device import choose_device
from understudy.model.families import build, default_architecture
from understudy.model.store import load_model
from understudy.plate.layers import Profile, write_layers
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate
from understudy.review.truth import read_truth
from understudy.settings import ConversionOptions
from understudy.stopwatch import Stopwatch

FACE = 300
"""Height of a face in pixels, from the brows to the chin."""

FRAMES = 4
"""Frames of a plate; the first one also bears what a shot costs once, and does not count."""

HD, UHD = (1920, 1080), (3840, 2160)

DEEP = "liae", 256
"""Family and size of the model that a shot with such a face is trained for on a GPU."""


def measure_face_cost(bed: Bed, sample: Path, folder: Path, events: Events) -> dict[str, Any]:
    """Lay the ``sample``'s picture, enlarged until its face is :data:`FACE` pixels high, into larger frames; convert them.

    ``hd`` is 1920 x 1080 pixels, ``uhd`` 3840 x 2160 with the same face, ``uhd_large`` that with a face twice as large
    each way, all with the smallest of models; ``hd_deep`` is ``hd`` with one of :data:`DEEP`. The steps are taken one
    after another, so that none waits for another: returns for each case the medians over a few frames, in seconds, of
    ``reading``, ``networks``, ``placing`` (all that is done to pixels: cutting out, colours, finish, mattes, blending)
    and ``writing`` by profile, and ``outside`` by profile, the part of their sum that is placing; ``by_frame``, placing
    at ``uhd`` as a multiple of that at ``hd``, and ``by_face``, that at ``uhd_large`` as a multiple of that at ``uhd``;
    ``resolution`` of the model, and ``face`` in pixels.
    """
    report: dict[str, Any] = {"resolution": RESOLUTION, "face": FACE}
    quiet = Events(stop=lambda: events.stopping)
    model = load_model(bed.model, choose_device("auto"))
    cases = {"hd": (HD, FACE), "uhd": (UHD, FACE), "uhd_large": (UHD, 2 * FACE)}
    for done, (name, (size, face)) in enumerate(cases.items(), 1):
        events.raise_if_stopping()
        plate = framed(sample, folder / name, size, face, FRAMES)
        trial = InMemoryShot.of(plate, find_faces(plate, folder / name, quiet), quiet)
        report[name] = _a_frame(trial, model, folder / name)
        if name == "hd":
            report["hd_deep"] = _a_frame(trial, _untrained(model[1]), folder / name)
        events.progress(done, len(cases), "sizes")
    report["by_frame"] = report["uhd"]["placing"] / report["hd"]["placing"]
    report["by_face"] = report["uhd_large"]["placing"] / report["uhd"]["placing"]
    return report


def framed(sample: Path, folder: Path, size: tuple[int, int], face: int, count: int) -> str:
    """Write the first ``count`` frames of the ``sample``'s plate, its face in the middle of a ``size`` (width, height).

    Enlarged until that is ``face`` pixels high; beyond its edges the picture goes on as it ends there. Returns the pattern.
    """
    folder.mkdir()
    plate = open_plate((sample / "plate.%04d.exr").as_posix())
    marks = np.stack([one.landmarks for one in read_truth(sample / "plate.truth.json")[:count]])
    height = np.median(marks[:, 8, 1] - marks[:, 17:27, 1].min(1))
    scale = face / height
    matrix = np.column_stack([scale * np.eye(2), np.array(size) / 2 - scale * np.median(marks, axis=(0, 1))])
    for number in plate.frames[:count]:
        frame = read_frame(plate, number)
        rgb = cv2.warpAffine(
            frame.rgb.astype(np.float32), matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        write(folder / f"plate.{number:04d}.exr", np.asarray(rgb, np.float32), frame.header)
    return (folder / "plate.%04d.exr").as_posix()


def _untrained(like: ModelCard) -> Model:
    """A model of :data:`DEEP` for the crops and the light of another: weights do not change what it costs."""
    architecture = default_architecture(*DEEP)
    network = build(architecture).to(choose_device("auto")).eval()
    return network, replace(like, architecture=architecture)


def _a_frame(trial: InMemoryShot, model: Model, folder: Path) -> dict[str, Any]:
    """Seconds a frame, by step, and the part of placing and composing."""
    look, shot = ConversionOptions(), trial.shot
    converter = trial.converter(model, look)
    watches = []
    for number in shot.plate.frames:
        watch = Stopwatch()
        with watch.part("reading"):
            frame = read_frame(shot.plate, number)
        with watch.part("placing"):
            aligned = converter.align(frame)
        with watch.part("networks"):
            predictions = converter.predict([] if aligned is None else [aligned])
        with watch.part("placing"):
            placed = None if aligned is None else converter.lay(frame, (aligned, predictions[0]), look, FrameMattes())
        with watch.part("composing"):
            layers = compose(shot.written(frame), frame.alpha, placed)
        for profile in get_args(Profile):
            with watch.part(profile):
                write_layers(folder / "shot.exr", layers, frame.header, profile=profile, interop_id=shot.written_id)
        watches.append(watch)
    step = {name: float(np.median([watch.seconds[name] for watch in watches[1:]])) for name in watches[0].seconds}
    writing = {profile: step.pop(profile) for profile in get_args(Profile)}
    outside = {
        profile: (step["placing"] + step["composing"]) / (sum(step.values()) + seconds)
        for profile, seconds in writing.items()
    }
    return {**step, "writing": writing, "outside": outside}
