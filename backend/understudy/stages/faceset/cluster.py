"""Tell the people of a faceset apart by their identities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import UsageError, cannot_write
from understudy.events import Events
from understudy.faceset.aligned import evenly
from understudy.faceset.identity import people_of, same_person
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.plate.files import write_json
from understudy.settings import ClusterSettings
from understudy.stages._holding import existing, holding
from understudy.stages.faceset._curation import discard, open_to_change, write_sheet

PEOPLE = "cluster.json"

_MOST = 48  # faces on a sheet
_SHEETS = 24  # people who get one


@holding(lambda settings: existing(settings.faceset, "faceset cluster"))
def run(settings: ClusterSettings, events: Events) -> dict[str, Any]:
    """Write who is who into ``cluster.json``, with a contact sheet ``cluster.NUMBER.png`` of each of the first people.

    Person 0 is the one with most faces. Returns ``faceset``, ``threshold``, ``people`` (each with ``person``, ``faces``,
    ``tracks``, ``likeness``: mean cosine of its faces to their middle, and ``files``), ``unknown`` (faces that belong to
    nobody, for their tracks have no identity), ``trashed`` and ``sheets``.
    Raises FacesetError when no face has an identity, UsageError for a person that there is not, and OutputError.
    """
    faceset, faces = open_to_change(settings.faceset)
    threshold = same_person(faces) if settings.threshold is None else settings.threshold
    events.progress(0, len(faces), "faces", "clustering")
    labels = people_of(faces, threshold)
    members = [[faces[index] for index in np.flatnonzero(labels == person)] for person in range(labels.max() + 1)]
    if wrong := [person for person in settings.keep if not 0 <= person < len(members)]:
        raise UsageError(
            f"There is no person {wrong[0]} in {faceset.folder}: they are numbered 0 to {len(members) - 1}.",
            "Look at the contact sheets that cluster writes without --keep.",
        )
    people = [_person(number, own) for number, own in enumerate(members)]
    write_json(faceset.folder / PEOPLE, {"threshold": threshold, "people": people})
    sheets = _write_sheets(faceset, members, events)
    kept = {face.file for person in settings.keep for face in members[person]}
    gone = [face for face in faces if face.file not in kept] if settings.keep else []
    discard(faceset, faces, gone, f"cluster --keep {' '.join(map(str, settings.keep))}")
    return {
        "faceset": str(faceset.folder),
        "threshold": threshold,
        "people": people,
        "unknown": int((labels < 0).sum()),
        "trashed": len(gone),
        "sheets": [str(sheet) for sheet in sheets],
    }


def _person(number: int, faces: Sequence[Face]) -> dict[str, Any]:
    vectors = np.array([face.identity for face in faces if face.identity is not None])
    middle = vectors.mean(axis=0)
    return {
        "person": number,
        "faces": len(faces),
        "tracks": sorted({face.track for face in faces}),
        "likeness": round(float((vectors @ middle).mean() / np.linalg.norm(middle)), 4),
        "files": [face.file for face in faces],
    }


def _write_sheets(faceset: Faceset, members: Sequence[Sequence[Face]], events: Events) -> list[Path]:
    """A sheet of each of the first people; those of an earlier run are removed. Raises OutputError."""
    try:
        for old in faceset.folder.glob("cluster.*.png"):
            old.unlink()
    except OSError as error:
        raise cannot_write(faceset.folder, error) from error
    sheets = []
    for number, own in enumerate(members[:_SHEETS]):
        events.raise_if_stopping()
        shown = evenly(own, _MOST)
        captions = [f"{face.frame}  track {face.track}" for face in shown]
        sheets.append(faceset.folder / f"cluster.{number:02d}.png")
        write_sheet(sheets[-1], faceset, shown, captions, f"Person {number}: {len(own)} faces")
        events.progress(number + 1, min(len(members), _SHEETS), "people", "contact sheets")
    if len(members) > _SHEETS:
        events.note(f"There are {len(members)} people; contact sheets were written of the first {_SHEETS}.")
    return sheets
