"""What a conversion measures once of a plate, on the same faces and frames whichever frames are rendered and by what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from understudy.convert.aligner import from_array
from understudy.convert.finish.grain import Grain
from understudy.convert.finish.grain_measure import measure_grain
from understudy.convert.finish.sharpness import Sharpness, measure_sharpness, smooth_over_time
from understudy.errors import MissingInputError
from understudy.extraction.shot import Shot
from understudy.face.geometry import crop_matrix
from understudy.face.hull import face_mask
from understudy.faceset.aligned import evenly
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.affine import scale_of
from understudy.imaging.resample import footprint

SHARPNESS_FACES = 128
"""Faces, spread evenly over the shot, on which its sharpness is measured."""

GRAIN_FRAMES = 4


class PlateMeasures:
    """The grain and the sharpness of the plate around one person's face; each is measured when it is first asked for."""

    def __init__(self, shot: Shot, faceset: Faceset, faces: Mapping[int, Face], size: int) -> None:
        """``faces`` of ``faceset`` by frame are all of the person's; grain is looked for in what a crop of ``size`` shows."""
        self._shot, self._faceset, self._faces, self._size = shot, faceset, faces, size

    @cached_property
    def grain(self) -> Grain:
        """The plate's grain around the face, in the space that is written. Frames that are not there do not count.

        That is the plate's own where it can be: in mixtures of its channels grain has no law by their light alone.
        """
        pictures = []
        for face in evenly(list(self._faces.values()), GRAIN_FRAMES):
            try:
                frame = self._shot.read(face.frame)
            except MissingInputError:
                continue
            within = from_array(crop_matrix(face.head, "head", self._size), frame)
            left, top, right, bottom = footprint(within, self._size, *frame.size)
            pictures.append(self._shot.written(replace(frame, rgb=frame.rgb[top:bottom, left:right], alpha=None)))
        return measure_grain(pictures)

    @cached_property
    def plate_sharpness(self) -> dict[int, Sharpness]:
        """By frame, smoothed over the shot: the sharpness of the face in the plate, in plate pixels."""
        measures = {}
        for face in evenly(list(self._faces.values()), SHARPNESS_FACES):
            pixels = self._faceset.read_sound(face).astype(np.float32)
            hull = face_mask(face.landmarks, face.matrix, face.crop_size) * np.clip(pixels[..., 3], 0, 1)
            if (measure := measure_sharpness(pixels[..., :3], hull)) is not None:
                measures[face.frame] = measure.in_pixels(1 / scale_of(face.matrix))
        return smooth_over_time(measures)

    def wanted_sharpness(self, frame: int) -> Sharpness | None:
        """The plate's sharpness at ``frame``, or at the nearest frame that was measured."""
        measures = self.plate_sharpness
        return measures[min(measures, key=lambda one: (abs(one - frame), one))] if measures else None
