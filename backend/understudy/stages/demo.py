"""The main job on the bundled sample, judged by the true render."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import MissingInputError
from understudy.events import Events
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.plate.colour import ColourManager
from understudy.plate.files import write_json
from understudy.plate.reader import probe, read_frame
from understudy.plate.sequence import open_plate
from understudy.plate.sheet import contact_sheet, write_png
from understudy.settings import ConvertSettings, DemoSettings, ExtractSettings, TrainSettings
from understudy.stages import convert, extract, train
from understudy.stages.against_truth import measure_against_truth

SAMPLE = Path(__file__).parents[1] / "sample"
SHEET_FRAMES = 8
"""Moments of the shot on the contact sheet."""


def run(settings: DemoSettings, events: Events) -> dict[str, Any]:
    """Extract, train and convert the sample; measure plate and result against the truth.

    Leaves in the output folder: ``shot.%04d.exr``, ``sheet.png`` (before, after, truth), ``curve.png``, the facesets,
    the model, the two comparisons and ``figures.json``. Going on with a longer time improves the same model.
    """
    sample, out = settings.sample or SAMPLE, settings.out
    if not (sample / "plate.1001.exr").is_file():
        raise MissingInputError(f"The sample is not in {sample}.", "Install the package again, or give --sample.")
    plate, truth = (str(sample / f"{name}.%04d.exr") for name in ("plate", "truth"))
    facesets = {name: out / name for name in ("source", "target", "plate")}
    for name, footage in (("source", "source_B"), ("target", "target_A"), ("plate", "plate")):
        extract.run(
            ExtractSettings(plate=str(sample / f"{footage}.%04d.exr"), out=facesets[name]),
            events.within(f"extract {name}"),
        )
    model = out / "model"
    trained = train.run(
        TrainSettings(
            source=[facesets["source"]],
            target=[facesets["target"], facesets["plate"]],
            model=model,
            preset="cpu",
            minutes=settings.minutes,
        ),
        events.within("train"),
    )
    shot = out / "shot.%04d.exr"
    converted = convert.run(
        ConvertSettings(plate=plate, model=model, faceset=facesets["plate"], out=str(shot), force=True),
        events.within("convert"),
    )
    shutil.copyfile(trained["curve"], out / "curve.png")
    figures = {
        "out": _from_here(shot),
        "plate": _from_here(Path(plate)),
        "truth": _from_here(Path(truth)),
        "first": converted["first"],
        "last": converted["last"],
        "steps": trained["steps"],
        "minutes": trained["minutes"],
        "frames_without_face": converted["without_face"],
        **{
            name: measure_against_truth(
                judged, truth, plate, facesets["source"], events.within("compare"), out=out / folder
            )
            for name, judged, folder in (("untouched", plate, "compare_plate"), ("result", str(shot), "compare_result"))
        },
    }
    write_json(out / "figures.json", figures)
    write_png(out / "sheet.png", _sheet(plate, str(shot), truth, Faceset.open(facesets["plate"]), figures))
    events.preview(out / "sheet.png")
    return figures


def _sheet(plate: str, shot: str, truth: str, faceset: Faceset, figures: dict[str, Any]) -> NDArray[np.uint8]:
    """Before, after and truth at moments spread over the shot, cropped to where the head is in all of them."""
    faces = faceset.faces()
    picks = [faces[round(i * (len(faces) - 1) / (SHEET_FRAMES - 1))] for i in range(SHEET_FRAMES)]
    colour = ColourManager.discover()
    tiles: list[NDArray[np.floating[Any]]] = []
    captions: list[str] = []
    for name, pattern in (("plate", plate), ("Understudy", shot), ("truth", truth)):
        opened = open_plate(pattern)
        space = colour.input_space(opened, probe(opened), None).name
        for face in picks:
            rgb = read_frame(opened, face.frame).rgb
            x0, y0, x1, y1 = _around(face, rgb.shape[1], rgb.shape[0])
            tiles.append(colour.to_display(colour.to_working(rgb[y0:y1, x0:x1], space)))
            captions.append(f"{name} {face.frame}")
    before, after = figures["untouched"], figures["result"]
    title = (
        f"{figures['steps']} steps, {figures['minutes']:.1f} min.  To the truth:  "
        f"plate {before['psnr']:.2f} dB, dE {before['de2000']:.2f}   result {after['psnr']:.2f} dB, dE {after['de2000']:.2f}"
    )
    return contact_sheet(tiles, captions, columns=SHEET_FRAMES, tile_height=220, title=title)


def _around(face: Face, width: int, height: int) -> tuple[int, int, int, int]:
    """A square around a face, twice its landmarks' height, inside the frame."""
    low, high = face.landmarks.min(0), face.landmarks.max(0)
    side = int(min(2.0 * (high[1] - low[1]), width, height))
    x0, y0 = (np.clip((low + high) / 2 - side / 2, 0, (width - side, height - side))).astype(int)
    return int(x0), int(y0), int(x0) + side, int(y0) + side


def _from_here(path: Path) -> str:
    """The path as seen from the current folder, with forward slashes; absolute when there is no such way."""
    try:
        return Path(os.path.relpath(path)).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()
