"""Facesets to be tidied: few faces, of which all is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from made_people import stand
from understudy.faceset.measures import BINS, THUMBNAIL, UNMEASURED
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset

SHARPNESS = [0.3, 0.1, 0.5, 0.2, 0.6, 0.4]
YAWS = [0.0, 1.0, 40.0, 2.0, -40.0, 3.0]
WHO = [0, 1, 0, 0, 1, 0]
LIKE = {1005: 1003}
"""Frames whose faces look like that of another, sharper or not."""


def face(frame: int, track: int) -> Face:
    return Face(
        file="",
        plate="shots/p.%04d.exr",
        frame=frame,
        track=track,
        box=np.array([10.5, 20, 30, 44], np.float32),
        landmarks=np.arange(136, dtype=np.float32).reshape(68, 2),
        raw=None,
        refined=np.arange(136, dtype=np.float32).reshape(68, 2),
        dense=np.zeros((4, 2), np.float32),
        matrix=np.array([[0.5, 0, -3], [0, 0.5, 7]]),
        crop_kind="whole",
        crop_size=8,
        confidence=0.75,
        origin="seen",
        head=stand(20, 32, 10, 10.0),
        colour_space="lin_ap1_scene",
        identity=None,
        measures=dataclasses.replace(UNMEASURED, sharpness=0.25),
    )


def made(folder: Path, *, identities: bool = True, like: bool = False) -> Path:
    """Six faces: frames 1001 to 1006, sharp and turned as above; with ``like``, 1003 and 1005 look the same."""
    rng = np.random.default_rng(0)
    faceset = Faceset.create(folder, {})
    looks = {1001 + index: rng.integers(0, 256, THUMBNAIL**2, np.uint8).tobytes() for index in range(6)}
    for index in range(6):
        frame = 1001 + index
        measures = dataclasses.replace(
            UNMEASURED,
            sharpness=SHARPNESS[index],
            histogram=bytes([100]) * (3 * BINS),  # no face is unlike the others
            thumbnail=looks[LIKE.get(frame, frame) if like else frame],
        )
        record = dataclasses.replace(
            face(frame, 0),
            head=stand(20, 32, 10, YAWS[index]),
            measures=measures,
            identity=tuple(np.eye(4)[WHO[index]].tolist()) if identities else None,
            analysis={"recogniser": "insightface (made up)"} if identities else {},
        )
        faceset.add(record, np.full((8, 8, 4), 0.1 * (index + 1), np.float16))
    return folder
