"""A plate's frame turned into faces, by the networks that fill the three roles."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.extraction.shot import Shot
from understudy.face.appearance import appearance
from understudy.face.components.registry import build_detector, build_landmarker, build_recogniser
from understudy.face.detect import DetectionReport, survey
from understudy.face.exposure import evenly_exposed
from understudy.face.interfaces import ComponentCard, Detection, Detector, Image, Landmarker, Landmarks, Recogniser
from understudy.face.keypoints import KeypointFinder, keypoint_box, keypoint_head
from understudy.face.tilt import tilt_of
from understudy.imaging.crop import look
from understudy.imaging.half import as_float
from understudy.plate.frame import Frame
from understudy.settings import AnalysisOptions, DetectionOptions
from understudy.stopwatch import Stopwatch
from understudy.tracks.observation import LOOK, look_matrix

CLOSE_UP = 256
"""Largest side of a face's box, in pixels, at which the landmarker is shown it: more than it looks at."""


_SHADE = 0.36  # sides of a face's box: light and shade as broad as that is taken out for a second look
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, eq=False)
class AnalysedFace:
    """A face on a frame, in square pixels."""

    detection: Detection
    landmarks: Landmarks | None  # None: turned away too far, or hidden
    identity: NDArray[np.float32] | None
    keypoints: NDArray[np.float32] | None  # (6, 2) as face.keypoints
    look: NDArray[np.uint8]  # the small grey picture of tracks.observed
    appearance: NDArray[np.uint8]  # as face.appearance


class Analyser:
    """The networks that fill the three roles. For one thread at a time."""

    def __init__(self, options: DetectionOptions) -> None:
        """Raises ComponentError with the cure when a package or model pack is missing."""
        self._minimum = options.min_face
        self._detector: Detector = build_detector(options.detector, options.pack)
        self._landmarker: Landmarker = build_landmarker(options.landmarker, options.pack)
        recogniser = options.recogniser if isinstance(options, AnalysisOptions) else "none"
        self._recogniser: Recogniser | None = (
            None if recogniser == "none" else build_recogniser(recogniser, options.pack)
        )
        self._keypoints = KeypointFinder()

    @property
    def cards(self) -> dict[str, ComponentCard]:
        """Role to the card of what fills it."""
        parts = (self._detector, self._landmarker, self._recogniser, self._keypoints)
        return {part.card.role: part.card for part in parts if part is not None}

    def overview(self, shot: Shot, frame: Frame) -> Image:
        """The whole frame for the detector, reduced as far as it would reduce it anyway. May run in any thread."""
        width, height = frame.size
        factor = max(1, int(self._minimum / self._detector.smallest))
        return _small(shot, frame.rgb, max(1, width // factor), max(1, height // factor))

    def survey(self, frame: Frame, overview: Image) -> DetectionReport:
        """What the detector shows on ``frame`` and what became of each box, in pixels of its ``overview``."""
        width, height = frame.size
        scale = max(width / overview.shape[1], height / overview.shape[0])
        return survey(self._detector, overview, minimum=self._minimum / scale)

    def analyse(self, shot: Shot, frame: Frame, overview: Image, watch: Stopwatch | None = None) -> list[AnalysedFace]:
        """Everybody on ``frame`` whose box is no smaller than the settings allow, left to right."""
        watch = watch or Stopwatch()
        width, height = frame.size
        scale = np.array([width / overview.shape[1], height / overview.shape[0]], np.float32)
        with watch.part("networks"):
            found = self.survey(frame, overview).faces
        origin = np.array(frame.origin, np.float32)
        return [self.look_closely(shot, frame, _moved(face, scale, origin), watch) for face in found]

    def look_closely(self, shot: Shot, frame: Frame, placed: Detection, watch: Stopwatch | None = None) -> AnalysedFace:
        """All that the networks see of one face whose place (plate pixels) is known."""
        watch = watch or Stopwatch()
        width, height = frame.size
        origin = np.array(frame.origin, np.float32)
        face = _moved(placed, np.ones(2, np.float32), -origin)
        x0, y0, x1, y1 = face.box.astype(float)
        side = max(x1 - x0, y1 - y0)
        # One side more on each side: landmarkers look at 1.5 sides, tilted, and then move their square.
        left, right = _span(x0 - side, x1 + side, width)
        top, bottom = _span(y0 - side, y1 + side, height)
        small = _close_up(right - left, bottom - top, side)
        with watch.part("colour"):
            image = _small(shot, frame.rgb[top:bottom, left:right], *small)
        scale = np.array([(right - left) / small[0], (bottom - top) / small[1]], np.float32)
        corner = np.array([left, top], np.float32)
        within = _moved(face, 1 / scale, -corner / scale)
        with watch.part("networks"):
            keypoints = self._keypoints.find(image, within.box, tilt_of(within.points))
            landmarks = self._landmarks(image, within, keypoints)
            identity = self._recogniser.embed(image, landmarks) if self._recogniser and landmarks else None
        with watch.part("colour"):
            picture = _grey_look(image, placed.box, scale, corner + origin)
            colours = appearance(image, within.box)
        shift = corner + origin
        marks = None if landmarks is None else _marks_moved(landmarks, scale, shift)
        points = None if keypoints is None else (keypoints * scale + shift).astype(np.float32)
        return AnalysedFace(placed, marks, identity, points, picture, colours)

    def _landmarks(self, image: Image, face: Detection, keypoints: NDArray[np.float32] | None) -> Landmarks | None:
        """The face's landmarks; where there seem to be none, looked for again in even light, around the keypoints.

        A face that turns from a hard light into its own shadow is missed, and its box drawn around what is lit.
        """
        found = self._landmarker.landmarks(image, [face])[0]
        box = None if found is not None else self._centred(image, keypoints)
        if box is None:
            return found
        shade = _SHADE * float(box[2] - box[0])
        return self._landmarker.landmarks(evenly_exposed(image, shade), [Detection(box, face.score)])[0]

    def _centred(self, image: Image, keypoints: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        """The box around a face whose ``keypoints`` were found through another box, perhaps well beside it."""
        head = None if keypoints is None else keypoint_head(keypoints)
        if head is None:
            return None
        again = self._keypoints.find(image, keypoint_box(head))
        return keypoint_box((None if again is None else keypoint_head(again)) or head)

    def glance(self, shot: Shot, frame: Frame, box: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The small grey picture around ``box`` (plate pixels), where nobody was found."""
        width, height = frame.size
        origin = np.array(frame.origin, np.float32)
        x0, y0, x1, y1 = (box - np.tile(origin, 2)).astype(float)
        side = max(x1 - x0, y1 - y0)
        left, right = _span(x0 - side, x1 + side, width)
        top, bottom = _span(y0 - side, y1 + side, height)
        small = _close_up(right - left, bottom - top, side)
        image = _small(shot, frame.rgb[top:bottom, left:right], *small)
        scale = np.array([(right - left) / small[0], (bottom - top) / small[1]], np.float32)
        return _grey_look(image, box, scale, np.array([left, top], np.float32) + origin)


def overviews(shot: Shot, analyser: Analyser, numbers: Sequence[int]) -> Generator[tuple[Frame, Image], None, None]:
    """Frames of the plate with what the detector is to see of them, both made beside the consumer."""
    with closing(shot.frames(numbers)) as frames, ThreadPoolExecutor(1, "overview") as pool:
        waiting: tuple[Frame, Future[Image]] | None = None
        for frame in frames:
            coming = frame, pool.submit(analyser.overview, shot, frame)
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = coming
        if waiting is not None:
            yield waiting[0], waiting[1].result()


def _small(shot: Shot, rgb: NDArray[Any], width: int, height: int) -> Image:
    """Plate colours (H, W, 3) as networks see them, ``width`` x ``height``, without broken pixels.

    They are looked for in the small picture, where one of them still is one: in a large one it takes far longer.
    """
    return shot.picture(shot.sound(_reduced(rgb, width, height)))


def _reduced(rgb: NDArray[Any], width: int, height: int) -> NDArray[np.float32]:
    rgb = as_float(rgb)
    if rgb.shape[:2] == (height, width):
        return rgb
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _close_up(width: int, height: int, side: float) -> tuple[int, int]:
    """The size at which a region of the plate shows the face in it, ``side`` plate pixels large, no larger than needed."""
    factor = max(1.0, side / CLOSE_UP)
    return max(1, round(width / factor)), max(1, round(height / factor))


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    start = int(np.clip(np.floor(low), 0, length - 1))
    return start, int(np.clip(np.ceil(high), start + 1, length))


def _grey_look(
    image: Image, box: NDArray[np.float32], scale: NDArray[np.float32], shift: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """The small picture around ``box`` (plate pixels) from ``image``, whose pixels are ``scale`` plate pixels large."""
    to_look = look_matrix(box)
    matrix = np.column_stack([to_look[:, :2] * scale, to_look[:, :2] @ shift + to_look[:, 2]])
    return look(np.asarray(cv2.transform(image, _LUMA[None]), np.uint8), matrix, LOOK)


def _moved(face: Detection, scale: NDArray[np.float32], shift: NDArray[np.float32]) -> Detection:
    points = None if face.points is None else (face.points * scale + shift).astype(np.float32)
    return Detection((face.box * np.tile(scale, 2) + np.tile(shift, 2)).astype(np.float32), face.score, points)


def _marks_moved(marks: Landmarks, scale: NDArray[np.float32], shift: NDArray[np.float32]) -> Landmarks:
    dense = None if marks.dense is None else (marks.dense * scale + shift).astype(np.float32)
    return Landmarks((marks.points68 * scale + shift).astype(np.float32), dense, marks.score)
