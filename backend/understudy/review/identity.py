"""How much of the way from the plate's person to the source's a face has gone, in the eyes of a recogniser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import FacesetError
from understudy.face.interfaces import Image, Landmarks, Recogniser
from understudy.faceset.aligned import evenly
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.imaging.affine import apply
from understudy.plate.colour import ColourManager
from understudy.review.metrics import mean
from understudy.review.poses import LANDMARKED

SOURCE_FACES = 48
"""Most faces of the source, spread evenly over its footage, that say what the source looks like."""

_LEAST_WAY = 0.005
"""Cosine by which the truth must be nearer to the source than the plate, for a way between them to be spoken of."""


@dataclass(frozen=True)
class FrameLikeness:
    """Cosines of one frame's faces to the source: of A, of B (the truth) and of the untouched plate."""

    a: float
    b: float
    plate: float


class SourceIdentity:
    """What a recogniser makes of the source, and of any face beside it."""

    def __init__(self, faceset: Faceset, recogniser: Recogniser, colours: ColourManager) -> None:
        """Looks at the set's landmarked faces within 45 degrees of yaw. Raises FacesetError where there is none."""
        self._recogniser = recogniser
        faces = [face for face in faceset.faces() if face.raw is not None and abs(face.pose[0]) <= LANDMARKED]
        if not faces:
            raise FacesetError(
                f"The source {faceset.folder} has no landmarked face within {LANDMARKED:.0f} degrees of the front.",
                "Give a faceset that shows the new person from the front.",
            )
        chosen = evenly(faces, SOURCE_FACES)
        middle = np.sum(
            [recogniser.embed(_picture(faceset, face, colours), _landmarks(face)) for face in chosen], axis=0
        )
        self._direction = middle / max(float(np.linalg.norm(middle)), 1e-12)

    def likeness(self, image: Image, landmarks: Landmarks) -> float:
        """Cosine of the face with ``landmarks`` in ``image``, display-encoded uint8 RGB, to the source's mean direction."""
        return float(self._direction @ self._recogniser.embed(image, landmarks))


def identity_gained(frames: Sequence[FrameLikeness]) -> float | None:
    """(A - plate) / (truth - plate) of the mean cosines to the source: 0 is the untouched plate, 1 the truth.

    None where there are no frames, and where the truth is hardly nearer to the source than the plate.
    """
    a, b, plate = (mean(values) for values in _columns(frames))
    if a is None or b is None or plate is None or b - plate < _LEAST_WAY:
        return None
    return (a - plate) / (b - plate)


def summary(frames: Iterable[FrameLikeness | None]) -> dict[str, Any] | None:
    """Of a shot: ``gained``, the mean cosines ``a``, ``b`` and ``plate``, and ``frames``; None where there is no frame."""
    known = [frame for frame in frames if frame is not None]
    if not known:
        return None
    a, b, plate = (mean(values) for values in _columns(known))
    return {"gained": identity_gained(known), "a": a, "b": b, "plate": plate, "frames": len(known)}


def _columns(frames: Sequence[FrameLikeness]) -> tuple[list[float], list[float], list[float]]:
    return [one.a for one in frames], [one.b for one in frames], [one.plate for one in frames]


def _picture(faceset: Faceset, face: Face, colours: ColourManager) -> Image:
    rgb: NDArray[np.float32] = faceset.read(face)[..., :3].astype(np.float32)
    if face.colour_space not in (colours.working, colours.interop_id_of(colours.working)):
        rgb = colours.to_working(rgb, face.colour_space)
    return as_image(colours.to_display(rgb))


def _landmarks(face: Face) -> Landmarks:
    """The landmarker's own, as on the frames beside which they are laid, in the crop's pixels."""
    own = face.landmarks if face.raw is None else face.raw
    return Landmarks(apply(face.matrix, own).astype(np.float32), None, face.confidence)


def as_image(picture: NDArray[np.float32]) -> Image:
    """A display-encoded (H, W, 3) picture in 0..1 as uint8."""
    return np.asarray(np.rint(np.clip(picture, 0, 1) * 255), np.uint8)
