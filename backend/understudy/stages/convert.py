"""Convert: lay a model's new face into a plate, as layered scene-linear EXR."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from understudy.convert.layers import CHANNELS
from understudy.convert.limits import GivenMattes
from understudy.events import Events
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.model.device import choose_device
from understudy.model.likeness import Likeness
from understudy.model.store import load_model
from understudy.plate.frame import Frame
from understudy.plate.layers import LayerWriter, is_complete
from understudy.plate.reader import read_frames
from understudy.plate.sequence import check_output_pattern, output_path, output_pattern
from understudy.settings import ConvertSettings, ExtractSettings
from understudy.stages import extract
from understudy.stages.analysis import Shot, prepare
from understudy.stages.chosen import chosen_faces
from understudy.stages.laying import ShotConverter
from understudy.stages.stopwatch import Stopwatch


def run(settings: ConvertSettings, events: Events, watch: Stopwatch | None = None) -> dict[str, Any]:
    """Convert the plate; see :class:`ConvertSettings`. Frames that are complete already are left alone.

    ``watch`` is told where the time of the pass over the frames goes. Returns the report: ``out`` as a printf pattern,
    ``first``, ``last``, ``frames`` written, ``skipped``, ``without_face`` and ``seconds``.
    """
    started = time.perf_counter()
    network, card = load_model(settings.model, choose_device(settings.device))
    shot = prepare(settings, events)
    frames = shot.plate.frames
    check_output_pattern(settings.out, len(frames))
    mattes = GivenMattes.open(settings.holdout, settings.roto, frames)
    faceset = _faceset(settings, events)
    todo = [frame for frame in frames if settings.force or not is_complete(output_path(settings.out, frame), CHANNELS)]
    faces = chosen_faces(faceset, settings.face, shot)
    missing = sum(frame not in faces for frame in frames)
    if missing:
        events.note(f"{missing} of {len(frames)} frames have no face to swap; they keep the plate.")
    if todo:
        over_shot = list(faces.values())
        converter = ShotConverter(
            shot, network, card, faceset, over_shot,
            occlusion=settings.occlusion, batch=settings.convert_batch,
            likeness=Likeness(settings.person, settings.morph),
        )  # fmt: skip
        _convert(settings, events, shot, converter, mattes, faces, todo, watch or Stopwatch())
    return {
        "out": output_pattern(settings.out),
        "first": frames[0],
        "last": frames[-1],
        "frames": len(todo),
        "skipped": len(frames) - len(todo),
        "without_face": missing,
        "seconds": round(time.perf_counter() - started, 3),
    }


def _convert(
    settings: ConvertSettings,
    events: Events,
    shot: Shot,
    converter: ShotConverter,
    mattes: GivenMattes,
    faces: dict[int, Face],
    todo: Sequence[int],
    watch: Stopwatch,
) -> None:
    """The pass over the frames: read, align, predict in batches, lay, write."""
    done = 0
    with watch.running(), LayerWriter() as writer:
        for batch in _batches(read_frames(shot.plate, todo), settings.convert_batch, watch):
            events.raise_if_stopping()
            numbers = [frame.number for frame in batch if frame.number in faces]
            with watch.part("placing"):
                aligned = [converter.align(frame, faces[frame.number]) for frame in batch if frame.number in faces]
            with watch.part("networks"):
                predicted = dict(zip(numbers, zip(aligned, converter.predict(aligned), strict=True), strict=True))
            for frame in batch:
                with watch.part("reading"):
                    limits = mattes.of(frame)
                with watch.part("placing"):
                    layers = converter.lay(frame, predicted.get(frame.number), settings, limits)
                with watch.part("writing"):
                    writer.submit(
                        output_path(settings.out, frame.number),
                        layers,
                        frame.header,
                        profile=settings.profile,
                        compression=settings.compression,
                        interop_id=shot.written_id,
                        attributes=converter.attributes,
                    )
                done += 1
                events.progress(done, len(todo), "frames")


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
    chosen = settings.model_dump(include=names)
    extract.run(ExtractSettings(**{**chosen, "out": folder}), events.within("extract"))
    return Faceset.open(folder)


def beside(out: str, what: str) -> Path:
    """The folder for a by-product of the output ``out``: ``shot.####.exr`` gives ``shot_faces``."""
    path = Path(output_pattern(out))
    stem = path.name.split("%")[0].rstrip("._-") or "understudy"
    return path.with_name(f"{stem}_{what}")
