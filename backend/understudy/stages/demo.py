"""The main job on the bundled sample, judged by the true render."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import MissingInputError
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.plate.files import write_json
from understudy.plate.sheet import write_png
from understudy.review.moments_sheet import compare_moments
from understudy.settings import ConvertSettings, DemoSettings, ExtractSettings, TrainSettings
from understudy.stages import convert, extract, train
from understudy.stages._against_truth import measure_against_truth

SAMPLE = Path(__file__).parents[1] / "sample"


@dataclass(frozen=True)
class _Demo:
    """Where the sample is, and what is made of it."""

    sample: Path
    out: Path
    events: Events

    def footage(self, name: str) -> str:
        return str(self.sample / f"{name}.%04d.exr")

    def faces(self, name: str) -> Path:
        return self.out / name

    def extract(self, name: str, footage: str) -> None:
        settings = ExtractSettings(plate=self.footage(footage), out=self.faces(name))
        extract.run(settings, self.events.within(f"extract {name}"))

    def convert(self, out: str, *, source: Path | None = None, model: Path | None = None) -> dict[str, Any]:
        """The plate with the face that a ``source``'s faceset or a ``model`` makes."""
        settings = ConvertSettings(
            plate=self.footage("plate"), faceset=self.faces("plate"), source=source, model=model, out=out, force=True
        )
        return convert.run(settings, self.events.within("convert"))

    def judged(self, shot: str, folder: str) -> dict[str, Any]:
        return measure_against_truth(
            shot,
            self.footage("truth"),
            self.footage("plate"),
            self.faces("source"),
            self.events.within("compare"),
            out=self.out / folder,
        )


def run(settings: DemoSettings, events: Events) -> dict[str, Any]:
    """Make the sample's new face of the source's footage, and measure plate and result against the truth.

    With ``minutes`` of training a network makes the same shot once more, to be compared. Leaves in the output folder
    ``shot.%04d.exr`` (and ``network.%04d.exr``), ``sheet.png`` (plate, result, network, truth), the facesets, the
    comparisons, ``figures.json`` and of a training ``model`` and ``curve.png``; going on with a longer time improves the same
    model. Returns the figures: by ``untouched``, ``result`` and ``network`` (None without training) all that
    :func:`~understudy.stages._against_truth.measure_against_truth` tells; ``seconds`` from the footage to the converted shot,
    and where things are. Raises MissingInputError without a sample.
    """
    sample, out = settings.sample or SAMPLE, settings.out
    if not (sample / "plate.1001.exr").is_file():
        raise MissingInputError(f"The sample is not in {sample}.", "Install the package again, or give --sample.")
    demo, started = _Demo(sample, out, events), time.perf_counter()
    demo.extract("source", "source_B")
    demo.extract("plate", "plate")
    shot = out / "shot.%04d.exr"
    converted = demo.convert(str(shot), source=demo.faces("source"))
    seconds = time.perf_counter() - started
    versions = {"plate": demo.footage("plate"), "Understudy": str(shot)}
    untouched = demo.judged(versions["plate"], "compare_plate")
    figures: dict[str, Any] = {
        "out": _from_here(shot),
        "plate": _from_here(Path(versions["plate"])),
        "truth": _from_here(Path(demo.footage("truth"))),
        "sheet": _from_here(out / "sheet.png"),
        "first": converted["first"],
        "last": converted["last"],
        "seconds": round(seconds, 1),
        "frames_without_face": converted["without_face"],
        "untouched": untouched,
        "result": demo.judged(versions["Understudy"], "compare_result"),
        "network": None,
    }
    if settings.minutes:
        versions["network"] = str(out / "network.%04d.exr")
        figures["network"] = _by_network(demo, versions["network"], settings.minutes)
    write_json(out / "figures.json", figures)
    versions["truth"] = demo.footage("truth")
    faces = Faceset.open(demo.faces("plate")).faces()
    write_png(out / "sheet.png", compare_moments(versions, faces, _title(figures)))
    events.preview(out / "sheet.png")
    return figures


def _by_network(demo: _Demo, shot: str, minutes: float) -> dict[str, Any]:
    """Train on both people, convert the plate by the network; its measures with ``steps`` and ``minutes``."""
    demo.extract("target", "target_A")
    trained = train.run(
        TrainSettings(
            source=[demo.faces("source")],
            target=[demo.faces("target"), demo.faces("plate")],
            model=demo.out / "model",
            preset="cpu",
            minutes=minutes,
        ),
        demo.events.within("train"),
    )
    shutil.copyfile(trained["curve"], demo.out / "curve.png")
    demo.convert(shot, model=demo.out / "model")
    return demo.judged(shot, "compare_network") | {"steps": trained["steps"], "minutes": trained["minutes"]}


def _title(figures: dict[str, Any]) -> str:
    """How near to the truth each row is."""
    shown = [("plate", "untouched"), ("Understudy", "result"), ("network", "network")]
    told = [
        f"{name} {one['psnr']:.2f} dB, SSIM {one['ssim']:.3f}, dE {one['de2000']:.2f}"
        for name, key in shown
        if (one := figures[key]) is not None
    ]
    return "To the truth:   " + "     ".join(told)


def _from_here(path: Path) -> str:
    """The path as seen from the current folder, with forward slashes; absolute when there is no such way."""
    try:
        return Path(os.path.relpath(path)).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()
