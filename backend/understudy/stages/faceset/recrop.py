"""Cut the faces of a faceset out of their plate again, in another way, without looking for them again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.errors import FacesetError, UsageError, cannot_write
from understudy.events import Events
from understudy.extraction.crop_pass import cut_out, is_stored
from understudy.extraction.shot import Shot, prepare
from understudy.face.geometry import crop_matrix
from understudy.faceset import journal
from understudy.faceset.record import Face
from understudy.faceset.sheet import SHEET, faceset_sheet
from understudy.faceset.store import Faceset
from understudy.plate.files import remove_leftovers, write_text
from understudy.plate.lock import hold
from understudy.plate.ranges import format_range
from understudy.plate.sheet import write_png
from understudy.settings import PlateOptions, RecropSettings
from understudy.stages._holding import holding
from understudy.stopwatch import Stopwatch
from understudy.tracks.track import TRACKS


@holding(lambda settings: hold(settings.out, "faceset recrop"))
def run(settings: RecropSettings, events: Events) -> dict[str, Any]:
    """Make the faceset ``settings.out`` of the faces of ``settings.faceset``, or go on making it.

    Each face is cut out of the plate's own pixels where its stored head says, so that nothing is resampled twice. The
    new folder is what extraction would have made: it takes the journal and the tracks along, and a face that was
    deleted is not in it either. Returns ``faceset``, ``faces``, ``crop``, ``crop_size``, ``sheet`` and ``seconds``.
    Raises FacesetError, UsageError when the faces are of several plates, and whatever reading the plate raises.
    """
    start = time.perf_counter()
    old = Faceset.open(settings.faceset)
    if settings.out.resolve() == settings.faceset.resolve():
        raise UsageError("The new crops need a folder of their own.", "Give another --out.")
    faces = old.faces()
    shot = _plate_of(settings, old, faces, events)
    made = old.provenance.get("settings", {})
    made = made | {"plate": shot.key, "crop": settings.crop, "crop_size": settings.crop_size}
    new = _begun(settings.out, old, made)
    asked = [
        replace(
            face,
            file="",
            plate=shot.key,
            crop_kind=settings.crop,
            crop_size=settings.crop_size,
            matrix=crop_matrix(face.head, settings.crop, settings.crop_size),
        )
        for face in faces
    ]
    held = {(face.frame, face.track): face for face in new.faces()}
    due = [face for face in asked if not is_stored(held.get((face.frame, face.track)), face)]
    cut_out(shot, new, due, events=events, watch=Stopwatch())
    remove_leftovers(settings.out)
    sheet = settings.out / SHEET
    write_png(sheet, faceset_sheet(new, shot.colour.to_display))
    new.describe(wanted=old.provenance.get("wanted"))
    events.preview(sheet)
    return {
        "faceset": str(settings.out),
        "faces": len(asked),
        "crop": settings.crop,
        "crop_size": settings.crop_size,
        "sheet": str(sheet),
        "seconds": round(time.perf_counter() - start, 3),
    }


def _plate_of(settings: RecropSettings, old: Faceset, faces: Sequence[Face], events: Events) -> Shot:
    plates = sorted({face.plate for face in faces})
    if len(plates) > 1:
        raise UsageError(
            f"The faces of {settings.faceset} are of {len(plates)} plates: {', '.join(plates)}.",
            "Only the faceset of one plate can be cropped anew.",
        )
    made = old.provenance.get("settings", {})
    options = PlateOptions(
        plate=settings.plate or plates[0],
        frames=format_range(sorted({face.frame for face in faces})),
        colour_space=made.get("colour_space"),
        ocio=made.get("ocio"),
        layer=made.get("layer"),
        view=made.get("view"),
    )
    shot = prepare(options, events)
    if Path(shot.key).name != Path(plates[0]).name:
        raise UsageError(
            f"{Path(shot.key).name} is not the plate of {settings.faceset}, which is {Path(plates[0]).name}.",
            "Give the place where that plate is now.",
        )
    return shot


def _begun(out: Path, old: Faceset, made: dict[str, Any]) -> Faceset:
    """The faceset ``out``, new or as an earlier run left it, with all of ``old`` but its crops."""
    if Faceset.is_one(out):
        new = Faceset.open(out, allow_empty=True)
        if new.provenance.get("settings") != made:
            raise FacesetError(f"The faceset {out} was made otherwise.", "Choose another folder, or delete this one.")
        return new
    new = Faceset.create(out, old.provenance | {"settings": made, "wanted": None})
    try:
        for name in (journal.NAME, TRACKS):
            if (text := old.text(name)) is not None:
                write_text(out / name, text)
        if (old.folder / journal.LOOKS).is_dir():
            shutil.copytree(old.folder / journal.LOOKS, out / journal.LOOKS, dirs_exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error
    return new
