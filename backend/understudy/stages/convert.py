"""Convert: lay a new face into a plate, as layered scene-linear EXR."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.convert.aligner import Located
from understudy.convert.animation import at_frame, check_keys
from understudy.convert.face_renderer import FaceRenderer
from understudy.convert.frame_fingerprint import Fingerprints, due, text_of
from understudy.convert.frame_fingerprint import Person as Fingerprinted
from understudy.convert.inverse_warp import PlacedFace
from understudy.convert.layers.compose import CHANNELS, LAYERS, compose, of_person, together
from understudy.convert.layers.extra_layers import ExtraLayers, check_profile
from understudy.convert.matte.artist_mattes import ArtistMattes
from understudy.convert.network_renderer import NetworkRenderer
from understudy.convert.new_face import Frames, MadeOf, check_look, check_source, footage_renderer, made_of
from understudy.convert.select_faces import chosen_faces
from understudy.convert.shot_converter import ShotConverter
from understudy.errors import UsageError
from understudy.events import Events
from understudy.extraction.shot import Shot, prepare
from understudy.face.choose import parse_choice
from understudy.faceset.store import Faceset
from understudy.model.card import ModelCard
from understudy.model.device import choose_device
from understudy.model.network import SIDES, SwapNetwork
from understudy.model.store import load_model
from understudy.plate.frame import Frame
from understudy.plate.header import FINGERPRINT
from understudy.plate.layers import Layer, LayerWriter
from understudy.plate.sequence import check_output_pattern, open_plate, output_path, output_pattern
from understudy.settings import ConvertSettings, ExtractSettings, SwapSettings
from understudy.stages import extract
from understudy.stages._holding import frames_of, holding
from understudy.stages._outputs import check_frames, check_outputs, check_room, frames_size
from understudy.stopwatch import Stopwatch


@dataclass(frozen=True, eq=False)
class _Person:
    """Somebody who is swapped; ``label`` is empty where there is one, whose layers need no name of their own."""

    label: str
    converter: ShotConverter


Painted = tuple[Located, Any]

EVERYBODY: dict[str, Any] = {"face": "all", "reference": None, "likeness": None}
"""Whose faces are extracted where several people are swapped."""


@holding(lambda settings: frames_of(settings, settings.out, "convert"))
def run(settings: ConvertSettings, events: Events, watch: Stopwatch | None = None) -> dict[str, Any]:
    """Convert the plate; see :class:`ConvertSettings`. Frames that are complete already, and were made
    of the same as now, are left alone.

    ``watch`` is told where the time of the pass over the frames goes. Returns the report: ``out`` as a printf pattern,
    ``first``, ``last``, ``frames`` written, ``skipped``, ``changed`` (what frames that were there are made otherwise by, and
    how many of them), ``without_face``, ``seconds`` and what the renderer reports.
    """
    started = time.perf_counter()
    check_outputs(settings)
    if settings.force and settings.keep:
        raise UsageError("--force writes every frame again, and --keep none that is there.", "Give one of them.")
    new = made_of(settings)
    check_look(settings, new.renderer)
    pinned = Frames(settings.reference_frames, settings.forbidden_frames)
    also = also_swapped(settings)
    made = [(settings.face, new), *((face, _made_of(path)) for face, path in also)]
    models = _loaded([one for _, one in made], settings.device)
    shot = prepare(settings, events)
    frames = shot.plate.frames
    mattes = checked(settings, shot)
    for _, one in made:
        if one.renderer == "footage":
            check_source(one.path, shot, pinned if one is new else Frames())
    faceset = _faceset(settings, events)
    people = []
    for number, (face, one) in enumerate(made, 1):
        chosen, first = chosen_faces(faceset, face, shot), one is new
        if one.renderer == "network":
            renderer: FaceRenderer = NetworkRenderer(
                shot, *models[one.path], faceset, chosen, occlusion=settings.occlusion, batch=settings.convert_batch,
                person=settings.person if first else SIDES[0], morph=settings.morph if first else 1.0,
            )  # fmt: skip
        else:
            renderer = footage_renderer(
                shot, one.path, faceset, chosen, settings.occlusion, pinned if first else Frames()
            )
        people.append(_Person(f"p{number}" if also else "", ShotConverter(shot, renderer, faceset, chosen)))
    extras = ExtraLayers(
        shot, faceset, settings.extra_layers, people[0].converter.renderer.crop, [one.label for one in people]
    )
    prints = Fingerprints(
        settings, shot, mattes, faceset,
        [Fingerprinted(new, one.converter.faces) for (_, new), one in zip(made, people, strict=True)],
    )  # fmt: skip
    expected = [*CHANNELS, *extras.layers, *(f"{name}_{one.label}" for one in people if one.label for name in LAYERS)]
    files = {frame: output_path(settings.out, frame) for frame in frames}
    todo = due(files, expected, prints, force=settings.force, keep=settings.keep)
    for note in todo.notes(len(frames)):
        events.note(note)
    missing = sum(all(frame not in one.converter.faces for one in people) for frame in frames)
    if missing:
        events.note(f"{missing} of {len(frames)} frames have no face to swap; they keep the plate.")
    if todo.frames:
        texts = {frame: text_of(prints.of(frame)) for frame in todo.frames}
        _convert(settings, events, shot, people, mattes, extras, texts, watch or Stopwatch())
    return {
        "out": output_pattern(settings.out),
        "first": frames[0],
        "last": frames[-1],
        "frames": len(todo.frames),
        "skipped": len(frames) - len(todo.frames),
        "changed": dict(todo.changed),
        "without_face": missing,
        "seconds": round(time.perf_counter() - started, 3),
        **people[0].converter.renderer.report(),
    }


def also_swapped(settings: ConvertSettings | SwapSettings) -> list[tuple[str, Path]]:
    """Each ``FACE=MODEL`` as whose face, and which model or faceset makes it. Raises UsageError."""
    if settings.also and settings.reference:
        raise UsageError(
            "--reference finds one person, and --also swaps several.", "Say by --face and --also whose each model is."
        )
    people = []
    for spec in settings.also:
        face, equals, model = spec.partition("=")
        if not (face and equals and model):
            raise UsageError(
                f"--also takes FACE=MODEL or FACE=FACESET, not {spec!r}.", "Write it like --also track:2=models/carl."
            )
        parse_choice(face)
        people.append((face, Path(model)))
    return people


def check_also(paths: Iterable[Path]) -> None:
    """Raise ModelError for those of ``paths`` that are neither a faceset nor a sound model."""
    _loaded([_made_of(path) for path in paths], "cpu")


def _made_of(path: Path) -> MadeOf:
    """What makes one more person: a faceset's footage, or else a model's network."""
    return MadeOf("footage" if Faceset.is_one(path) or path.is_file() else "network", path)


def _loaded(made: Iterable[MadeOf], device: str) -> dict[Path, tuple[SwapNetwork, ModelCard]]:
    """The models among them by path, on ``device``. Raises ModelError."""
    wanted = dict.fromkeys(one.path for one in made if one.renderer == "network")
    return {path: load_model(path, choose_device(device)) for path in wanted}


def checked(settings: ConvertSettings | SwapSettings, shot: Shot) -> ArtistMattes:
    """The mattes of the ``shot``. Raises for whatever is wrong with the look, the mattes and the output."""
    frames = shot.plate.frames
    check_output_pattern(settings.out, len(frames))
    check_frames(settings.out, frames, [("plate", shot.plate)])
    check_keys(settings, open_plate(settings.plate, missing="skip").frames)
    check_profile(settings.extra_layers, settings.profile)
    mattes = ArtistMattes.open(settings.holdout, settings.roto, frames)
    check_frames(
        settings.out, frames,
        [(what, matte.plate) for what in ("holdout", "roto") if (matte := getattr(mattes, what)) is not None],
    )  # fmt: skip
    mattes.check(shot.header, frames)
    needed = frames_size(shot.header, shot.plate, settings.out, frames)
    check_room(output_path(settings.out, frames[0]), needed, f"{len(frames)} frames")
    return mattes


def _convert(
    settings: ConvertSettings,
    events: Events,
    shot: Shot,
    people: Sequence[_Person],
    mattes: ArtistMattes,
    extras: ExtraLayers,
    todo: Mapping[int, str],
    watch: Stopwatch,
) -> None:
    """The pass over the frames ``todo``, with what their headers tell: read, align, predict in batches, lay, write."""
    done = 0
    with watch.running(), LayerWriter() as writer:
        for batch in _batches(shot.frames(list(todo)), settings.convert_batch, watch):
            events.raise_if_stopping()
            painted = [_painted(one.converter, batch, watch) for one in people]
            for index, frame in enumerate(batch):
                with watch.part("reading"):
                    limits = mattes.of(frame)
                look = at_frame(settings, frame.number)
                with watch.part("placing"):
                    placed = [
                        None if (face := faces[index]) is None else one.converter.lay(frame, face, look, limits)
                        for one, faces in zip(people, painted, strict=True)
                    ]
                    layers = _layers(shot, frame, people, [faces[index] for faces in painted], placed)
                    more = extras.of(frame, [one.converter.faces for one in people], placed)
                with watch.part("writing"):
                    writer.submit(
                        output_path(settings.out, frame.number),
                        [*layers, *more.layers],
                        frame.as_stored.header,
                        profile=settings.profile,
                        compression=settings.compression,
                        interop_id=shot.written_id,
                        attributes={
                            **people[0].converter.attributes,
                            **more.attributes,
                            FINGERPRINT: todo[frame.number],
                        },
                    )
                done += 1
                events.progress(done, len(todo), "frames")


def _painted(converter: ShotConverter, batch: Sequence[Frame], watch: Stopwatch) -> list[Painted | None]:
    """For each frame of ``batch`` the person's face and its new one, where there is one."""
    with watch.part("placing"):
        aligned = [converter.align(frame) for frame in batch]
    with watch.part("networks"):
        predicted = iter(converter.predict([face for face in aligned if face is not None]))
    return [None if face is None else (face, next(predicted)) for face in aligned]


def _layers(
    shot: Shot,
    frame: Frame,
    people: Sequence[_Person],
    painted: Sequence[Painted | None],
    square: Sequence[PlacedFace | None],
) -> list[Layer]:
    """The frame's layers, those of all people together first."""
    placed = [
        None if face is None or one is None else person.converter.in_plate(frame, face[0], one)
        for person, face, one in zip(people, painted, square, strict=True)
    ]
    frame = frame.as_stored
    plate = shot.written(frame)
    layers = compose(plate, frame.alpha, together([one for one in placed if one is not None]))
    for person, one in zip(people, placed, strict=True):
        if person.label:
            layers += of_person(one, plate, person.label)
    return layers


def _batches(frames: Iterator[Frame], size: int, watch: Stopwatch) -> Iterator[list[Frame]]:
    """Frames in lists of ``size``, the last one shorter."""
    batch: list[Frame] = []
    while True:
        with watch.part("reading"):
            frame = next(frames, None)
        if frame is not None:
            batch.append(frame)
        if batch and (frame is None or len(batch) == size):
            yield batch
            batch = []
        if frame is None:
            return


def _faceset(settings: ConvertSettings, events: Events) -> Faceset:
    """The plate's extraction: the one given, or one made beside the output over the whole plate.

    The whole plate, whatever frames are converted: the shot's light must not depend on the range that is rendered.
    """
    if settings.faceset is not None:
        return Faceset.open(settings.faceset)
    folder = beside(settings.out, "faces")
    names = set(ExtractSettings.model_fields) - {"out", "frames"}
    # Of several people each is chosen from the faceset, which then has to hold them all.
    chosen = settings.model_dump(include=names) | (EVERYBODY if settings.also else {})
    extract.run(ExtractSettings(**{**chosen, "out": folder}), events.within("extract"))
    return Faceset.open(folder)


def beside(out: str, what: str) -> Path:
    """The folder for a by-product of the output ``out``: ``shot.####.exr`` gives ``shot_faces``."""
    path = Path(output_pattern(out))
    stem = (path.name.rpartition("%")[0] or path.name).rstrip("._-") or "understudy"
    return path.with_name(f"{stem}_{what}")
