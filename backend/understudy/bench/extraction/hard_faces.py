"""Whether faces are found that fill the frame, that are tiny on a large plate, or that hang upside down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.events import Events
from understudy.extraction.shot import prepare
from understudy.face.components.registry import build_detector
from understudy.face.detect import find_faces
from understudy.face.interfaces import Detector, Image
from understudy.imaging.affine import apply
from understudy.plate.reader import read_frame
from understudy.review.truth import read_truth
from understudy.settings import PlateOptions

FRAMES = 4
"""Frames of the sample's plate that are looked at: the first, on which the face looks to the front."""

TINY = 24
"""Side of the tiny face's box on the 4K plate, in pixels."""

_UHD = (3840, 2160)
_BOX = 1.05  # side of a detector's box, in extents of the landmarks


def measure_extremes(sample: Path, events: Events, detector: str = "mediapipe") -> dict[str, Any]:
    """Look for the faces of the ``sample`` folder's plate in places where detectors lose them.

    Returns for each kind of place how many of how many were found: ``{"found": 4, "of": 4}``. Found means one face,
    whose box's middle lies within the true landmarks.
    """
    shot = prepare(PlateOptions(plate=(sample / "plate.%04d.exr").as_posix()), events)
    finder = build_detector(detector)
    counts: dict[str, dict[str, int]] = {}
    for true in read_truth(sample / "plate.truth.json")[:FRAMES]:
        events.raise_if_stopping()
        image = shot.picture(read_frame(shot.plate, true.frame).rgb)
        for kind, (picture, marks, smallest) in _places(image, true.landmarks).items():
            count = counts.setdefault(kind, {"found": 0, "of": 0})
            count["of"] += 1
            count["found"] += _is_found(finder, picture, marks, smallest)
    return counts


def _places(image: Image, marks: NDArray[np.float64]) -> dict[str, tuple[Image, NDArray[np.float64], float]]:
    """By kind: a picture, where the 68 landmarks are in it, and the smallest face that is looked for."""
    low, high = marks.min(0), marks.max(0)
    extent = float((high - low).max())
    places = {}
    for kind, margin in (("fills the frame", 0.05), ("taller than the frame", -0.12)):
        x0, y0 = np.maximum(np.floor(low - margin * extent), 0).astype(int)
        x1, y1 = np.ceil(high + margin * extent).astype(int)
        part = cv2.resize(image[y0:y1, x0:x1], None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
        places[kind] = np.asarray(part, np.uint8), (marks - (x0, y0)) * 6, 24.0
    scale = TINY / (extent * _BOX)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    plate = np.full((_UHD[1], _UHD[0], 3), image.reshape(-1, 3).mean(0), np.uint8)
    left, top = 2900, 1500
    plate[top : top + small.shape[0], left : left + small.shape[1]] = small
    places[f"{TINY} px in 4K"] = plate, marks * scale + (left, top), float(TINY)
    for degrees in (90, 180, 270):
        height, width = image.shape[:2]
        side = 2 * max(width, height)
        turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1), np.float64)
        turn[:, 2] += side / 2 - np.array((width, height)) / 2
        rolled = cv2.warpAffine(image, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
        places[f"rolled by {degrees} degrees"] = np.asarray(rolled, np.uint8), apply(turn, marks), 24.0
    return places


def _is_found(detector: Detector, picture: Image, marks: NDArray[np.float64], smallest: float) -> bool:
    found = find_faces(detector, picture, minimum=smallest)
    middles = [(face.box[:2] + face.box[2:]) / 2 for face in found]
    return len(found) == 1 and bool((marks.min(0) < middles[0]).all() and (middles[0] < marks.max(0)).all())
