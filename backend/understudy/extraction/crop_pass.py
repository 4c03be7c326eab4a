"""The second pass over a plate: solved faces cut out of their frames and stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from understudy.events import Events
from understudy.extraction.cut_crop import cut
from understudy.extraction.shot import Shot
from understudy.face.geometry import CropKind, crop_matrix
from understudy.face.hull import face_mask
from understudy.faceset.journal import Sighting
from understudy.faceset.measures import UNMEASURED, measure
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.plate.frame import Frame
from understudy.plate.reader import read_frames
from understudy.stopwatch import Stopwatch
from understudy.tracks.formats.values import channels_to_json
from understudy.tracks.track import Followed

_AHEAD = 6
"""Crops that may wait to be written: each holds its frame's pixels."""


def describe(
    shot: Shot, track: int, one: Followed, sighting: Sighting | None, made_by: dict[str, str], kind: CropKind, size: int
) -> Face:
    """The record of a followed face, but for its file and measures; ``sighting`` is what the networks gave, if they did."""
    identity = None if sighting is None or sighting.identity is None else tuple(sighting.identity.tolist())
    return Face(
        file="",
        plate=shot.key,
        frame=one.frame,
        track=track,
        box=one.box,
        landmarks=one.landmarks,
        raw=one.raw,
        refined=one.refined,
        dense=None if sighting is None else sighting.dense,
        matrix=crop_matrix(one.head, kind, size),
        crop_kind=kind,
        crop_size=size,
        confidence=one.confidence,
        origin=one.origin,
        head=one.head,
        colour_space=shot.working_id,
        identity=identity,
        measures=UNMEASURED,
        analysis=made_by,
        eye_opening=one.eye_opening,
        eye_trust=one.eye_trust,
        gaze=one.gaze,
        mouth_opening=one.mouth_opening,
    )


def cut_out(shot: Shot, faceset: Faceset, faces: Sequence[Face], *, events: Events, watch: Stopwatch) -> None:
    """Cut and store ``faces`` (as :func:`describe` gives them), each in place of what stood there before.

    Raises what reading the plate and writing the faceset raise, and Interrupted.
    """
    by_frame: dict[int, list[Face]] = {}
    for face in sorted(faces, key=lambda face: (face.frame, face.track)):
        by_frame.setdefault(face.frame, []).append(face)
    if not by_frame:
        return
    faceset.faces()  # read the index now, and not in the first of several threads
    done = 0
    pending: deque[Future[None]] = deque()
    frames = read_frames(shot.plate, list(by_frame))
    pool = ThreadPoolExecutor(2, "crop")
    try:
        with watch.running():
            for due in by_frame.values():
                events.raise_if_stopping()
                with watch.part("reading"):
                    frame = next(frames)
                for face in due:
                    with watch.part("writing"):
                        while len(pending) >= _AHEAD:
                            pending.popleft().result()
                        pending.append(pool.submit(store, shot, faceset, frame, face))
                    done += 1
                events.progress(done, len(faces), "crops")
            with watch.part("writing"):
                while pending:
                    pending.popleft().result()
    finally:
        frames.close()
        pool.shutdown()


def store(shot: Shot, faceset: Faceset, frame: Frame, face: Face) -> None:
    """Cut one face out of its frame, measure it and write it. Raises OutputError."""
    pixels = cut(shot, frame, face.matrix, face.crop_size)
    display = shot.colour.to_display(pixels[..., :3].astype(np.float32))
    measured = measure(display, face_mask(face.landmarks, face.matrix, face.crop_size))
    faceset.add(replace(face, measures=measured), pixels)


def is_stored(held: Face | None, face: Face) -> bool:
    """Whether ``held`` is the crop that ``face`` asks for."""
    return (
        held is not None
        and held.crop_size == face.crop_size
        and held.confidence == face.confidence
        and held.origin == face.origin
        and np.array_equal(held.matrix, face.matrix)
        and np.array_equal(held.landmarks, face.landmarks)
        and np.array_equal(held.refined, face.refined)
        and channels_to_json(held) == channels_to_json(face)
    )
