"""What an aligned face says about itself: one record, stored as JSON in the header of its crop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import FacesetError
from understudy.face.geometry import CROP_SIDE, Head
from understudy.faceset.measures import CropMeasures
from understudy.imaging.affine import SQUARE, Stretch, scale_of, stretched
from understudy.json_reader import parse_json
from understudy.tracks.formats import values as plain
from understudy.tracks.formats.values import (
    array_of,
    channels_from_json,
    channels_to_json,
    head_from_json,
    head_to_json,
    numbers,
    origin_of,
    packed,
    share,
    unpacked,
)
from understudy.tracks.track import Origin

SCHEMA = 3
"""Version of the record that is written; raised when its fields change."""

_READ = (2, SCHEMA)
"""Versions that are read: 2 knew nothing of eye_opening, eye_trust, gaze and mouth_opening."""

LARGEST_CROP = 1 << 14
"""Side in pixels of the largest crop that is read."""

SMALLEST_SCALE = 1e-4
"""Crop pixels per plate pixel, and its inverse, beyond which no crop was cut."""

_PLAIN = (
    "file",
    "plate",
    "frame",
    "track",
    "crop_kind",
    "crop_size",
    "confidence",
    "colour_space",
    "origin",
)


@dataclass(frozen=True, eq=False)
class Face:
    """One aligned face. Plate pixels have their centres at +0.5, x right, y down."""

    file: str  # name of the crop inside its faceset
    plate: str  # printf pattern, or file, that the frame came from
    frame: int
    track: int
    box: NDArray[np.float32]  # (4,) x0 y0 x1 y1, plate pixels
    landmarks: NDArray[np.float32]  # (68, 2) iBUG order, plate pixels: the final ones
    raw: NDArray[np.float32] | None  # (68, 2) as the landmarker gave them; None where it gave none
    refined: NDArray[np.float32]  # (68, 2) as solved over the shot, before smoothing and the artist's corrections
    dense: NDArray[np.float32] | None  # (N, 2) plate pixels: all points of the landmarker
    matrix: NDArray[np.float64]  # (2, 3) plate pixels -> crop pixels
    crop_kind: str  # face, full, whole or head
    crop_size: int  # side in pixels
    confidence: float  # 0..1: how far to trust the landmarks
    origin: Origin
    head: Head  # the rigid head that the crop is laid around
    colour_space: str  # of the stored crop: its colorInteropID, or a name where there is none
    identity: tuple[float, ...] | None  # unit vector of the recogniser, float32 numbers
    measures: CropMeasures  # what curation sorts by
    analysis: Mapping[str, str] = field(default_factory=dict)
    """Role (detector, landmarker, recogniser) to what filled it: name, weight hash and licence."""
    eye_opening: NDArray[np.float32] | None = None  # (2,) right, left; these four as in tracks.track.Followed
    eye_trust: NDArray[np.float32] | None = None  # (2,)
    gaze: NDArray[np.float32] | None = None  # (2,) right, down
    mouth_opening: float | None = None

    @cached_property
    def square(self) -> Face:
        """The same face in square pixels, for whatever looks at it in the plate."""
        return self if self.head.stretch == SQUARE else _rescaled(self, self.head.stretch, SQUARE)

    def in_plate(self, stretch: Stretch) -> Face:
        """This face, which is in square pixels, in those of a plate that ``stretch`` takes there."""
        x, y = stretch
        return self if stretch == SQUARE else _rescaled(self, (1 / x, 1 / y), stretch)

    @cached_property
    def pose(self) -> tuple[float, float, float]:
        """Yaw, pitch and roll of the head in degrees."""
        return self.head.angles

    def to_json(self) -> str:
        """The record on one line.

        float32 fields are written with as many digits as give them back exactly; ``dense`` and ``identity``, which
        would be most of the text, as base64 of little-endian float32 numbers.
        """
        record: dict[str, Any] = {"schema": SCHEMA}
        record |= {name: getattr(self, name) for name in _PLAIN}
        record["box"] = numbers(self.box)
        record["landmarks"] = numbers(self.landmarks)
        record["raw"] = None if self.raw is None else numbers(self.raw)
        record["refined"] = numbers(self.refined)
        record["dense"] = packed(self.dense)
        record["matrix"] = np.asarray(self.matrix, np.float64).tolist()
        record["head"] = head_to_json(self.head)
        record["identity"] = None if self.identity is None else packed(np.array(self.identity))
        record["measures"] = self.measures.to_json()
        record["analysis"] = dict(self.analysis)
        record |= channels_to_json(self)
        return json.dumps(record, separators=(",", ":"), allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Face:
        """Read :meth:`to_json`; raises :class:`FacesetError` when it is malformed or of another schema."""
        try:
            record = parse_json(text)
            schema = record["schema"]
            if schema not in _READ:
                raise FacesetError(
                    f"A face record has schema {schema!r}; this version reads {_READ[0]} to {SCHEMA}.",
                    "Use the version of Understudy that wrote the faceset, or extract it again.",
                )
            dense, identity = record["dense"], record["identity"]
            raw = record["raw"]
            return Face(
                file=plain.text(record["file"]),
                plate=plain.text(record["plate"]),
                frame=plain.whole(record["frame"]),
                track=plain.whole(record["track"], 0, 1 << 31),
                crop_kind=plain.one_of(record["crop_kind"], CROP_SIDE),
                crop_size=plain.whole(record["crop_size"], 1, LARGEST_CROP),
                confidence=share(record["confidence"]),
                colour_space=plain.text(record["colour_space"]),
                box=array_of(record["box"], (4,)),
                landmarks=array_of(record["landmarks"], (68, 2)),
                raw=None if raw is None else array_of(raw, (68, 2)),
                refined=array_of(record["refined"], (68, 2)),
                dense=None if dense is None else unpacked(dense, 2),
                matrix=_matrix(record["matrix"]),
                origin=origin_of(record["origin"]),
                head=head_from_json(record["head"]),
                identity=None if identity is None else _identity(identity),
                measures=CropMeasures.from_json(record["measures"]),
                analysis={plain.text(role): plain.text(what) for role, what in record["analysis"].items()},
                **(channels_from_json(record) if schema >= 3 else {}),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FacesetError(
                f"A face record is malformed: {error or type(error).__name__}.",
                "Delete the file, or extract its frame again.",
            ) from error


def _rescaled(face: Face, factors: Stretch, stretch: Stretch) -> Face:
    """``face`` with its pixels multiplied by ``factors``, which makes those that ``stretch`` makes square."""

    def moved(values: NDArray[Any] | None) -> Any:
        return None if values is None else (values * np.array(factors)).astype(values.dtype)

    return replace(
        face,
        box=(face.box * np.tile(factors, 2)).astype(face.box.dtype),
        landmarks=moved(face.landmarks),
        raw=moved(face.raw),
        refined=moved(face.refined),
        dense=moved(face.dense),
        matrix=stretched(face.matrix, (1 / factors[0], 1 / factors[1])),
        head=replace(face.head, stretch=stretch),
    )


def _matrix(value: Any) -> NDArray[np.float64]:
    """The matrix of a crop, which can be inverted."""
    matrix = array_of(value, (2, 3), np.float64)
    if not SMALLEST_SCALE < scale_of(matrix) < 1 / SMALLEST_SCALE:
        raise ValueError("a crop's matrix that leads nowhere")
    return matrix


def _identity(value: Any) -> tuple[float, ...]:
    identity = unpacked(value)
    if not 0 < len(identity) <= 1 << 14:
        raise ValueError(f"an identity of {len(identity)} numbers")
    return tuple(identity.tolist())
