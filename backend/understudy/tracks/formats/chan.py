"""Head poses as .chan, the text of Nuke, Houdini and Blender for a thing that moves: an axis before a camera.

A line is ``frame tx ty tz rx ry rz fov``. The camera stands at the world's origin and looks along -z, y up; its vertical
field of view is the last column, in degrees, and its optical axis meets the plate's centre. Rotations are degrees in Nuke's
default order ZXY: about z first, then x, then y. Lengths are metres: a mean-face unit is taken for ``METRES``, so that the
head stands as far away as a grown-up's; with another unit everything scales together and the picture stays the same.
The axis carries the mean head (face/geometry.HEAD_68) with y and z negated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from understudy.errors import UnreadableError, UsageError
from understudy.face.geometry import Camera, Head
from understudy.tracks.formats.values import array_of
from understudy.tracks.formats.values import number as number_of
from understudy.tracks.track import Followed, Track

METRES = 0.112
"""Metres in a mean-face unit: the mean of the project's own synthetic people."""

_LAST = 1 << 53  # frame

FLIP = np.diag([1.0, -1.0, -1.0])
"""Image axes (y down, z away) to those of a camera that looks along -z (y up, z near), and back."""


@dataclass(frozen=True)
class Lens:
    """What turns plate pixels into angles."""

    focal: float  # plate pixels
    width: int  # plate pixels
    height: int

    @property
    def fov(self) -> float:
        """Vertical field of view in degrees."""
        return float(2 * np.degrees(np.arctan2(self.height / 2, self.focal)))

    @property
    def camera(self) -> Camera:
        return Camera(self.focal, (self.width / 2, self.height / 2))


def focal_of(lens: float, width: int) -> float:
    """The focal length in plate pixels of a ``lens`` in mm on a 36 mm wide sensor, for a plate ``width`` pixels wide."""
    return lens / 36 * width


def known_focal(track: Track, face: Followed, focal: float | None) -> float:
    """The focal length in plate pixels behind which ``face`` was solved, else ``focal``. Raises UsageError without one."""
    known = face.head.camera.focal if face.head.camera else focal
    if known is None:
        raise UsageError(
            f"Frame {face.frame} of track {track.number} was solved without a camera.", "Give the focal length: --lens."
        )
    return known


def track_to_chan(track: Track, width: int, height: int, focal: float | None = None) -> str:
    """The head of ``track`` on a plate of ``width`` x ``height`` pixels as .chan.

    ``focal`` (plate pixels) is for heads that were solved without a camera: these are placed as if far away, so that the
    picture agrees at the head's origin and up to perspective elsewhere. A principal point beside the plate's centre
    cannot be told in .chan: the heads keep their place in the picture. Raises :class:`UsageError` without a focal length.
    """
    lines = []
    for face in track.frames.values():
        lens = Lens(known_focal(track, face, focal), width, height)
        place, turn = stand(face.head, lens.camera)
        angles = Rotation.from_matrix(turn).as_euler("zxy", degrees=True)[[1, 2, 0]]
        lines.append(" ".join([f"{face.frame}", *(f"{value:.9g}" for value in (*place, *angles, lens.fov))]))
    return "\n".join(lines) + "\n"


def heads_from_chan(
    text: str, width: int, height: int, focal: float | None = None, name: str = "the .chan"
) -> Mapping[int, Head]:
    """Read :func:`track_to_chan`, or another program's track of the same axis: heads by frame.

    ``focal`` goes before the file's field of view. Raises :class:`UnreadableError` that names the line, and UsageError
    when neither tells the focal length.
    """
    heads: dict[int, Head] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = re.split(r"[\s,]+", line.strip())
        if words == [""] or words[0].startswith("#"):
            continue
        try:
            frame, (tx, ty, tz, rx, ry, rz, *fov) = float(words[0]), map(float, words[1:])
            array_of([tx, ty, tz, rx, ry, rz, *fov], (6 + len(fov),), np.float64)
            if len(fov) > 1 or not frame.is_integer() or abs(frame) > _LAST:
                raise ValueError
        except ValueError:
            raise UnreadableError(
                f"Line {number} of {name} is wrong: it is not frame, tx, ty, tz, rx, ry, rz and perhaps the view.",
                "Correct the line.",
            ) from None
        if tz >= 0:
            raise UnreadableError(
                f"Line {number} of {name} has the head behind the camera (tz {tz:g}).",
                "The camera stands at the origin and looks along -z.",
            )
        at = int(frame)
        if at in heads:
            raise UnreadableError(f"Line {number} of {name} has frame {at} once more.", "Keep one of the lines.")
        if focal is None and (not fov or not 0 < fov[0] < 180):
            raise UsageError(f"Line {number} of {name} tells no field of view.", "Give the focal length: --lens.")
        try:
            known = (
                focal if focal is not None else number_of(height / 2 / math.tan(math.radians(fov[0]) / 2), 1e-3, 1e12)
            )
            scale = number_of(known * METRES / -tz, 1e-3)
        except (ValueError, ZeroDivisionError):
            raise UnreadableError(
                f"Line {number} of {name} has the head at {-tz:g} m, where no lens shows it.", "Correct the line."
            ) from None
        turn = Rotation.from_euler("zxy", [rz, rx, ry], degrees=True).as_matrix()
        camera = Lens(known, width, height).camera
        offset = np.array(camera.centre) + known * np.array([tx, -ty]) / -tz
        heads[at] = Head(scale, FLIP @ turn @ FLIP, offset, 0.0, camera)
    if not heads:
        raise UnreadableError(f"{name} holds no frames.", "Export the track again.")
    return dict(sorted(heads.items()))


def stand(head: Head, camera: Camera) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Place (3,) in metres and rotation (3, 3) of ``head`` before ``camera`` at the origin, y up, looking along -z.

    A head that was solved without a camera is placed so that its origin is seen where it was.
    """
    away = camera.focal * METRES / head.scale
    x, y = (np.asarray(head.offset, np.float64) - camera.centre) * away / camera.focal
    return np.array([x, -y, -away]), FLIP @ np.asarray(head.rotation, np.float64) @ FLIP
