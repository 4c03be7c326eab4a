"""A plate's frame turned into faces: what extraction, conversion and measurement share."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.errors import UnreadableError, UsageError
from understudy.events import Events
from understudy.face.appearance import appearance
from understudy.face.detect import Survey, survey
from understudy.face.exposure import evenly_exposed
from understudy.face.geometry import SQUARE, Camera, Stretch
from understudy.face.halves import HALF_MAX, as_float
from understudy.face.keypoints import KeypointFinder, keypoint_box, keypoint_head
from understudy.face.look import look, tilt_of
from understudy.face.registry import build_detector, build_landmarker, build_recogniser
from understudy.face.resample import coverage, footprint, warp
from understudy.face.roles import Card, Detection, Detector, Image, Landmarker, Landmarks, Recogniser
from understudy.plate.colour import ColourManager, InputSpace
from understudy.plate.defects import without_defects
from understudy.plate.frame import Frame, Header
from understudy.plate.reader import odd_one_out, probe, read_frame, read_frames
from understudy.plate.sequence import Plate, open_plate
from understudy.plate.square import MOST, squared, squared_header, stretch_of
from understudy.settings import AnalysisOptions, DetectionOptions, PictureOptions, PlateOptions
from understudy.stages.stopwatch import Stopwatch
from understudy.tracks.observed import LOOK, look_matrix

CLOSE_UP = 256
"""Largest side of a face's box, in pixels, at which the landmarker is shown it: more than it looks at."""

LENS = 72.0
"""Focal length in mm, for a 36 mm wide sensor, that is taken where neither file nor setting knows: a usual close-up."""

_SHADE = 0.36  # sides of a face's box: light and shade as broad as that is taken out for a second look
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Shot:
    """A plate and its colours."""

    plate: Plate
    header: Header  # of the first frame
    colour: ColourManager
    space: InputSpace

    @property
    def key(self) -> str:
        """The plate's absolute pattern: what facesets know it by, wherever a command was started."""
        return Path(self.plate.pattern).resolve().as_posix()

    @property
    def working_id(self) -> str:
        """The working space's colorInteropID, or its name where it has none."""
        return self.colour.interop_id_of(self.colour.working) or self.colour.working

    @property
    def written_space(self) -> str:
        """The space of what is written: the plate's own where that is scene-linear, else the working space."""
        return self.space.name if self.space.scene_linear else self.colour.working

    @property
    def written_id(self) -> str | None:
        """The colorInteropID of :attr:`written_space`, where it has one."""
        return self.space.interop_id if self.space.scene_linear else self.colour.interop_id_of(self.colour.working)

    @property
    def stretch(self) -> Stretch:
        """What takes the plate's pixels to the square ones in which faces are looked at."""
        return stretch_of(self.header.pixel_aspect)

    @property
    def square(self) -> Header:
        """The header with square pixels."""
        return squared_header(self.header, self.stretch)

    def read(self, number: int) -> Frame:
        """Frame ``number`` with square pixels. Raises as :func:`read_frame`."""
        return self._in_square(read_frame(self.plate, number))

    def frames(self, numbers: Sequence[int]) -> Generator[Frame, None, None]:
        """The frames of these ``numbers`` with square pixels. Raises as :func:`read_frames`."""
        with closing(read_frames(self.plate, numbers)) as frames:
            for frame in frames:
                yield self._in_square(frame)

    def _in_square(self, frame: Frame) -> Frame:
        if self.stretch == SQUARE:
            return frame
        # A broken pixel is known by its hard edge, which interpolation takes away.
        sound = squared(replace(frame, rgb=self.sound(frame.rgb)), self.stretch)
        return replace(sound, stored=frame)

    def camera(self, lens: float | None) -> Camera:
        """The camera of a ``lens`` in mm on a 36 mm wide sensor; None takes the file's, else a usual one.

        Its numbers are square pixels.
        """
        window = self.square.display
        said = self.header.attributes.get("Exif:FocalLengthIn35mmFilm") or self.header.attributes.get("focalLength")
        known = lens or (float(said) if isinstance(said, int | float) and said > 0 else LENS)
        return Camera(known / 36.0 * window.width, (window.width / 2, window.height / 2))

    def written(self, frame: Frame) -> NDArray[np.floating[Any]]:
        """The frame's colours (H, W, 3), half or float, as a composite keeps them: in :attr:`written_space`, and
        multiplied by their alpha.
        """
        rgb = frame.rgb if self.space.scene_linear else self.working(frame.rgb)
        if frame.header.straight_alpha and frame.alpha is not None:
            rgb = rgb * as_float(frame.alpha)[..., None]
        if self.space.scene_linear:
            return rgb.astype(frame.rgb.dtype, copy=False)
        return rgb.astype(np.float16 if frame.header.dtype == "half" else np.float32)

    def sound(self, rgb: NDArray[Any]) -> NDArray[Any]:
        """Plate colours (H, W, 3) without broken pixels (plate/defects.py): what is measured and made is made of these.

        They are themselves where nothing is broken. A display-encoded plate is left as it is: it holds no more than white.
        """
        if not self.space.scene_linear:
            return rgb
        seen = as_float(rgb)
        sound = without_defects(seen)
        return rgb if sound is seen else sound

    def sound_within(self, rgb: NDArray[Any], part: tuple[slice, slice]) -> NDArray[Any]:
        """As :meth:`sound`, of a ``part`` of the picture alone; the rest is left as it is."""
        seen = rgb[part]
        sound = self.sound(seen)
        if sound is seen:
            return rgb
        whole = np.array(rgb, sound.dtype)
        whole[part] = sound
        return whole

    def working(self, rgb: NDArray[Any]) -> NDArray[np.float32]:
        """Plate colours (H, W, 3) in the working space, float32."""
        return self.colour.to_working(rgb, self.space.name)

    def picture(self, rgb: NDArray[Any]) -> Image:
        """Plate colours (H, W, 3) as networks see them: display-encoded uint8 RGB."""
        if self.space.interop_id == "srgb_rec709_scene":  # is display-encoded already; OCIO there and back is slow
            display = np.clip(np.nan_to_num(rgb), 0.0, 1.0)
        else:
            display = self.colour.to_display(self.working(rgb))
        return np.asarray(np.rint(display * 255.0), np.uint8)


def prepare_frame(options: PictureOptions, frame: int, events: Events, colour: ColourManager | None = None) -> Shot:
    """The plate's one ``frame``: see :func:`prepare`."""
    pictures = {name: getattr(options, name) for name in PictureOptions.model_fields}
    return prepare(PlateOptions(**pictures, frames=str(frame)), events, colour)


def prepare(options: PlateOptions, events: Events, colour: ColourManager | None = None, *, mixed: bool = False) -> Shot:
    """Find the plate and decide its colour space, and say which, and what else its file says.

    ``colour`` is the configuration that the options name, where it is loaded already. A frame of another size than the
    first is an error, and with ``mixed`` a note.
    Raises MissingInputError, UnreadableError, UsageError and ColourError.
    """
    found = open_plate(options.plate, options.frames, options.missing)
    if found.kind == "movie" and (options.layer or options.view):
        raise UsageError(f"{found.pattern} is a movie, which has no layers and views.", "Leave --layer and --view out.")
    plate = replace(found, layer=options.layer, view=options.view)
    header = probe(plate)
    colour = colour or ColourManager.discover(options.ocio)
    space = colour.input_space(plate, header, options.colour_space)
    events.note(
        f"Colour of {Path(plate.pattern).name}: {space.name} ({space.reason}); "
        f"working space {colour.working} of {colour.config} ({colour.source})."
    )
    for note in header.notes:
        events.note(f"{Path(plate.pattern).name}: {note}")
    _tell_aspect(plate, header, events)
    if (odd := odd_one_out(plate, header)) is not None:
        if not mixed:
            raise UnreadableError(odd, "Copy or render it again, or leave it out of --frames.")
        header = replace(header, notes=(*header.notes, odd))
        events.note(odd)
    return Shot(plate, header, colour, space)


def _tell_aspect(plate: Plate, header: Header, events: Events) -> None:
    aspect, name = header.pixel_aspect, Path(plate.pattern).name
    if stretch_of(aspect) != SQUARE:
        events.note(f"{name}: its pixels are {aspect:.4g} times as wide as high; faces are looked at in square ones.")
    elif not 1 / MOST <= aspect <= MOST:
        events.note(f"{name}: its pixel aspect of {aspect:.4g} is none that a picture has, and is not used.")


@dataclass(frozen=True, eq=False)
class Seen:
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
    def cards(self) -> dict[str, Card]:
        """Role to the card of what fills it."""
        parts = (self._detector, self._landmarker, self._recogniser, self._keypoints)
        return {part.card.role: part.card for part in parts if part is not None}

    def overview(self, shot: Shot, frame: Frame) -> Image:
        """The whole frame for the detector, reduced as far as it would reduce it anyway. May run in any thread."""
        width, height = frame.size
        factor = max(1, int(self._minimum / self._detector.smallest))
        return _small(shot, frame.rgb, max(1, width // factor), max(1, height // factor))

    def survey(self, frame: Frame, overview: Image) -> Survey:
        """What the detector shows on ``frame`` and what became of each box, in pixels of its ``overview``."""
        width, height = frame.size
        scale = max(width / overview.shape[1], height / overview.shape[0])
        return survey(self._detector, overview, minimum=self._minimum / scale)

    def analyse(self, shot: Shot, frame: Frame, overview: Image, watch: Stopwatch | None = None) -> list[Seen]:
        """Everybody on ``frame`` whose box is no smaller than the settings allow, left to right."""
        watch = watch or Stopwatch()
        width, height = frame.size
        scale = np.array([width / overview.shape[1], height / overview.shape[0]], np.float32)
        with watch.part("networks"):
            found = self.survey(frame, overview).faces
        origin = np.array(frame.origin, np.float32)
        return [self.look_closely(shot, frame, _moved(face, scale, origin), watch) for face in found]

    def look_closely(self, shot: Shot, frame: Frame, placed: Detection, watch: Stopwatch | None = None) -> Seen:
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
        return Seen(placed, marks, identity, points, picture, colours)

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


def cut(shot: Shot, frame: Frame, matrix: NDArray[np.float64], size: int) -> NDArray[np.float16]:
    """The crop under ``matrix`` (2, 3: plate pixels -> crop pixels) from the plate's own float pixels.

    Returns (size, size, 4) float16, RGB in the working space (resampled in linear light), A the share of each pixel
    that lies inside the plate's data window.
    """
    within = _after_shift(matrix, frame.origin)
    return np.dstack([cut_colours(shot, frame, within, size), coverage(*frame.size, within, size)]).astype(np.float16)


def cut_colours(shot: Shot, frame: Frame, matrix: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """The colours under ``matrix`` (2, 3: pixels of the frame's array -> crop pixels), resampled in linear light.

    Returns (size, size, 3) float32 in the working space, finite, and held to half floats: what is brighter could
    overflow on its way to a network.
    """
    left, top, right, bottom = footprint(matrix, size, *frame.size)
    region = shot.sound(frame.rgb[top:bottom, left:right])
    to_crop = _after_shift(matrix, (left, top))
    # A matrix of colours can wait until the crop is small; a curve cannot.
    linear = shot.space.scene_linear
    rgb = shot.working(warp(region, to_crop, size)) if linear else warp(shot.working(region), to_crop, size)
    return np.clip(np.nan_to_num(rgb), -HALF_MAX, HALF_MAX)


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


def _after_shift(matrix: NDArray[np.float64], shift: tuple[int, int]) -> NDArray[np.float64]:
    """The matrix for coordinates that are measured from ``shift``."""
    moved = np.array(matrix, np.float64)
    moved[:, 2] += moved[:, :2] @ np.array(shift, np.float64)
    return moved


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
