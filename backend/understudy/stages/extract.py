"""Find the faces of a plate and store them as a faceset.

One pass over the plate, frame by frame. A frame enters the faceset's journal once its crops are on the disk; whoever is
killed in between goes on from the journal, which also gives the tracker its memory back.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import AmbiguousFaceError, FacesetError, MissingInputError, NoFaceError, UsageError
from understudy.events import Events
from understudy.face.choose import Reference, parse_choice
from understudy.face.roles import Card, Detection, digest
from understudy.face.tracker import Tracker
from understudy.faceset.journal import Entry, Journal
from understudy.faceset.sheet import faceset_sheet
from understudy.faceset.store import Faceset
from understudy.plate.files import remove_leftovers
from understudy.plate.ranges import format_range
from understudy.plate.reader import probe, read_frame
from understudy.plate.sequence import open_plate
from understudy.plate.sheet import write_png
from understudy.settings import ExtractSettings
from understudy.stages.analysis import Analyser, Shot, overviews, prepare
from understudy.stages.crops import CropMaker, CropWriter, sighting
from understudy.stages.people import People
from understudy.stages.stopwatch import Stopwatch

SHEET = "contact_sheet.png"


def run(settings: ExtractSettings, events: Events, watch: Stopwatch | None = None) -> dict[str, Any]:
    """Extract the faces of ``settings.plate`` into the faceset ``settings.out``, or go on doing so.

    ``watch`` is told where the time of the pass over the frames goes. Returns the report: ``faceset``, ``frames``
    analysed, ``faces`` kept, ``tracks`` among them, ``sheet`` and ``seconds``.
    Raises NoFaceError, AmbiguousFaceError, FacesetError (the folder holds something else), UsageError, and whatever
    reading the plate and writing the faceset raise.
    """
    start = time.perf_counter()
    choice = parse_choice(settings.face)
    if settings.reference and settings.recogniser == "none":
        raise UsageError("A reference picture needs a recogniser.", "Add one, such as --recogniser insightface.")
    chosen = _chosen(settings)
    shot = prepare(settings, events)
    faceset = _existing(settings, shot, chosen)
    entries = _replayed(settings.out, shot) if faceset else []
    frames = shot.plate.frames[len(entries) :]
    sheet = settings.out / SHEET
    if faceset and not frames and faceset.provenance.get("chosen") == chosen and sheet.is_file():
        events.note(f"The faceset {settings.out} is complete already; nothing was done.")
        return _report(faceset, shot, sheet, start)

    people = People(choice)
    for entry in entries:
        people.add(entry)
    if settings.reference is None:
        people.check()
    if frames or (settings.reference and people.seen):
        analyser = Analyser(settings)
        if settings.reference:
            people.reference = _reference(settings, shot, analyser)
        made_by = {role: str(card) for role, card in analyser.cards.items()}
        faceset = _with_analysis(faceset, settings, shot, made_by)
        _tell_licences(analyser.cards.values(), events)
        crops = CropMaker(settings, shot, faceset, made_by)
        _analyse(crops, analyser, entries, people, events=events, watch=watch or Stopwatch())
    if not faceset or not people.seen:
        raise NoFaceError(
            f"No face was found in {shot.plate.pattern} ({len(shot.plate.frames)} frames).",
            "Check the plate, its frame range and its colour space, or lower the smallest face size.",
        )
    remove_leftovers(settings.out)
    _settle(faceset, people, chosen, events)
    write_png(sheet, faceset_sheet(faceset, shot.colour.to_display))
    events.preview(sheet)
    return _report(faceset, shot, sheet, start)


def _analyse(
    crops: CropMaker,
    analyser: Analyser,
    entries: Sequence[Entry],
    people: People,
    *,
    events: Events,
    watch: Stopwatch,
) -> None:
    """The pass over the frames that are not in the journal yet."""
    shot = crops.shot
    tracker = Tracker()
    for entry in entries:
        tracker.update(entry.frame, *_as_detected(entry))
    crops.faceset.faces()  # read the index now, and not in the first of several threads
    frames = shot.plate.frames[len(entries) :]
    with (
        watch.running(),
        contextlib.closing(overviews(shot, analyser, frames)) as coming,
        CropWriter(Journal(crops.faceset.folder), shot.key) as writer,
    ):
        for done, number in enumerate(frames, len(entries) + 1):
            events.raise_if_stopping()
            with watch.part("reading"):
                frame, overview = next(coming)
            seen = analyser.analyse(shot, frame, overview, watch)
            tracks = tracker.update(number, [one.detection for one in seen], [one.identity for one in seen])
            drafts = tuple(map(sighting, seen, tracks))
            records = [crops.describe(frame, one, track) for one, track in zip(seen, tracks, strict=True)]
            with watch.part("writing"):
                writer.submit(
                    number, [partial(crops.store, frame, *pair) for pair in zip(drafts, records, strict=True)]
                )
            people.add(Entry(shot.key, number, drafts))
            people.check()
            events.progress(done, len(shot.plate.frames), "frames")
        with watch.part("writing"):
            writer.finish()


def _as_detected(entry: Entry) -> tuple[list[Detection], list[NDArray[np.float32] | None]]:
    """What the tracker was told of a frame when it was analysed."""
    detections = [Detection(np.array(one.box, np.float32), one.score) for one in entry.sightings]
    return detections, [None if one.identity is None else np.array(one.identity, np.float32) for one in entry.sightings]


def _existing(settings: ExtractSettings, shot: Shot, chosen: dict[str, Any]) -> Faceset | None:
    """The faceset that an earlier run of the same extraction began; None where there is none."""
    if not Faceset.is_one(settings.out):
        return None
    faceset = Faceset.open(settings.out, allow_empty=True)
    hint = "Choose another folder, or delete this one."
    made, wanted = faceset.provenance.get("settings", {}), _fingerprint(settings, shot)
    for name, value in wanted.items():
        if made.get(name) != value:
            what = name.replace("_", " ")
            raise FacesetError(f"The faceset {settings.out} was made with {what} {made.get(name)}, not {value}.", hint)
    before = faceset.provenance.get("chosen", chosen)
    if before != chosen:
        reference = " and a reference picture" if "reference" in before else ""
        raise FacesetError(
            f"The faceset {settings.out} holds only the faces chosen by --face {before['face']}{reference}.", hint
        )
    return faceset


def _fingerprint(settings: ExtractSettings, shot: Shot) -> dict[str, Any]:
    """What decides about the faces that are found and how they are framed: JSON."""
    names = {"detector", "landmarker", "recogniser", "pack", "crop", "crop_size", "min_face"}
    return {
        "plate": shot.key,
        "frames": format_range(shot.plate.frames),
        "colour_space": shot.space.name,
        "ocio": shot.colour.config,
        **settings.model_dump(mode="json", include=names),
    }


def _chosen(settings: ExtractSettings) -> dict[str, Any]:
    """How the faces that stay are chosen: JSON."""
    if settings.reference is None:
        return {"face": settings.face.strip()}
    if not settings.reference.is_file():
        raise MissingInputError(f"The reference picture {settings.reference} does not exist.", "Check its path.")
    return {"face": settings.face.strip(), "reference": digest(settings.reference), "likeness": settings.likeness}


def _replayed(folder: Path, shot: Shot) -> list[Entry]:
    """The journal, which must tell of the plate's first frames."""
    entries = Journal(folder).entries()
    if tuple(entry.frame for entry in entries) != shot.plate.frames[: len(entries)]:
        raise FacesetError(
            f"The journal of the faceset {folder} does not fit the plate {shot.plate.pattern}.",
            "Choose another folder, or delete this one.",
        )
    return entries


def _with_analysis(faceset: Faceset | None, settings: ExtractSettings, shot: Shot, made_by: dict[str, str]) -> Faceset:
    """The faceset, created if there is none; one that other weights began must not be gone on with."""
    if faceset is None:
        return Faceset.create(settings.out, {"settings": _fingerprint(settings, shot), "analysis": made_by})
    for role, card in made_by.items():
        before = faceset.provenance.get("analysis", {}).get(role)
        if before != card:
            raise FacesetError(
                f"The faceset {settings.out} was begun with the {role} {before}, and this is {card}.",
                "Choose another folder, or delete this one.",
            )
    return faceset


def _tell_licences(cards: Iterable[Card], events: Events) -> None:
    """Say once of each component whether commercial use is in doubt."""
    doubtful = [card for card in cards if not card.commercial]
    for licence in dict.fromkeys(card.licence for card in doubtful):
        named = ", ".join(f"{card.name} {card.role}" for card in doubtful if card.licence == licence)
        events.note(f"Licence of {named}: {licence}.")


def _reference(settings: ExtractSettings, shot: Shot, analyser: Analyser) -> Reference:
    """The one face of the reference picture, as the recogniser sees it."""
    plate = open_plate(str(settings.reference))
    header = probe(plate)
    picture = Shot(plate, header, shot.colour, shot.colour.input_space(plate, header, None))
    frame = read_frame(plate, plate.frames[0])
    seen = analyser.analyse(picture, frame, analyser.overview(picture, frame))
    if len(seen) > 1:
        raise AmbiguousFaceError(
            f"The reference picture {settings.reference} shows {len(seen)} faces.", "Cut it to the one that you mean."
        )
    if not seen or seen[0].identity is None:
        raise NoFaceError(
            f"No clear face was found in the reference picture {settings.reference}.",
            "Give a sharp picture of the face from the front.",
        )
    return Reference(seen[0].identity, settings.likeness)


def _settle(faceset: Faceset, people: People, how: dict[str, Any], events: Events) -> None:
    """Keep the faces that are meant and remove the others."""
    chosen = people.chosen()
    faces = faceset.faces()
    others = [face for face in faces if (face.frame, face.track) not in chosen]
    if len(others) == len(faces):
        raise NoFaceError(
            f"None of the {len(chosen)} faces found in {faceset.provenance['settings']['plate']} could be landmarked.",
            "Try another landmarker, or other frames: profiles have no landmarks.",
        )
    # Said before it is done: a run that is killed half way goes on removing, and no other choice can be made.
    faceset.describe(chosen=how)
    faceset.remove(others)
    shown = {frame for frame, _ in chosen}
    if unmarked := len(shown - {face.frame for face in faces}):
        events.note(f"{unmarked} of {len(shown)} frames show the face without landmarks: they give no crop.")


def _report(faceset: Faceset, shot: Shot, sheet: Path, start: float) -> dict[str, Any]:
    faces = faceset.faces()
    return {
        "faceset": str(faceset.folder),
        "frames": len(shot.plate.frames),
        "faces": len(faces),
        "tracks": len({face.track for face in faces}),
        "sheet": str(sheet),
        "seconds": round(time.perf_counter() - start, 3),
    }
