"""New faces painted by a trained network: cut out, painted in a crop, matched in colour, laid back."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.convert.aligner import Aligned, Aligner, Morphs
from understudy.convert.animation import number_at
from understudy.convert.colour.relight import relit
from understudy.convert.colour_match import adjusted
from understudy.convert.face_renderer import FaceRegion
from understudy.convert.finish.sharpness import Sharpness
from understudy.convert.inverse_warp import Placer
from understudy.convert.matte.artist_mattes import FrameMattes
from understudy.convert.other_people import unhidden, who_is_before
from understudy.convert.predict import Prediction
from understudy.convert.shot_measures import ShotMeasures
from understudy.errors import ModelError, OutOfMemoryError
from understudy.extraction.shot import Shot
from understudy.face.geometry import CropKind, crop_kind
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.affine import apply, invert, scale_of
from understudy.imaging.region import region_of
from understudy.model.card import ModelCard
from understudy.model.log_curve import encode
from understudy.model.network import SwapNetwork
from understudy.model.normalisation import ColourStats
from understudy.model.paint_target import PaintTarget
from understudy.plate.frame import Frame
from understudy.settings import ConversionOptions


@dataclass(frozen=True, eq=False)
class PaintedFace(FaceRegion):
    """A face that a network painted in a crop."""

    aligned: Aligned
    prediction: Prediction
    placer: Placer  # of the new face
    painted: NDArray[np.float32]  # (R, R, 3) the new face as the network gave it, scene-linear working space

    def within(self, part: tuple[slice, slice]) -> Self:
        """The same over a part of the region, by rows and columns."""
        seen = super().within(part)
        return replace(seen, placer=self.placer.over(seen.region), painted=self.painted)


class NetworkRenderer:
    """What stays the same over a shot for one person: the model, the plate's light, what finds hands."""

    def __init__(
        self, shot: Shot, network: SwapNetwork, card: ModelCard, faceset: Faceset, faces: Mapping[int, Face],
        *, occlusion: Literal["hands", "none"], batch: int, person: str, morph: Any,
    ) -> None:  # fmt: skip
        """``faces`` of ``faceset`` by frame are all that the shot has of the person; ``batch`` faces a pass.

        ``morph`` is a number or keys. Raises UsageError where ``network`` cannot paint that.
        """
        if not card.source_light:
            raise ModelError("The model does not tell the light of its source.", "Train it on a source first.")
        self._morph: Morphs = partial(number_at, morph)
        self.crop: tuple[CropKind, int] = crop_kind(card.crop), card.architecture.resolution
        self.attributes: dict[str, str | int | float] = {"model_steps": card.steps}
        before = who_is_before(shot, faceset, faces)
        self._aligner = Aligner(shot, *self.crop, occlusion, before)
        self._measures = ShotMeasures(
            shot, faceset, unhidden(faces, before), network, ColourStats.from_json(card.source_light),
            kind=self.crop[0], batch=batch, likeness=PaintTarget(person, morphs=morph != 1.0), morph=self._morph,
        )  # fmt: skip
        self._luminance = shot.colour.luminance()

    def report(self) -> dict[str, Any]:
        """Nothing: the model tells of itself."""
        return {}

    def align(self, frame: Frame, face: Face) -> Aligned:
        """``face`` cut out of its frame."""
        return self._aligner.align(frame, face)

    def predict(self, faces: Sequence[Aligned]) -> list[Prediction]:
        """The new faces for ``faces``, in batches. Raises OutOfMemoryError."""
        if not faces:
            return []
        crops, windows = np.stack([face.crop for face in faces]), np.stack([face.visible for face in faces])
        morphs = [self._morph(face.face.frame) for face in faces]
        try:
            return self._measures.predictor.predict(crops, windows, morphs)
        except torch.OutOfMemoryError:
            raise OutOfMemoryError(
                "Conversion does not fit into the memory of its device.", "Lower --convert-batch."
            ) from None

    def pictures(
        self, frame: Frame, face: Aligned, prediction: Prediction, look: ConversionOptions, margin: int
    ) -> PaintedFace | None:
        """The new face as it was painted, and all masks, laid over where its crop lies and ``margin`` pixels around."""
        size = self.crop[1]
        moved = _moved(face.matrix, size, look)
        region = region_of((face.matrix, moved), size, *frame.size)
        if region is None:
            return None
        region = region.grown(margin, *frame.size)
        still = Placer(face.matrix, size, region)
        placer = still if moved is face.matrix else Placer(moved, size, region)
        painted = self._measures.painted(prediction)
        masks = [prediction.target_mask[0], torch.from_numpy(face.hull), torch.from_numpy(face.hidden)]
        if moved is face.matrix:
            source, target, hull, hidden = still.soft(torch.stack([prediction.source_mask[0], *masks]))
        else:
            (source,), (target, hull, hidden) = placer.soft(prediction.source_mask), still.soft(torch.stack(masks))
        return PaintedFace(
            located=face,
            aligned=face,
            prediction=prediction,
            region=region,
            side=size / scale_of(face.matrix),
            placer=placer,
            painted=painted,
            source=source,
            target=target,
            hull=hull,
            hidden=hidden,
            limit=placer.coverage,
            st=still.st,
            inside=still.inside,
            confidence=face.face.confidence,
            new_share=1.0,
        )

    def raw(self, pictures: PaintedFace) -> NDArray[np.float32]:
        """(h, w, 3) the new face as the network gave it, in its place."""
        return pictures.placer.light(_codes(pictures.painted))

    def colouring(self, look: ConversionOptions) -> Hashable:
        """All of ``look`` that :meth:`coloured` depends on."""
        return (
            look.colour_match, look.colour_encoding, look.colour_strength, look.colour_part, look.colour_window,
            look.relight, look.relight_reach,
        )  # fmt: skip

    def coloured(self, seen: PaintedFace, look: ConversionOptions, limits: FrameMattes) -> NDArray[np.float32]:
        """The new face in the plate's colours and light, (h, w, 3) over its region."""
        face, colours, raw = seen.aligned, seen.painted, seen.painted
        if look.colour_match != "none":
            match = self._measures.colours(look.colour_match, look.colour_encoding, look.colour_window).at(
                face.face.frame
            )
            colours = adjusted(
                raw, match(raw), strength=look.colour_strength, part=look.colour_part, luma=self._luminance
            )
        codes, shown = _codes(colours), _codes(face.crop)
        covered = np.maximum(np.maximum(face.hidden, limits.hidden(face.matrix, self.crop[1])), face.eyes)
        lit = relit(
            codes, shown, seen.prediction.window, torch.from_numpy(covered)[None],
            amount=look.relight, reach=look.relight_reach,
        )  # fmt: skip
        return seen.placer.light(lit)

    def sharpness(self) -> Sharpness | None:
        """How sharp the network paints, in pixels of its crop."""
        return self._measures.own_sharpness


def _codes(linear: NDArray[np.float32]) -> torch.Tensor:
    """Light (R, R, 3) as codes (3, R, R)."""
    return encode(torch.from_numpy(linear)).permute(2, 0, 1)


def _moved(matrix: NDArray[np.float64], size: int, look: ConversionOptions) -> NDArray[np.float64]:
    """The matrix (array -> crop pixels) of the new face, which may be scaled and turned about its middle, and shifted."""
    if (look.face_scale, look.face_x, look.face_y, look.face_rotate) == (1, 0, 0, 0):
        return matrix
    middle = apply(invert(matrix), np.array([(size / 2, size / 2)]))[0]
    angle = np.radians(look.face_rotate)
    turn = look.face_scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = middle + np.array([look.face_x, look.face_y]) - turn @ middle
    back = invert(np.column_stack([turn, shift]))
    return np.column_stack([matrix[:, :2] @ back[:, :2], matrix[:, :2] @ back[:, 2] + matrix[:, 2]])
