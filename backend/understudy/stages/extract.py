"""Find the faces of a plate, follow them through the shot and store them as a faceset.

Two passes over the plate. The first looks at every frame and enters what it sees into the faceset's journal; who is
killed in between goes on from there, and nothing is ever detected twice. Then every track is solved over its whole
length, from the journal alone. The second pass cuts the faces out where they came to lie.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import AmbiguousFaceError, FacesetError, MissingInputError, NoFaceError, UsageError
from understudy.events import Events
from understudy.extraction.ambiguity import PeopleSeen
from understudy.extraction.analysis import Analyser
from understudy.extraction.crop_pass import cut_out, describe, is_stored
from understudy.extraction.deletions import deleted_places, drop_damaged, listed, without_deleted
from understudy.extraction.detection_pass import look_through, sighting
from understudy.extraction.explain import explain
from understudy.extraction.replaced_frames import forget, replaced_frames
from understudy.extraction.shot import Shot, prepare
from understudy.extraction.shot_tracker import TrackedSighting, follow
from understudy.extraction.solve_pass import solved_tracks
from understudy.face.choose import Choice, Reference, choose, parse_choice
from understudy.face.interfaces import SAME_PERSON, ComponentCard, Detection, digest
from understudy.face.tracker import USUAL
from understudy.faceset.journal import LOOKS, Entry, Journal
from understudy.faceset.sheet import SHEET, faceset_sheet
from understudy.faceset.store import Faceset
from understudy.imaging.affine import SQUARE
from understudy.plate.files import remove_leftovers, write_text
from understudy.plate.lock import hold
from understudy.plate.ranges import format_range, runs_of, runs_told
from understudy.plate.reader import probe
from understudy.plate.sequence import open_plate
from understudy.plate.sheet import write_png
from understudy.settings import ExtractSettings
from understudy.stages._holding import holding
from understudy.stages._outputs import check_room, crops_size
from understudy.stopwatch import Stopwatch
from understudy.tracks.apply_corrections import applied_to_heads, applied_to_sightings
from understudy.tracks.corrections import Corrections, load
from understudy.tracks.cuts import CutRule, given_cuts
from understudy.tracks.formats.json_tracks import tracks_to_json
from understudy.tracks.track import TRACKS, ShotTracks, Track


@holding(lambda settings: nullcontext() if settings.explain is not None else hold(settings.out, "extract"))
def run(settings: ExtractSettings, events: Events, watch: Stopwatch | None = None) -> dict[str, Any]:
    """Extract the faces of ``settings.plate`` into the faceset ``settings.out``, or go on doing so.

    An extraction that is complete is solved and cut again where the choice of person, the smoothing, the lens, the cuts
    or the corrections changed; what was detected stays. ``watch`` is told where the time of the passes over the frames
    goes. Returns the report: ``faceset``, ``frames`` analysed, ``faces`` kept, ``tracks`` among them, ``sheet`` and
    ``seconds``. With ``settings.explain`` it only explains that frame, as extraction/explain.py says.
    Raises NoFaceError, AmbiguousFaceError, FacesetError (the folder holds something else), UsageError, and whatever
    reading the plate and writing the faceset raise.
    """
    if settings.explain is not None:
        return explain(settings, settings.explain, events)
    start = time.perf_counter()
    watch = watch or Stopwatch()
    choice = parse_choice(settings.face)
    if settings.reference and settings.recogniser == "none":
        raise UsageError("A reference picture needs a recogniser.", "Add one, such as --recogniser insightface.")
    corrections = load(settings.corrections) if settings.corrections else Corrections()
    given = given_cuts(settings.cuts)
    wanted = _wanted(settings)
    shot = prepare(settings, events)
    rule = _cut_rule(given, corrections, shot)
    corrections.check(shot.plate.frames)
    corrections, choice = corrections.in_square(shot.stretch), choice.in_square(shot.stretch)
    if outside := (given or frozenset()) - set(shot.plate.frames):
        raise UsageError(
            f"--cuts names frame {min(outside)}, which the shot does not have.", "Name frames of the plate."
        )
    faceset = _existing(settings, shot)
    entries = _replayed(faceset, shot, events) if faceset else []
    for name in drop_damaged(faceset) if faceset else ():
        events.note(f"The crop {name} is damaged and is cut anew.")
    sheet = settings.out / SHEET
    complete = len(entries) == len(shot.plate.frames)
    written = sheet.is_file() and (settings.out / TRACKS).is_file()
    if faceset and complete and written and faceset.provenance.get("wanted") == wanted:
        events.note(f"The faceset {settings.out} is complete already; nothing was done.")
        return _report(faceset, shot, sheet, start)

    same = SAME_PERSON.get(settings.recogniser, USUAL)
    # Who is rejected or joined is known at the end only.
    people = PeopleSeen(Choice("all") if corrections.changes_people else choice)
    for together in _by_frame(follow(entries, rule, same)[0]):
        people.add(together)
    if settings.reference is None:
        people.check()
    analyser: Analyser | None = None
    if not complete or (settings.reference and people.seen) or any(face.boxes for face in corrections.faces):
        analyser = Analyser(settings)
        if settings.reference:
            people.reference = _reference(settings, shot, analyser)
        faceset = _with_analysis(faceset, settings, shot, analyser, events)
        entries = look_through(shot, analyser, settings.out, entries, rule, same, people, events=events, watch=watch)
    spotted, cuts = follow(entries, rule, same)
    spotted = _amended(spotted, corrections, shot, analyser)
    if not faceset or not any(one.sighting.found for one in spotted):
        raise _nobody(shot, entries)
    chosen = _chosen(spotted, choice, people.reference)
    with watch.running(), watch.part("solving"):
        tracks = _solved(settings, shot, chosen, faceset, events)
    tracks = list(applied_to_heads(corrections, tracks, spotted))
    _cut(settings, shot, faceset, tracks, chosen, events=events, watch=watch)
    _write_tracks(settings.out, shot, cuts, tracks)
    write_png(sheet, faceset_sheet(faceset, shot.colour.to_display))
    for folder in (settings.out, settings.out / LOOKS):
        remove_leftovers(folder)
    faceset.describe(wanted=wanted)
    events.preview(sheet)
    return _report(faceset, shot, sheet, start)


def _cut_rule(given: frozenset[int] | None, corrections: Corrections, shot: Shot) -> CutRule:
    # Single pictures are no footage: each is a shot of its own.
    cuts = frozenset(shot.plate.frames[1:]) if given is None and shot.plate.kind == "stills" else given
    return CutRule(cuts, frozenset(corrections.cuts.add), frozenset(corrections.cuts.remove))


def _nobody(shot: Shot, entries: Sequence[Entry]) -> NoFaceError:
    if any(one.found for entry in entries for one in entry.sightings):
        return NoFaceError(
            f"The corrections reject every face of {shot.plate.pattern}.", "Leave one, or extract without them."
        )
    return NoFaceError(
        f"No face was found in {shot.plate.pattern} ({len(shot.plate.frames)} frames).",
        "Check the plate, its frame range and its colour space, or lower the smallest face size.",
    )


def _by_frame(spotted: Sequence[TrackedSighting]) -> list[list[TrackedSighting]]:
    frames: dict[int, list[TrackedSighting]] = defaultdict(list)
    for one in spotted:
        if one.sighting.found:
            frames[one.frame].append(one)
    return [frames[frame] for frame in sorted(frames)]


def _amended(
    spotted: list[TrackedSighting], corrections: Corrections, shot: Shot, analyser: Analyser | None
) -> list[TrackedSighting]:
    """Sightings as the artist wants them: rejected, split, joined; and those that are there by force."""
    amended = applied_to_sightings(corrections, spotted)
    kept = [
        TrackedSighting(one.frame, track, one.index, one.sighting)
        for one, track in zip(spotted, amended.tracks, strict=True)
        if track is not None
    ]
    for forced in amended.forced:
        if analyser is None or forced.frame not in shot.plate.frames:
            continue
        frame = shot.read(forced.frame)
        seen = analyser.look_closely(shot, frame, Detection(np.array(forced.box, np.float32), 1.0))
        kept.append(TrackedSighting(forced.frame, forced.track, -1, sighting(frame, seen), given=True))
    return sorted(kept, key=lambda one: (one.frame, one.track))


def _chosen(spotted: list[TrackedSighting], choice: Choice, reference: Reference | None) -> list[TrackedSighting]:
    """The sightings of who is meant; places between them where nobody was found belong to them."""
    found = [one for one in spotted if one.sighting.found]
    meant = choose(found, choice, reference)
    span: dict[int, tuple[int, int]] = {}
    for frame, track in meant:
        first, last = span.get(track, (frame, frame))
        span[track] = min(first, frame), max(last, frame)
    return [
        one
        for one in spotted
        if ((one.frame, one.track) in meant if one.sighting.found else _within(span.get(one.track), one.frame))
    ]


def _within(span: tuple[int, int] | None, frame: int) -> bool:
    return span is not None and span[0] <= frame <= span[1]


def _solved(
    settings: ExtractSettings,
    shot: Shot,
    chosen: list[TrackedSighting],
    faceset: Faceset,
    events: Events,
) -> list[Track]:
    if not (settings.out / LOOKS).is_dir():  # as in a faceset that was packed
        events.note(f"The pictures in {settings.out / LOOKS} are gone: without them faces are followed less steadily.")
    landmarker = faceset.provenance.get("analysis", {}).get("landmarker", "").split(" ")[0]
    tracks = solved_tracks(
        settings.out,
        chosen,
        shot.plate.frames,
        landmarker,
        shot.camera(settings.lens),
        settings.smoothing,
        events,
    )
    if not tracks:
        raise NoFaceError(
            f"None of the {len(chosen)} faces found in {faceset.provenance['settings']['plate']} could be landmarked.",
            "Try another landmarker, or other frames.",
        )
    return tracks


def _cut(
    settings: ExtractSettings,
    shot: Shot,
    faceset: Faceset,
    tracks: Sequence[Track],
    chosen: Sequence[TrackedSighting],
    *,
    events: Events,
    watch: Stopwatch,
) -> None:
    """Bring the faceset to what ``tracks`` say: cut what is new or lies elsewhere, remove who is not meant any more.

    A face that was cut before and is gone was deleted by somebody, and stays so.
    """
    sightings = {(one.frame, one.track): one.sighting for one in chosen}
    made_by = faceset.provenance.get("analysis", {})
    due = [
        describe(
            shot, track.number, one, sightings.get((frame, track.number)), made_by, settings.crop, settings.crop_size
        ).in_plate(shot.stretch)
        for track in tracks
        for frame, one in track.frames.items()
    ]
    own = [face for face in faceset.faces() if face.plate == shot.key]  # a faceset may hold other footage beside
    places = deleted_places(faceset.provenance, own)
    due = without_deleted(due, places)
    held = {(face.frame, face.track): face for face in own}
    meant = {(face.frame, face.track) for face in due}
    # A run that is killed in between is not complete, and what it removed was not deleted by somebody.
    stay = [face for key, face in held.items() if key in meant]
    faceset.describe(wanted=None, cut=listed(stay), deleted=places)
    missing = [face for face in due if not is_stored(held.get((face.frame, face.track)), face)]
    cut_out(shot, faceset, missing, events=events, watch=watch)
    faceset.remove(face for key, face in held.items() if key not in meant)
    faceset.describe(cut=listed(due))


def _write_tracks(folder: Path, shot: Shot, cuts: tuple[int, ...], tracks: Sequence[Track]) -> None:
    window, plate = shot.square.display, shot.header.display
    found = ShotTracks(shot.key, window.width, window.height, shot.plate.frames, cuts, tuple(tracks))
    found = replace(found.in_plate(shot.stretch), width=plate.width, height=plate.height)
    write_text(folder / TRACKS, tracks_to_json(found))


def _existing(settings: ExtractSettings, shot: Shot) -> Faceset | None:
    """The faceset that an earlier run of the same extraction began; None where there is none, but room for one."""
    if not Faceset.is_one(settings.out):
        crops = len(shot.plate.frames)
        check_room(settings.out / "crop", crops_size(crops, settings.crop_size), f"{crops} crops")
        return None
    faceset = Faceset.open(settings.out, allow_empty=True)
    hint = "Choose another folder, or delete this one. For other crops of the same faces there is faceset recrop."
    made, wanted = faceset.provenance.get("settings", {}), _fingerprint(settings, shot)
    for name, value in wanted.items():
        if made.get(name) != value:
            what = name.replace("_", " ")
            raise FacesetError(f"The faceset {settings.out} was made with {what} {made.get(name)}, not {value}.", hint)
    return faceset


def _fingerprint(settings: ExtractSettings, shot: Shot) -> dict[str, Any]:
    """What decides about the faces that are found and how they are framed: JSON."""
    names = {"detector", "landmarker", "recogniser", "pack", "crop", "crop_size", "min_face"}
    aspect = {} if shot.stretch == SQUARE else {"pixel_aspect": shot.header.pixel_aspect}
    return {
        **aspect,
        "plate": shot.key,
        "frames": format_range(shot.plate.frames),
        "colour_space": shot.space.name,
        "ocio": shot.colour.config,
        "layer": settings.layer,
        "view": settings.view,
        **settings.model_dump(mode="json", include=names),
    }


def _wanted(settings: ExtractSettings) -> dict[str, Any]:
    """What decides who stays and where the crops lie, once everybody is found: JSON."""
    wanted = settings.model_dump(mode="json", include={"smoothing", "lens", "cuts"}) | {"face": settings.face.strip()}
    if settings.corrections is not None:
        wanted["corrections"] = digest(settings.corrections)
    if settings.reference is not None:
        if not settings.reference.is_file():
            raise MissingInputError(f"The reference picture {settings.reference} does not exist.", "Check its path.")
        wanted |= {"reference": digest(settings.reference), "likeness": settings.likeness}
    return wanted


def _replayed(faceset: Faceset, shot: Shot, events: Events) -> list[Entry]:
    """The journal, which must tell of the plate's first frames, up to one whose file was replaced since."""
    entries = Journal(faceset.folder).entries()
    if tuple(entry.frame for entry in entries) != shot.plate.frames[: len(entries)]:
        raise FacesetError(
            f"The journal of the faceset {faceset.folder} does not fit the plate {shot.plate.pattern}.",
            "Choose another folder, or delete this one.",
        )
    if replaced := replaced_frames(entries, shot):
        told = runs_told(runs_of(replaced))
        events.note(
            f"The plate's files of frames {told} were replaced; from the first of them on it is looked at again."
        )
        return forget(faceset, shot, entries, replaced)
    return entries


def _with_analysis(
    faceset: Faceset | None, settings: ExtractSettings, shot: Shot, analyser: Analyser, events: Events
) -> Faceset:
    """The faceset, created if there is none; one that other weights began must not be gone on with."""
    made_by = {role: str(card) for role, card in analyser.cards.items()}
    _tell_licences(analyser.cards.values(), events)
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


def _tell_licences(cards: Iterable[ComponentCard], events: Events) -> None:
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
    frame = picture.read(plate.frames[0])
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
    usual = SAME_PERSON[settings.recogniser]
    return Reference(seen[0].identity, usual if settings.likeness is None else settings.likeness)


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
