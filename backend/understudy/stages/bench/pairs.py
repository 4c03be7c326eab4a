"""Rendered pairs: a shot, the same shot with the new person's face, and footage of that person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import MissingInputError, UsageError
from understudy.plate.picture import channel_names
from understudy.plate.sequence import open_plate

OCCLUDER = "mask.occluder"
DOCUMENT = "plate.truth.json"


@dataclass(frozen=True)
class Pair:
    """A rendered pair; ``plate``, ``truth`` and ``source`` are patterns."""

    name: str
    folder: Path
    plate: str
    truth: str
    source: str

    @property
    def document(self) -> Path:
        """What the renderer says of the performance."""
        return self.folder / DOCUMENT

    @property
    def holdout(self) -> str | None:
        """The matte of what stands before the face; None where the plate has none."""
        plate = open_plate(self.plate)
        channels = set[str]().union(*channel_names(plate.path(plate.frames[0])))
        return f"{self.plate}:{OCCLUDER}" if OCCLUDER in channels else None


def find_pairs(folders: Sequence[Path]) -> list[Pair]:
    """The pairs in ``folders``, which hold ``plate.%04d.exr``, ``truth.%04d.exr`` and ``source_NAME.%04d.exr``.

    A folder without a source takes that of the one before it: the same person in another shot. Raises MissingInputError
    for a folder that lacks something, and UsageError for one with several sources, or where two have one name.
    """
    pairs: list[Pair] = []
    for folder in folders:
        plate, truth = (_sequence(folder, name) for name in ("plate", "truth"))
        if not (folder / DOCUMENT).is_file():
            raise MissingInputError(f"There is no truth document in {folder}.", f"It is called {DOCUMENT}.")
        own = sorted({path.name.split(".")[0] for path in folder.glob("source_*.exr")})
        if len(own) > 1:
            raise UsageError(f"{folder} holds several sources: {', '.join(own)}.", "Keep one of them there.")
        if not own and not pairs:
            raise MissingInputError(
                f"{folder} holds no source footage.",
                "It is called source_NAME.%04d.exr; or name a folder with one before it.",
            )
        source = _sequence(folder, own[0]) if own else pairs[-1].source
        if folder.name in {pair.name for pair in pairs}:
            raise UsageError(f"Two samples are called {folder.name}.", "Rename a folder: figures go by its name.")
        pairs.append(Pair(folder.name, folder, plate, truth, source))
    return pairs


def _sequence(folder: Path, name: str) -> str:
    if not any(folder.glob(f"{name}.*.exr")):
        raise MissingInputError(f"There is no {name} in {folder}.", f"It is called {name}.%04d.exr.")
    return (folder / f"{name}.%04d.exr").as_posix()
