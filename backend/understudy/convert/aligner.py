"""Faces cut out of their frames, and the new faces that a network paints for them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from understudy.convert.other_people import Before
from understudy.extraction.cut_crop import cut_colours
from understudy.extraction.shot import Shot
from understudy.face.geometry import CropKind, crop_matrix
from understudy.face.hands import HandFinder, hand_mask, is_profile
from understudy.face.hull import eye_mask, face_mask, face_outline
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.affine import apply, invert
from understudy.imaging.crop import square
from understudy.imaging.resample import coverage, footprint, glance, warp
from understudy.plate.frame import Frame

HAND_FIELD, HAND_PIXELS = 5.0, 384
"""Side of the square around the head in which hands are looked for: in mean-face units, and in pixels."""


@dataclass(frozen=True, eq=False)
class Located:
    """A face as it is found in its frame, in a crop of R x R."""

    face: Face
    matrix: NDArray[np.float64]  # (2, 3) pixels of the frame's array -> crop pixels
    hull: NDArray[np.float32]  # (R, R) the face's outline
    hands: Future[NDArray[np.float32]]

    @property
    def hidden(self) -> NDArray[np.float32]:
        """(R, R) what stands before the face: waits for what finds it."""
        return self.hands.result()


@dataclass(frozen=True, eq=False)
class Aligned(Located):
    """A face cut out of its frame, at the model's resolution R."""

    crop: NDArray[np.float32]  # (R, R, 3) scene-linear working space
    visible: NDArray[np.float32]  # (R, R) the hull where the frame has pixels: what the network is shown
    eyes: NDArray[np.float32]  # (R, R) eyes and brows: no skin that shows the plate's light


class Aligner:
    """Finds a shot's faces, and cuts them out for a model of one size: set once, then given frames."""

    def __init__(
        self, shot: Shot, kind: CropKind, size: int, occlusion: Literal["hands", "none"],
        before: Before | None = None,
    ) -> None:  # fmt: skip
        """``before`` is who else stands before the faces."""
        self._shot, self._kind, self.size, self._before = shot, kind, size, before or {}
        self._hands = HandFinder() if occlusion == "hands" else None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="hands")

    def locate(self, frame: Frame, face: Face) -> Located:
        """``face`` in its frame. Hands before it are still looked for when this returns: nothing needs them yet."""
        matrix = crop_matrix(face.head, self._kind, self.size)
        hands = self._beside.submit(self._hidden, frame, face, matrix)
        return Located(face, from_array(matrix, frame), face_mask(face.landmarks, matrix, self.size), hands)

    def align(self, frame: Frame, face: Face) -> Aligned:
        """Cut ``face`` out of its frame; see :meth:`locate`."""
        found, size = self.locate(frame, face), self.size
        crop = cut_colours(self._shot, frame, found.matrix, size)
        visible = found.hull * coverage(*frame.size, found.matrix, size)
        eyes = eye_mask(face.landmarks, crop_matrix(face.head, self._kind, size), size)
        return Aligned(face, found.matrix, found.hull, found.hands, crop, visible, eyes)

    def _hidden(self, frame: Frame, face: Face, matrix: NDArray[np.float64]) -> NDArray[np.float32]:
        """Hands and people before the face, seen through ``matrix`` (plate -> crop pixels): (R, R) in 0..1."""
        hands = self._hands_before(frame, face, matrix)
        before = self._before.get(face.frame)
        return hands if before is None else np.maximum(hands, before.mask(matrix, self.size))

    def _hands_before(self, frame: Frame, face: Face, matrix: NDArray[np.float64]) -> NDArray[np.float32]:
        if self._hands is None:
            return np.zeros((self.size, self.size), np.float32)
        around = square(face.head.offset, HAND_FIELD * face.head.scale, 0.0, HAND_PIXELS)
        within = from_array(around, frame)
        left, top, right, bottom = footprint(within, HAND_PIXELS, *frame.size)
        sound = self._shot.sound_within(frame.rgb, (slice(top, bottom), slice(left, right)))
        picture = self._shot.picture(glance(sound, within, HAND_PIXELS))
        hands = [apply(invert(around), hand) for hand in self._hands.find(picture)]
        outline, yaw = face_outline(apply(matrix, face.landmarks)), face.head.angles[0]
        before = [hand for hand in hands if not is_profile(apply(matrix, hand), outline, yaw)]
        return hand_mask(before, matrix, self.size)


@dataclass(frozen=True, eq=False)
class Stored:
    """A face as its faceset holds it, seen as a model of resolution R sees it."""

    rgb: NDArray[np.float32]  # (R, R, 3) scene-linear working space
    hull: NDArray[np.float32]  # (R, R) the face's outline where the crop has pixels
    matrix: NDArray[np.float64]  # (2, 3) plate pixels -> these


def as_aligned(faceset: Faceset, face: Face, kind: CropKind, size: int) -> Stored:
    """``face`` of ``faceset`` in a crop of another ``kind`` and ``size`` than it may be stored in.

    Where the stored crop holds less of the head its edge repeats; a face itself is in every kind of crop.
    """
    pixels = faceset.read_sound(face)
    matrix = crop_matrix(face.head, kind, size)
    back = invert(face.matrix)
    within = np.column_stack([matrix[:, :2] @ back[:, :2], matrix[:, :2] @ back[:, 2] + matrix[:, 2]])
    seen = warp(pixels, within, size)
    inside = np.clip(seen[..., 3], 0, 1) * coverage(face.crop_size, face.crop_size, within, size)
    return Stored(seen[..., :3], face_mask(face.landmarks, matrix, size) * inside, matrix)


def from_array(matrix: NDArray[Any], frame: Frame) -> NDArray[np.float64]:
    """A matrix from plate pixels as one from the pixels of ``frame``'s array, which may start elsewhere."""
    moved = np.array(matrix, np.float64)
    moved[:, 2] += moved[:, :2] @ np.array(frame.origin, np.float64)
    return moved


Morphs = Callable[[int], float]
"""By frame: how far a face goes towards the new one."""
