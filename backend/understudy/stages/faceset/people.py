"""Who is in a faceset, with a picture of each."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from understudy.events import Events
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.plate.colour import ColourManager
from understudy.plate.sheet import write_png
from understudy.settings import PeopleSettings

PICTURE = 128
"""Side of a person's picture in pixels."""


def run(settings: PeopleSettings, events: Events) -> dict[str, Any]:
    """Tell the people of a faceset, those on most frames first, and write a picture of each into ``settings.pictures``.

    Returns ``faceset``, its ``plate``, ``crop`` and ``count`` of faces; ``people``, each with ``track``, ``frames``,
    ``first``, ``last``, ``weakest`` (frame), ``weakest_confidence``, mean ``confidence`` and ``picture`` (absolute); and
    ``faces`` by frame and track with ``box`` and ``landmarks`` in plate pixels and ``confidence``.
    Raises FacesetError, OutputError, and ColourError when the faceset's OCIO configuration is gone.
    """
    faceset = Faceset.open(settings.faceset)
    faces = faceset.faces()
    # The crops are in the working space of the configuration that they were extracted with.
    colour = ColourManager.discover(faceset.provenance.get("settings", {}).get("ocio"))
    tracks: dict[int, list[Face]] = defaultdict(list)
    for face in faces:
        tracks[face.track].append(face)
    people = []
    for track, own in sorted(tracks.items(), key=lambda item: (-len(item[1]), item[0])):
        events.raise_if_stopping()
        picture = settings.pictures.resolve() / f"{faceset.folder.resolve().name}.{track:02d}.png"
        _write_picture(picture, faceset, max(own, key=_shows_the_face), colour)
        people.append(_person(track, own, picture))
        events.progress(len(people), len(tracks), "people")
    return {
        "faceset": str(faceset.folder.resolve()),
        "plate": faces[0].plate,
        "crop": faces[0].crop_kind,
        "count": len(faces),
        "people": people,
        "faces": [_overlay(face) for face in faces],
    }


def _person(track: int, faces: list[Face], picture: Path) -> dict[str, Any]:
    weakest = min(faces, key=lambda face: face.confidence)
    return {
        "track": track,
        "frames": len(faces),
        "first": faces[0].frame,
        "last": faces[-1].frame,
        "weakest": weakest.frame,
        "weakest_confidence": weakest.confidence,
        "confidence": float(np.mean([face.confidence for face in faces])),
        "picture": str(picture),
    }


def _overlay(face: Face) -> dict[str, Any]:
    return {
        "frame": face.frame,
        "track": face.track,
        "box": face.box.tolist(),
        "landmarks": face.landmarks.tolist(),
        "confidence": face.confidence,
    }


def _shows_the_face(face: Face) -> float:
    """How well a crop shows who it is: trusted, and seen from the front."""
    yaw, pitch, _ = np.radians(face.pose)
    return float(face.confidence * np.cos(yaw) * np.cos(pitch))


def _write_picture(path: Path, faceset: Faceset, face: Face, colour: ColourManager) -> None:
    display = colour.to_display(faceset.read(face)[..., :3].astype(np.float32))
    way = cv2.INTER_AREA if face.crop_size > PICTURE else cv2.INTER_CUBIC
    write_png(path, np.asarray(cv2.resize(display, (PICTURE, PICTURE), interpolation=way), np.float32))
