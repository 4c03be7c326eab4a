"""Sort a faceset: an order to read, a contact sheet to look at, and ranks before the names if wanted."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from understudy.events import Events
from understudy.faceset.aligned import evenly
from understudy.faceset.order import OrderedFace, sort_faces
from understudy.faceset.store import Faceset, file_names
from understudy.faceset.trash import Trash
from understudy.plate.files import write_json
from understudy.settings import SortSettings
from understudy.stages._holding import existing, holding
from understudy.stages.faceset._curation import open_to_change, write_sheet

ORDER = "sort.json"
SHEET = "sort.png"

_MOST = 240  # faces on the sheet
_TOLD = 3  # faces told from each end
_RANK = re.compile(r"\d{5,}_")


@holding(lambda settings: existing(settings.faceset, "faceset sort"))
def run(settings: SortSettings, events: Events) -> dict[str, Any]:
    """Write the order of ``settings.faceset`` into its ``sort.json``, and a contact sheet in that order.

    Returns ``faceset``, ``by``, ``faces`` (their count), ``first`` and ``last`` (file and value of a few), ``renamed``,
    ``order`` and ``sheet``. Raises FacesetError (identity is asked for and not recorded, among others) and OutputError.
    """
    faceset, faces = open_to_change(settings.faceset)
    events.progress(0, len(faces), "faces", "sorting")
    placed = sort_faces(faces, settings.by, settings.reverse)
    renamed = 0
    if settings.rename:
        placed, renamed = _ranked(faceset, placed, settings.by)
    order, sheet = faceset.folder / ORDER, faceset.folder / SHEET
    listed = [{"file": one.face.file, "value": one.value} for one in placed]
    write_json(order, {"by": settings.by, "reverse": settings.reverse, "faces": listed})
    shown = evenly(list(enumerate(placed, 1)), _MOST)
    captions = [f"{rank}  {_value(one)}" for rank, one in shown]
    title = f"{len(placed)} faces by {settings.by}{', reversed' if settings.reverse else ''}"
    write_sheet(sheet, faceset, [one.face for _, one in shown], captions, title)
    events.preview(sheet)
    events.progress(len(faces), len(faces), "faces", "sorting")
    return {
        "faceset": str(faceset.folder),
        "by": settings.by,
        "faces": len(placed),
        "first": [f"{one.face.file} {_value(one)}" for one in placed[:_TOLD]],
        "last": [f"{one.face.file} {_value(one)}" for one in placed[-_TOLD:]],
        "renamed": renamed,
        "order": str(order),
        "sheet": str(sheet),
    }


def _ranked(faceset: Faceset, placed: list[OrderedFace], by: str) -> tuple[list[OrderedFace], int]:
    """Rename each file to its rank and its name; returns the faces with their new names, and how many were renamed."""
    named = [
        OrderedFace(replace(one.face, file=f"{rank:05d}_{_unranked(one)}"), one.value)
        for rank, one in enumerate(placed, 1)
    ]
    moves = [(old.face.file, new.face.file) for old, new in zip(placed, named, strict=True)]
    moves = [move for move in moves if move[0] != move[1]]
    if moves:
        Trash(faceset.folder).rename(moves, f"sort --by {by} --rename")
    return named, len(moves)


def _unranked(one: OrderedFace) -> str:
    """The file's name without a rank: of its own name, for a plate may begin with digits, or of one that was given."""
    own = next((name for name in file_names(one.face) if one.face.file.endswith(name)), None)
    return own or _RANK.sub("", one.face.file, count=1)


def _value(one: OrderedFace) -> str:
    return "-" if one.value is None else f"{one.value:.4g}"
