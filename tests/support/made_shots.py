"""Plates with squares for faces, and networks that see nothing but squares: red ones open, blue ones in profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray
from understudy.face.components import registry
from understudy.face.geometry import HEAD_68
from understudy.face.interfaces import ComponentCard, Detection, Landmarks
from understudy.faceset.crop import read_pixels, read_record

RED, BLUE = (0.9, 0.02, 0.02), (0.02, 0.02, 0.9)
DARK_RED = (0.7, 0.02, 0.02)  # another person

Square = tuple[float, float, float, tuple[float, float, float]]  # x0 y0 side colour


class SquareDetector:
    side = 192
    smallest = 12
    card = ComponentCard("squares", "detector", "CC0-1.0", True, "0", "tests")

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        bright = (image.max(axis=2) > 180) & (image.min(axis=2) < 90)
        count, _, stats, _ = cv2.connectedComponentsWithStats(bright.astype(np.uint8))
        boxes = [(x, y, x + w, y + h) for x, y, w, h, area in stats[1:count] if area > 16]
        return [Detection(np.array(box, np.float32), 0.9) for box in boxes]


class SquareLandmarker:
    card = ComponentCard("squares", "landmarker", "CC0-1.0", True, "0", "tests")

    def landmarks(self, image: NDArray[np.uint8], detections: Sequence[Detection]) -> list[Landmarks | None]:
        return [self._one(image, detection.box) for detection in detections]

    def _one(self, image: NDArray[np.uint8], box: NDArray[np.float32]) -> Landmarks | None:
        centre = (box[:2] + box[2:]) / 2
        x, y = centre.astype(int)
        if image[y, x, 2] > image[y, x, 0]:
            return None
        points = (HEAD_68[:, :2] * (box[2] - box[0]) / 2 + centre).astype(np.float32)
        return Landmarks(points, points[:10].copy(), 0.75)


class SquareRecogniser:
    card = ComponentCard("squares", "recogniser", "for research only", False, "0", "tests")

    def embed(self, image: NDArray[np.uint8], landmarks: Landmarks) -> NDArray[np.float32]:
        x, y = landmarks.points68[30].astype(int)
        return np.eye(8, dtype=np.float32)[0 if image[y, x, 0] > 230 else 1]


def register(set_item: Callable[[dict[str, Any], str, Any], None]) -> None:
    """Put the square networks in the place of the real ones."""
    set_item(registry.DETECTORS, "mediapipe", lambda _pack: SquareDetector())
    set_item(registry.LANDMARKERS, "mediapipe", lambda _pack: SquareLandmarker())
    set_item(registry.RECOGNISERS, "insightface", lambda _pack: SquareRecogniser())


def picture(width: int, height: int, squares: Sequence[Square], ground: float = 0.18) -> NDArray[np.float32]:
    """(height, width, 3) linear Rec.709."""
    image = np.full((height, width, 3), ground, np.float32)
    for x, y, side, colour in squares:
        image[round(y) : round(y + side), round(x) : round(x + side)] = colour
    return image


def write_frame(path: Path, image: NDArray[np.float32], origin: tuple[int, int] = (0, 0), display: Any = None) -> None:
    """A half EXR in linear Rec.709 whose data window starts at ``origin``; ``display`` is (width, height)."""
    height, width = image.shape[:2]
    spec = oiio.ImageSpec(width, height, 3, oiio.HALF)
    spec.x, spec.y = origin
    spec.full_width, spec.full_height = display or (width, height)
    spec.full_x = spec.full_y = 0
    spec.attribute("colorInteropID", "lin_rec709_scene")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(image.astype(np.float16))
    output.close()


def write_shot(folder: Path, frames: Sequence[Sequence[Square]], size: tuple[int, int] = (320, 200)) -> str:
    """One frame for each list of squares, from 1001; returns the pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, squares in enumerate(frames):
        write_frame(folder / f"shot.{1001 + index}.exr", picture(*size, squares))
    return (folder / "shot.%04d.exr").as_posix()


def walk(count: int) -> list[list[Square]]:
    """Somebody who walks to the right, seen in profile for a while."""
    return [[(20.0 + 4 * index, 60.0, 60.0, BLUE if 4 <= index < 6 else RED)] for index in range(count)]


def two(count: int) -> list[list[Square]]:
    """Two people, each with a face of its own red."""
    return [[(20.0 + index, 60.0, 60.0, RED), (200.0 - index, 70.0, 70.0, DARK_RED)] for index in range(count)]


def content(folder: Path) -> dict[str, bytes]:
    """A faceset's files; of crops what they say and show, for their headers hold the time of day. Not the index."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "index.npz"]
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    for name in found:
        if name.endswith(".exr") and not name.startswith("."):
            record = read_record(folder / name).to_json()
            found[name] = record.encode() + read_pixels(folder / name).tobytes()
    return found
