"""Convert: lay a model's new face into a plate, as layered scene-linear EXR."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from understudy import __version__
from understudy.convert.colour_match import matched
from understudy.convert.layers import CHANNELS, HALF_MAX, compose
from understudy.convert.place import Placed, place, region_of
from understudy.convert.predict import Prediction, Predictor
from understudy.errors import AmbiguousFaceError, FacesetError, NoFaceError, OutOfMemoryError
from understudy.events import Events
from understudy.face.choose import choose, parse_choice
from understudy.face.geometry import Head, apply, crop_kind, crop_matrix, fit_head, invert, scale_of
from understudy.face.hands import HandFinder, hand_mask
from understudy.face.hull import face_mask
from understudy.face.look import square
from understudy.face.resample import warp
from understudy.faceset.aligned import evenly, load_aligned
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.matte.edge import soft_matte
from understudy.model.device import choose_device
from understudy.model.encoding import encode
from understudy.model.networks import SwapNetwork
from understudy.model.presentation import Light, measure_light
from understudy.model.store import Card, load_model
from understudy.plate.frame import Frame
from understudy.plate.layers import LayerWriter, is_complete
from understudy.plate.reader import read_frames
from understudy.plate.sequence import check_output_pattern, output_path, output_pattern
from understudy.settings import ConvertSettings, ExtractSettings
from understudy.stages import extract
from understudy.stages.analysis import Shot, prepare
from understudy.stages.stopwatch import Stopwatch

MEASURED_FACES = 128
"""Faces, spread evenly over the shot, on which its light is measured."""

HAND_FIELD, HAND_PIXELS = 5.0, 384
"""Side of the square around the head in which hands are looked for: in mean-face units, and in pixels."""


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
            _convert(settings, events, shot, network, card, faceset, faces, todo, watch or Stopwatch())
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


@dataclass(frozen=True)
class _Job:
    """One frame on its way: what was read of it, and its aligned face if it has one."""

    frame: Frame
    face: Face | None
    matrix: NDArray[np.float64] | None  # array pixels -> crop pixels
    crop: NDArray[np.float32] | None  # (R, R, 3) scene-linear working space
    hull: NDArray[np.float32] | None  # (R, R)
    hidden: NDArray[np.float32] | None  # (R, R) what stands before the face


class _Shot:
    """What stays the same over the shot: the model, the plate's light, what finds hands."""

    def __init__(
        self,
        settings: ConvertSettings,
        shot: Shot,
        network: SwapNetwork,
        card: Card,
        faceset: Faceset,
        faces: list[Face],
    ) -> None:
        self.settings, self.shot = settings, shot
        self.size, self.kind = card.architecture.resolution, crop_kind(card.crop)
        sample = load_aligned(faceset, evenly(faces, MEASURED_FACES), self.size)
        codes = encode(torch.from_numpy(sample.rgb).permute(0, 3, 1, 2).float())
        self.light = measure_light(codes, torch.from_numpy(sample.mask)[:, None].float())
        source = Light.from_json(card.source_light)
        self.wanted = self.light if settings.colour_match == "shot" else source
        self.source = source
        self.predictor = Predictor(network, self.light, settings.convert_batch)
        self.hands = HandFinder() if settings.occlusion == "hands" else None

    def align(self, frame: Frame, face: Face | None) -> _Job:
        """Cut the face out of its frame."""
        if face is None:
            return _Job(frame, None, None, None, None, None)
        head = fit_head(face.landmarks)
        matrix = crop_matrix(head, self.kind, self.size)
        hull = face_mask(face.landmarks, matrix, self.size)
        hidden = self._hidden(frame, head, matrix)
        matrix[:, 2] += matrix[:, :2] @ np.array(frame.origin, np.float64)
        # Held to half floats like the crops of a faceset: what is brighter could overflow on its way to the network.
        crop = np.clip(self.shot.working(warp(frame.rgb, matrix, self.size)), -HALF_MAX, HALF_MAX)
        return _Job(frame, face, matrix, crop, hull, hidden)

    def _hidden(self, frame: Frame, head: Head, matrix: NDArray[np.float64]) -> NDArray[np.float32]:
        """Hands before the face, seen through ``matrix`` (plate -> crop pixels): (R, R) in 0..1."""
        if self.hands is None:
            return np.zeros((self.size, self.size), np.float32)
        around = square(head.offset, HAND_FIELD * head.scale, 0.0, HAND_PIXELS)
        in_array = around.copy()
        in_array[:, 2] += around[:, :2] @ np.array(frame.origin, np.float64)
        picture = self.shot.picture(warp(frame.rgb, in_array, HAND_PIXELS))
        hands = [apply(invert(around), hand) for hand in self.hands.find(picture)]
        return hand_mask(hands, matrix, self.size)

    def lay(self, job: _Job, prediction: Prediction) -> Placed | None:
        """Match the prediction to the plate and place it; None when it lies outside the frame altogether."""
        assert job.matrix is not None and job.hull is not None and job.hidden is not None
        width, height = job.frame.size
        region = region_of(job.matrix, self.size, width, height)
        if region is None:
            return None
        settings = self.settings
        hidden = torch.from_numpy(job.hidden)[None]
        relight = settings.relight if settings.colour_match == "shot" else 0.0
        swap = matched(prediction, self.wanted, hidden, relight=relight, reach=settings.relight_reach)
        raw = self.source.restore(prediction.swap[None])[0]
        matte = self._matte(prediction, job.hull, scale_of(job.matrix)) * (1 - job.hidden) * settings.opacity
        placed = place(swap, raw, matte.astype(np.float32), hidden, job.matrix, region)
        return self._in_plate_space(placed)

    def _matte(self, prediction: Prediction, hull: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
        learned = prediction.mask[0].numpy()
        mask = {"learned": learned, "hull": hull, "both": np.minimum(hull, learned)}[self.settings.matte]
        return soft_matte(mask, erode=self.settings.erode * scale, feather=self.settings.feather * self.size)

    def _in_plate_space(self, placed: Placed) -> Placed:
        if not self.shot.space.scene_linear:
            return placed
        colour, space = self.shot.colour, self.shot.space.name
        return Placed(
            region=placed.region,
            swap=colour.from_working(placed.swap, space),
            raw=colour.from_working(placed.raw, space),
            matte=placed.matte,
            occlusion=placed.occlusion,
            st=placed.st,
            inside=placed.inside,
        )


def _convert(
    settings: ConvertSettings,
    events: Events,
    shot: Shot,
    network: SwapNetwork,
    card: Card,
    faceset: Faceset,
    faces: dict[int, Face],
    todo: Sequence[int],
    watch: Stopwatch,
) -> None:
    """The pass over the frames: read, align, predict in batches, lay, write."""
    over_shot = _Shot(settings, shot, network, card, faceset, [faces[frame] for frame in sorted(faces)])
    attributes: dict[str, str | int | float] = {
        "version": __version__,
        "model_steps": card.steps,
        "plate": Path(shot.plate.pattern).name,
        "colour_space": shot.space.name if shot.space.scene_linear else shot.colour.working,
    }
    interop_id = shot.space.interop_id if shot.space.scene_linear else shot.colour.interop_id_of(shot.colour.working)
    done = 0
    with watch.running(), LayerWriter() as writer:
        for batch in _batches(read_frames(shot.plate, todo), settings.convert_batch, watch):
            events.raise_if_stopping()
            with watch.part("placing"):
                jobs = [over_shot.align(frame, faces.get(frame.number)) for frame in batch]
            seen = [job for job in jobs if job.crop is not None and job.hull is not None]
            predictions: dict[int, Prediction] = {}
            if seen:
                with watch.part("networks"):
                    found = over_shot.predictor.predict(
                        np.stack([job.crop for job in seen if job.crop is not None]),
                        np.stack([job.hull for job in seen if job.hull is not None]),
                    )
                predictions = {job.frame.number: one for job, one in zip(seen, found, strict=True)}
            for job in jobs:
                with watch.part("placing"):
                    prediction = predictions.get(job.frame.number)
                    placed = over_shot.lay(job, prediction) if prediction is not None else None
                    confidence = job.face.confidence if job.face is not None else 0.0
                    layers = compose(_linear(shot, job.frame), job.frame.alpha, placed, confidence)
                with watch.part("writing"):
                    writer.submit(
                        output_path(settings.out, job.frame.number),
                        layers,
                        job.frame.header,
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
