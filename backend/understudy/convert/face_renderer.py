"""What a conversion asks of whatever makes new faces: a trained network, or the source's own footage."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from understudy.convert.aligner import Located
from understudy.convert.finish.sharpness import Sharpness
from understudy.convert.matte.artist_mattes import FrameMattes
from understudy.convert.matte.combine import Way, combined
from understudy.face.geometry import CropKind
from understudy.faceset.record import Face
from understudy.imaging.region import Region
from understudy.plate.frame import Frame
from understudy.settings import ConversionOptions


@dataclass(frozen=True, eq=False)
class FaceRegion:
    """What there is of a new face whatever its colours, over its region of the plate."""

    located: Located
    region: Region
    side: float  # of the crop, in plate pixels
    source: NDArray[np.float32]  # (h, w) 0..1 where the new face is
    target: NDArray[np.float32]  # (h, w) where the face in the plate is
    hull: NDArray[np.float32]  # (h, w) the landmarks' hull
    hidden: NDArray[np.float32]  # (h, w) what stands before the face
    limit: NDArray[np.float32]  # (h, w) where there is anything of the new face
    st: NDArray[np.float32]  # (h, w, 2)
    inside: NDArray[np.bool_]  # (h, w)
    confidence: NDArray[np.float32] | float  # (h, w) or for all of it, 0..1
    new_share: (
        NDArray[np.float32] | float
    )  # (h, w) or for all of it: how much of it is not the plate's own pixels, 0..1

    def mask(self, way: Way) -> NDArray[np.float32]:
        """(h, w) 0..1 where the new face goes, before its edge is softened."""
        return combined(self.source, self.target, self.hull, way)

    def within(self, part: tuple[slice, slice]) -> Self:
        """The same over a part of the region, by rows and columns."""
        arrays: dict[str, Any] = {
            field.name: value[part]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        return replace(self, region=self.region.part(part), **arrays)


class FaceRenderer(Protocol):
    """Makes one person's new faces over a shot; light is scene-linear, in the working space."""

    @property
    def crop(self) -> tuple[CropKind, int]:
        """Kind and size of the aligned face that the layer ``st`` tells of."""

    @property
    def attributes(self) -> dict[str, str | int | float]:
        """What made the faces, for a picture's header."""

    def report(self) -> dict[str, Any]:
        """What there is to say of how the faces are made, as JSON data."""

    def align(self, frame: Frame, face: Face) -> Located:
        """``face`` as it is found in ``frame``."""

    def predict(self, faces: Sequence[Any]) -> list[Any]:
        """What a network makes of ``faces``, as :meth:`align` gives them, in batches. Raises OutOfMemoryError."""

    def pictures(
        self, frame: Frame, face: Any, prediction: Any, look: ConversionOptions, margin: int
    ) -> FaceRegion | None:
        """The new face over its region and ``margin`` pixels around; None when it lies outside the frame."""

    def raw(self, pictures: Any) -> NDArray[np.float32]:
        """(h, w, 3) the new face before anything is matched to the plate."""

    def colouring(self, look: ConversionOptions) -> Hashable:
        """All of ``look`` that :meth:`coloured` depends on."""

    def coloured(self, seen: Any, look: ConversionOptions, limits: FrameMattes) -> NDArray[np.float32]:
        """(h, w, 3) the new face in the plate's colours and light."""

    def sharpness(self) -> Sharpness | None:
        """How sharp the new faces are over the shot, in pixels of the crop; None where it cannot be told."""
