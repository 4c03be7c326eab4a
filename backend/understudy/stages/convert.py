"""Convert: lay a model's new face into a plate, as layered scene-linear EXR."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from understudy import __version__
from understudy.convert.layers import CHANNELS, compose
from understudy.errors import AmbiguousFaceError, FacesetError, NoFaceError, OutOfMemoryError
from understudy.events import Events
from understudy.face.choose import choose, parse_choice
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.model.device import choose_device
from understudy.model.store import Card, load_model
from understudy.plate.frame import Frame
from understudy.plate.layers import LayerWriter, is_complete
from understudy.plate.reader import read_frames
from understudy.plate.sequence import check_output_pattern, output_path, output_pattern
from understudy.settings import ConvertSettings, ExtractSettings
from understudy.stages import extract
from understudy.stages.analysis import Shot, prepare
from understudy.stages.laying import ShotConverter
from understudy.stages.stopwatch import Stopwatch


def run(settings: ConvertSettings, events: Events, watch: Stopwatch | None = None) -> dict[str, Any]:
    """Convert the plate; see :class:`ConvertSettings`. Frames that are complete already are left alone.

    ``watch`` is told where the time of the pass over the frames goes. Returns the report: ``out`` as a printf pattern,
    ``first``, ``last``, ``frames`` written, ``skipped``, ``without_face`` and ``seconds``.
    """
    started = time.perf_counter()
    device = choose_device(settings.device)
    network, card = load_model(settings.model, device)
    shot = prepare(settings, events)
    frames = shot.plate.frames
    check_output_pattern(settings.out, len(frames))
    faceset = _faceset(settings, events)
    todo = [frame for frame in frames if settings.force or not is_complete(output_path(settings.out, frame), CHANNELS)]
    faces = _chosen_faces(faceset, settings, shot)
    missing = sum(frame not in faces for frame in frames)
    if missing:
        events.note(f"{missing} of {len(frames)} frames have no face to swap; they keep the plate.")
    try:
        if todo:
            over_shot = [faces[frame] for frame in sorted(faces)]
            converter = ShotConverter(settings, shot, network, card, faceset, over_shot)
            _convert(settings, events, shot, converter, card, faces, todo, watch or Stopwatch())
    except torch.OutOfMemoryError:
        raise OutOfMemoryError(
            f"Conversion does not fit into the memory of {device}.", "Lower --convert-batch."
        ) from None
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
    card: Card,
    faces: dict[int, Face],
    todo: Sequence[int],
    watch: Stopwatch,
) -> None:
    """The pass over the frames: read, align, predict in batches, lay, write."""
    linear = shot.space.scene_linear
    attributes: dict[str, str | int | float] = {
        "version": __version__,
        "model_steps": card.steps,
        "plate": Path(shot.plate.pattern).name,
        "colour_space": shot.space.name if linear else shot.colour.working,
    }
    interop_id = shot.space.interop_id if linear else shot.colour.interop_id_of(shot.colour.working)
    done = 0
    with watch.running(), LayerWriter() as writer:
        for batch in _batches(read_frames(shot.plate, todo), settings.convert_batch, watch):
            events.raise_if_stopping()
            with watch.part("placing"):
                aligned = {
                    frame.number: converter.align(frame, faces[frame.number])
                    for frame in batch
                    if frame.number in faces
                }
            with watch.part("networks"):
                predictions = dict(zip(aligned, converter.predict(list(aligned.values())), strict=True))
            for frame in batch:
                with watch.part("placing"):
                    face = aligned.get(frame.number)
                    placed = converter.lay(frame, face, predictions[frame.number]) if face else None
                    confidence = face.face.confidence if face else 0.0
                    layers = compose(_linear(shot, frame), frame.alpha, placed, confidence)
                with watch.part("writing"):
                    writer.submit(
                        output_path(settings.out, frame.number),
                        layers,
                        frame.header,
                        profile=settings.profile,
                        compression=settings.compression,
                        interop_id=interop_id,
                        attributes=attributes,
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


def _linear(shot: Shot, frame: Frame) -> NDArray[np.floating[Any]]:
    """The plate as the composite keeps it: its own pixels, or the working space for what is not scene-linear."""
    if shot.space.scene_linear:
        return frame.rgb
    return shot.working(frame.rgb).astype(np.float16 if frame.header.dtype == "half" else np.float32)


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


def _chosen_faces(faceset: Faceset, settings: ConvertSettings, shot: Shot) -> dict[int, Face]:
    """One face a frame. Raises when the faceset holds none, several a frame, or those of another plate."""
    faces = faceset.faces()
    kept = choose(faces, parse_choice(settings.face))
    by_frame: dict[int, Face] = {}
    for face in faces:
        if (face.frame, face.track) not in kept:
            continue
        if face.frame in by_frame:
            raise AmbiguousFaceError(
                f"Several faces of {faceset.folder} stand in frame {face.frame}.",
                "Choose one with --face largest, index:N or track:N.",
            )
        by_frame[face.frame] = face
    if not by_frame:
        raise NoFaceError(f"The faceset {faceset.folder} holds no face to swap.")
    name = Path(shot.key).name
    for face in by_frame.values():
        # Names, not whole paths: a job may be rendered on a machine that mounts the show elsewhere.
        if Path(face.plate).name != name:
            raise FacesetError(
                f"The faceset {faceset.folder} was extracted from {Path(face.plate).name}, not from {name}.",
                "Give the extraction of this plate, or none.",
            )
    return by_frame
