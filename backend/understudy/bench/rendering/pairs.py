"""Rendered pairs: a shot, the same shot with the new person's face, and footage of that person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import MissingInputError, UsageError
from understudy.json_reader import parse_json
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
    """The pairs in ``folders``: sequences ``plate``, ``truth`` and ``source`` or ``source_NAME``, as NAME.%04d.exr.

    A folder without a source takes ``source_NAME`` of another one, NAME being whose face its truth shows: what stands behind
    the plus in ``render.who`` of truth.truth.json, as in "A+B". Raises MissingInputError for a folder that lacks something,
    and UsageError for one with several sources, or where two have one name.
    """
    own = {folder: _own_source(folder) for folder in folders}
    known = {Path(source).name.split(".")[0]: source for source in own.values() if source}
    pairs: list[Pair] = []
    for folder in folders:
        plate, truth = (_sequence(folder, name) for name in ("plate", "truth"))
        if not (folder / DOCUMENT).is_file():
            raise MissingInputError(f"There is no truth document in {folder}.", f"It is called {DOCUMENT}.")
        if folder.name in {pair.name for pair in pairs}:
            raise UsageError(f"Two samples are called {folder.name}.", "Rename a folder: figures go by its name.")
        pairs.append(Pair(folder.name, folder, plate, truth, own[folder] or _source_elsewhere(folder, known)))
    return pairs


def _own_source(folder: Path) -> str | None:
    names = sorted({path.name.split(".")[0] for form in ("source.*.exr", "source_*.exr") for path in folder.glob(form)})
    if len(names) > 1:
        raise UsageError(f"{folder} holds several sources: {', '.join(names)}.", "Keep one of them there.")
    return _sequence(folder, names[0]) if names else None


def _source_elsewhere(folder: Path, known: dict[str, str]) -> str:
    """The footage in another folder of the person whose face the truth in ``folder`` shows."""
    try:
        who = str(parse_json((folder / "truth.truth.json").read_bytes())["render"]["who"])
    except (OSError, ValueError, KeyError, TypeError):
        who = ""
    name = f"source_{who.rpartition('+')[2]}" if "+" in who else "source_NAME"
    if name not in known:
        raise MissingInputError(f"{folder} holds no source footage.", f"Name a folder that holds {name} as well.")
    return known[name]


def _sequence(folder: Path, name: str) -> str:
    if not any(folder.glob(f"{name}.*.exr")):
        raise MissingInputError(f"There is no {name} in {folder}.", f"It is called {name}.%04d.exr.")
    return (folder / f"{name}.%04d.exr").as_posix()
