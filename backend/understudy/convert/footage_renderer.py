"""New faces from the source's own footage, without any training: see the package ``rendering``."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.convert.aligner import Aligner, Located
from understudy.convert.face_renderer import FaceRegion
from understudy.convert.finish.sharpness import Sharpness, measure_sharpness
from understudy.convert.inverse_warp import Placer
from understudy.convert.matte.artist_mattes import FrameMattes
from understudy.convert.matte.combine import Way
from understudy.convert.other_people import Before
from understudy.extraction.shot import Shot
from understudy.face.geometry import CROP_SIDE, CropKind, crop_kind
from understudy.faceset.aligned import evenly
from understudy.faceset.record import Face
from understudy.imaging.affine import scale_of
from understudy.imaging.region import Region
from understudy.model.fusion import shipped_fusion
from understudy.plate.frame import Frame
from understudy.rendering.footage import Footage
from understudy.rendering.light import Relight
from understudy.rendering.renderer import PlacedHead, Placement, ShotRenderer
from understudy.settings import ConversionOptions

SHARPNESS_FACES = 12
"""Faces, spread evenly over the shot, on which the sharpness of the new face is measured."""


@dataclass(frozen=True, eq=False)
class RenderedFace(FaceRegion):
    """A head placed in the plate, to be rendered once its colours are asked for."""

    head: PlacedHead
    whole: Region  # the head's rectangle
    under: NDArray[np.float32]  # (H, W, 3) the plate there, scene-linear working space
    before: NDArray[np.float32]  # (H, W) what is known to stand before the face there

    def mask(self, way: Way) -> NDArray[np.float32]:
        """(h, w) 0..1 the landmarks' hull where that is asked for, else all that the new head changes."""
        return self.hull if way == "hull" else self.source

    def within(self, part: tuple[slice, slice]) -> Self:
        """The same over a part of the region, by rows and columns."""
        return replace(super().within(part), under=self.under, before=self.before)


class FootageRenderer:
    """What stays the same over a shot for one person: the source's heads on the plate, their references and light."""

    def __init__(
        self, shot: Shot, source: Footage, plate: Footage, allowed: NDArray[np.bool_],
        *, occlusion: Literal["hands", "none"], before: Before | None = None,
    ) -> None:  # fmt: skip
        """``source`` is the new person's footage, ``plate`` the shot's person; both in the working space.

        Of the source's faces those that are ``allowed`` (N,) may become references. ``before`` is who stands before the
        person in the plate.
        """
        first = plate.faces[0]
        self.crop: tuple[CropKind, int] = crop_kind(first.crop_kind), first.crop_size
        self.attributes: dict[str, str | int | float] = {"source_faces": len(source.faces)}
        self._shot, self._plate = shot, plate
        covered = {frame for frame, one in (before or {}).items() if one.heads}
        hidden = np.array([face.frame in covered for face in plate.faces], np.bool_)
        self._renderer = ShotRenderer(source, plate, allowed, hidden, shipped_fusion())
        self._aligner = Aligner(shot, *self.crop, occlusion, before)

    def report(self) -> dict[str, Any]:
        """``references``: by region, the source's frames that the new face is made of."""
        return {"references": self._renderer.reference_frames()}

    def align(self, frame: Frame, face: Face) -> Located:
        """``face`` as it is found in ``frame``."""
        return self._aligner.locate(frame, face)

    def predict(self, faces: Sequence[Located]) -> list[None]:
        """Nothing: no network is asked."""
        return [None] * len(faces)

    def pictures(
        self, frame: Frame, face: Located, prediction: None, look: ConversionOptions, margin: int
    ) -> RenderedFace | None:
        """The new head in its place; None when it lies outside the frame. Its rectangle holds all that is changed."""
        del prediction, margin
        width, height = frame.size
        placement = Placement(look.face_scale, look.face_x, look.face_y, look.face_rotate)
        head = self._renderer.place(frame.number, frame.origin, height, width, placement)
        if head is None:
            return None
        region = Region(
            head.columns.start, head.rows.start,
            head.columns.stop - head.columns.start, head.rows.stop - head.rows.start,
        )  # fmt: skip
        size = self.crop[1]
        placer = Placer(face.matrix, size, region)
        hull, hidden = placer.soft(torch.from_numpy(np.stack([face.hull, face.hidden])))
        return RenderedFace(
            located=face,
            region=region,
            side=size / scale_of(face.matrix),
            source=head.reach,
            target=head.reach,
            hull=hull,
            hidden=hidden,
            limit=(head.reach > 0).astype(np.float32),
            st=placer.st,
            inside=head.reach > 0,
            confidence=head.confidence,
            new_share=head.new_share,
            head=head,
            whole=region,
            under=self._shot.working(frame.rgb[head.rows, head.columns]),
            before=hidden,
        )

    def raw(self, pictures: RenderedFace) -> NDArray[np.float32]:
        """(h, w, 3) the new face as its own footage shows it."""
        return self._renderer.raw(pictures.head, pictures.under, pictures.before)

    def colouring(self, look: ConversionOptions) -> Hashable:
        """All of ``look`` that :meth:`coloured` depends on."""
        return _relight(look)

    def coloured(self, seen: RenderedFace, look: ConversionOptions, limits: FrameMattes) -> NDArray[np.float32]:
        """(h, w, 3) the new face in the plate's light."""
        whole, part = seen.whole, seen.region
        before = seen.before
        if limits.holdout is not None:
            before = np.maximum(before, limits.holdout[whole.rows, whole.columns])
        swap = self._renderer.render(seen.head, seen.under, before, _relight(look))
        rows = slice(part.y - whole.y, part.y - whole.y + part.height)
        columns = slice(part.x - whole.x, part.x - whole.x + part.width)
        return swap[rows, columns]

    def sharpness(self) -> Sharpness | None:
        """How sharp the rendered faces are, in pixels of the stored crop: the mean over the shot."""
        return self._sharpness

    @cached_property
    def _sharpness(self) -> Sharpness | None:
        measures = [
            measure
            for row in evenly(range(len(self._plate.faces)), SHARPNESS_FACES)
            if (measure := measure_sharpness(*self._renderer.in_crop(row))) is not None
        ]
        if not measures:
            return None
        return Sharpness(tuple(np.mean([measure.curve for measure in measures], axis=0).tolist()))


def _relight(look: ConversionOptions) -> Relight:
    """What the options ask of the light."""
    return Relight(
        strength=0.0 if look.colour_match == "none" else look.colour_strength,
        part=look.colour_part,
        broad=look.relight,
        reach=look.relight_reach * CROP_SIDE["whole"],
    )
