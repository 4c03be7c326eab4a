"""What conversion is measured on: a plate with its faces, and a model that has learned next to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.events import Events
from understudy.settings import ConvertSettings, ExtractSettings, TrainSettings
from understudy.stages import extract, train

RESOLUTION = 128
"""Side of the model's pictures in pixels. It is of the quick family."""


@dataclass(frozen=True)
class Bed:
    """A ``plate``'s pattern, the folder of its ``faces``, and that of a ``model``."""

    plate: str
    faces: Path
    model: Path

    def settings(self, out: str, **options: Any) -> ConvertSettings:
        """To convert the plate, whatever is there already."""
        return ConvertSettings(plate=self.plate, model=self.model, faceset=self.faces, out=out, force=True, **options)


def make_bed(plate: str, folder: Path, events: Events) -> Bed:
    """The faces of ``plate``, and a model of one step on them: weights do not change what conversion costs."""
    faces, model = find_faces(plate, folder, events), folder / "model"
    quiet = Events(stop=lambda: events.stopping)
    settings = TrainSettings(
        source=[faces], target=[faces], model=model, family="quick", resolution=RESOLUTION, iterations=1
    )
    train.run(settings, quiet)
    return Bed(plate, faces, model)


def find_faces(plate: str, folder: Path, events: Events, colour_space: str | None = None) -> Path:
    """The folder under ``folder`` with the faces of ``plate``. Raises MissingInputError without the plate."""
    faces = folder / f"{Path(plate).name.split('.')[0]}_faces"
    extract.run(ExtractSettings(plate=plate, out=faces, colour_space=colour_space), events.within("extract"))
    return faces
