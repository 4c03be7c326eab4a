"""A face followed through a shot: what the solve gives to the faceset, to the artist and to other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import Head
from understudy.imaging.affine import SQUARE, Stretch

Origin = Literal["seen", "followed", "bridged", "given"]
"""Where a face's place comes from: its own landmarks, the pixels around it, its neighbours in time, or the artist."""


@dataclass(frozen=True, eq=False)
class Followed:
    """One face on one frame. Plate pixels, centres at +0.5, from the display window's top left corner."""

    frame: int
    box: NDArray[np.float32]  # (4,) x0 y0 x1 y1
    head: Head  # the final, smoothed rigid head
    landmarks: NDArray[np.float32]  # (68, 2) iBUG order: the final ones
    refined: NDArray[np.float32]  # (68, 2) as solved, before smoothing and the artist's corrections
    raw: NDArray[np.float32] | None  # (68, 2) as the landmarker gave them
    confidence: float  # 0..1
    origin: Origin
    eye_opening: NDArray[np.float32] | None = None
    """(2,) gap of the lids over the eye's width, of the person's right and left eye; not smoothed (tracks/openings.py)."""
    eye_trust: NDArray[np.float32] | None = None  # (2,) 0..1: how well each eye's opening was seen; the rest is filled
    gaze: NDArray[np.float32] | None = None
    """(2,) how far the irises are from the middle of the eyes, image right and down, in eye widths (tracks/gaze.py)."""
    mouth_opening: float | None = None  # gap of the inner lips over the width between their corners

    def rescaled(self, factors: Stretch, stretch: Stretch) -> Followed:
        """With pixels multiplied by ``factors``, which makes those that ``stretch`` makes square."""
        return replace(
            self,
            box=(self.box * np.tile(factors, 2)).astype(np.float32),
            landmarks=(self.landmarks * factors).astype(np.float32),
            refined=(self.refined * factors).astype(np.float32),
            raw=None if self.raw is None else (self.raw * factors).astype(np.float32),
            head=replace(self.head, stretch=stretch),
        )


@dataclass(frozen=True, eq=False)
class Track:
    """One person's face over a run of frames without a cut."""

    number: int
    frames: Mapping[int, Followed]  # by frame, in ascending order
    shape: NDArray[np.float64]  # (68, 3) the person's rigid head at rest, mean-face units


TRACKS = "tracks.json"
"""Name of the file inside a faceset that holds the solved tracks of its shot."""


@dataclass(frozen=True, eq=False)
class ShotTracks:
    """All that is known of the faces of one shot over time, as it is stored and exchanged."""

    plate: str  # printf pattern, or file, that the frames came from
    width: int  # plate pixels, of the display window
    height: int
    frames: tuple[int, ...]  # the shot's frames, ascending
    cuts: tuple[int, ...]  # frames that begin a new shot after a cut, ascending
    tracks: tuple[Track, ...]  # by number

    @property
    def stretch(self) -> Stretch:
        """What takes the plate's pixels to square ones."""
        return next((face.head.stretch for track in self.tracks for face in track.frames.values()), SQUARE)

    def in_square(self) -> ShotTracks:
        """The same shot with square pixels, as whoever wants to see it through a camera needs it."""
        x, y = self.stretch
        return self if (x, y) == SQUARE else self._rescaled((x, y), SQUARE)

    def in_plate(self, stretch: Stretch) -> ShotTracks:
        """This shot, which has square pixels, in those of a plate that ``stretch`` takes there."""
        return self if stretch == SQUARE else self._rescaled((1 / stretch[0], 1 / stretch[1]), stretch)

    def _rescaled(self, factors: Stretch, stretch: Stretch) -> ShotTracks:
        tracks = tuple(
            replace(one, frames={at: face.rescaled(factors, stretch) for at, face in one.frames.items()})
            for one in self.tracks
        )
        width, height = round(self.width * factors[0]), round(self.height * factors[1])
        return replace(self, width=width, height=height, tracks=tracks)
