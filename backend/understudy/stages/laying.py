"""One shot's faces on their way from plate to plate: cut out, matched, laid back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from understudy import __version__
from understudy.convert.colour_match import matched
from understudy.convert.layers import compose
from understudy.convert.limits import Limits
from understudy.convert.place import Placed, place, region_of
from understudy.convert.predict import Prediction, Predictor
from understudy.errors import OutOfMemoryError
from understudy.face.geometry import Head, apply, crop_kind, crop_matrix, invert, scale_of
from understudy.face.hands import HandFinder, hand_mask
from understudy.face.hull import eye_mask, face_mask
from understudy.face.look import square
from understudy.face.resample import coverage, warp
from understudy.faceset.aligned import evenly, load_aligned
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.matte.edge import soft_matte
from understudy.model.encoding import encode
from understudy.model.likeness import Likeness
from understudy.model.network import SwapNetwork
from understudy.model.presentation import Light, measure_light
from understudy.model.store import Card
from understudy.plate.frame import Frame
from understudy.plate.layers import Layer
from understudy.settings import ConversionOptions
from understudy.stages.analysis import HALF_MAX, Shot

MEASURED_FACES = 128
"""Faces, spread evenly over the shot, on which its light is measured."""

HAND_FIELD, HAND_PIXELS = 5.0, 384
"""Side of the square around the head in which hands are looked for: in mean-face units, and in pixels."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """A face cut out of its frame, at the model's resolution R."""

    face: Face
    matrix: NDArray[np.float64]  # (2, 3) pixels of the frame's array -> crop pixels
    crop: NDArray[np.float32]  # (R, R, 3) scene-linear working space
    hull: NDArray[np.float32]  # (R, R) the face's outline
    visible: NDArray[np.float32]  # (R, R) the same where the frame has pixels: what the network is shown
    hidden: NDArray[np.float32]  # (R, R) what stands before the face
    eyes: NDArray[np.float32]  # (R, R) eyes and brows: no skin that shows the plate's light


class ShotConverter:
    """What stays the same over a shot: the model, the plate's light, what finds hands. Set once, then fed frames.

    Aligning and predicting depend on nothing but what is given here and on the frame; the options of :meth:`lay` may
    change from call to call.
    """

    def __init__(
        self,
        shot: Shot,
        network: SwapNetwork,
        card: Card,
        faceset: Faceset,
        faces: Sequence[Face],
        *,
        occlusion: Literal["hands", "none"],
        batch: int,
        likeness: Likeness,
    ) -> None:
        """``faces`` of ``faceset`` are the shot's, in order; its light is measured on them. ``batch`` faces a pass."""
        self._shot = shot
        self.attributes: dict[str, str | int | float] = {
            "version": __version__,
            "model_steps": card.steps,
            "plate": Path(shot.plate.pattern).name,
            "colour_space": shot.written_space,
        }
        """What made a picture, for its header."""
        self._size, self._kind = card.architecture.resolution, crop_kind(card.crop)
        sample = load_aligned(faceset, evenly(faces, MEASURED_FACES), self._size)
        codes = encode(torch.from_numpy(sample.rgb).permute(0, 3, 1, 2).float())
        self._plate_light = measure_light(codes, torch.from_numpy(sample.mask)[:, None].float())
        self._source_light = Light.from_json(card.source_light)
        self._predictor = Predictor(network, self._plate_light, batch, likeness)
        self._hands = HandFinder() if occlusion == "hands" else None

    def align(self, frame: Frame, face: Face) -> Aligned:
        """Cut ``face`` out of its frame."""
        matrix = crop_matrix(face.head, self._kind, self._size)
        hull = face_mask(face.landmarks, matrix, self._size)
        hidden = self._hidden(frame, face.head, matrix)
        eyes = eye_mask(face.landmarks, matrix, self._size)
        in_array = _from_array(matrix, frame)
        # Held to half floats like the crops of a faceset: what is brighter could overflow on its way to the network.
        crop = np.clip(self._shot.working(warp(frame.rgb, in_array, self._size)), -HALF_MAX, HALF_MAX)
        visible = hull * coverage(*frame.size, in_array, self._size)
        return Aligned(face, in_array, crop, hull, visible, hidden, eyes)

    def predict(self, faces: Sequence[Aligned]) -> list[Prediction]:
        """The new faces for ``faces``, in batches. Raises OutOfMemoryError."""
        if not faces:
            return []
        try:
            return self._predictor.predict(
                np.stack([face.crop for face in faces]), np.stack([face.visible for face in faces])
            )
        except torch.OutOfMemoryError:
            raise OutOfMemoryError(
                "Conversion does not fit into the memory of its device.", "Lower --convert-batch."
            ) from None

    def lay(
        self, frame: Frame, face: tuple[Aligned, Prediction] | None, options: ConversionOptions, limits: Limits
    ) -> list[Layer]:
        """All layers of ``frame``, the composite first; without a ``face`` that is the plate, and the others are black.

        Of ``options`` count those that say how a face is laid: matte, edges, colour, opacity.
        """
        placed = None if face is None else self._placed(frame, *face, options, limits)
        confidence = 0.0 if face is None else face[0].face.confidence
        return compose(self._shot.written(frame), frame.alpha, placed, confidence)

    def _placed(
        self, frame: Frame, face: Aligned, prediction: Prediction, options: ConversionOptions, limits: Limits
    ) -> Placed | None:
        """The prediction matched to the plate, in its place; None when it lies outside the frame altogether."""
        region = region_of(face.matrix, self._size, *frame.size)
        if region is None:
            return None
        match = options.colour_match == "shot"
        hidden = np.maximum(face.hidden, limits.hidden(face.matrix, self._size))
        swap = matched(
            prediction,
            self._plate_light if match else self._source_light,
            torch.from_numpy(np.maximum(hidden, face.eyes))[None],
            relight=options.relight if match else 0.0,
            reach=options.relight_reach,
        )
        raw = self._source_light.restore(prediction.swap[None])[0]
        matte = self._matte(prediction, face, options) * (1 - face.hidden)
        placed = place(swap, raw, matte, torch.from_numpy(face.hidden)[None], face.matrix, region)
        placed = limits.limit(replace(placed, matte=placed.matte * np.float32(options.opacity)))
        if not self._shot.space.scene_linear:
            return placed  # the composite is in the working space
        colour, space = self._shot.colour, self._shot.space.name
        return replace(placed, swap=colour.from_working(placed.swap, space), raw=colour.from_working(placed.raw, space))

    def _matte(self, prediction: Prediction, face: Aligned, options: ConversionOptions) -> NDArray[np.float32]:
        learned = prediction.mask[0].numpy()
        mask = {"learned": learned, "hull": face.hull, "both": np.minimum(face.hull, learned)}[options.matte]
        return soft_matte(mask, erode=options.erode * scale_of(face.matrix), feather=options.feather * self._size)

    def _hidden(self, frame: Frame, head: Head, matrix: NDArray[np.float64]) -> NDArray[np.float32]:
        """Hands before the face, seen through ``matrix`` (plate -> crop pixels): (R, R) in 0..1."""
        if self._hands is None:
            return np.zeros((self._size, self._size), np.float32)
        around = square(head.offset, HAND_FIELD * head.scale, 0.0, HAND_PIXELS)
        picture = self._shot.picture(warp(frame.rgb, _from_array(around, frame), HAND_PIXELS))
        hands = [apply(invert(around), hand) for hand in self._hands.find(picture)]
        return hand_mask(hands, matrix, self._size)


def _from_array(matrix: NDArray[Any], frame: Frame) -> NDArray[np.float64]:
    """A matrix from plate pixels as one from the pixels of ``frame``'s array, which may start elsewhere."""
    moved = np.array(matrix, np.float64)
    moved[:, 2] += moved[:, :2] @ np.array(frame.origin, np.float64)
    return moved
