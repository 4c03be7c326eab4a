"""A plate and its colours: what every look at a frame begins with."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import UnreadableError, UsageError
from understudy.events import Events
from understudy.face.geometry import Camera
from understudy.face.interfaces import Image
from understudy.imaging.affine import SQUARE, Stretch
from understudy.imaging.half import as_float
from understudy.plate.colour import ColourManager, InputSpace
from understudy.plate.defects import without_defects
from understudy.plate.frame import Frame, Header
from understudy.plate.reader import odd_one_out, probe, read_frame, read_frames
from understudy.plate.sequence import Plate, open_plate
from understudy.plate.square import MOST, squared, squared_header, stretch_of
from understudy.settings import PictureOptions, PlateOptions

LENS = 72.0
"""Focal length in mm, for a 36 mm wide sensor, that is taken where neither file nor setting knows: a usual close-up."""


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
