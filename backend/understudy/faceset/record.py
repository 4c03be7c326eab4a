"""What an aligned face says about itself: one record, stored as JSON in the header of its crop."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.errors import FacesetError
from understudy.face.geometry import Camera, Head
from understudy.tracks.track import Origin

SCHEMA = 2
"""Version of the record; raised when a field changes its meaning."""

_PLAIN = (
    "file",
    "plate",
    "frame",
    "track",
    "crop_kind",
    "crop_size",
    "confidence",
    "colour_space",
    "sharpness",
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
    identity: tuple[float, ...] | None  # unit vector of the recogniser
    sharpness: float  # as sharpness() below
    analysis: Mapping[str, str] = field(default_factory=dict)
    """Role (detector, landmarker, recogniser) to what filled it: name, weight hash and licence."""

    @cached_property
    def pose(self) -> tuple[float, float, float]:
        """Yaw, pitch and roll of the head in degrees."""
        return self.head.angles

    def to_json(self) -> str:
        """The record on one line.

        float32 fields are written with as many digits as give them back exactly; ``dense``, which would be most of the
        text, as base64 of little-endian float32 pairs.
        """
        record: dict[str, Any] = {"schema": SCHEMA}
        record |= {name: getattr(self, name) for name in _PLAIN}
        record["box"] = _numbers(self.box)
        record["landmarks"] = _numbers(self.landmarks)
        record["raw"] = None if self.raw is None else _numbers(self.raw)
        record["refined"] = _numbers(self.refined)
        record["dense"] = None if self.dense is None else _packed(self.dense)
        record["matrix"] = np.asarray(self.matrix, np.float64).tolist()
        record["head"] = head_to_json(self.head)
        record["identity"] = None if self.identity is None else list(self.identity)
        record["analysis"] = dict(self.analysis)
        return json.dumps(record, separators=(",", ":"), allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Face:
        """Read :meth:`to_json`; raises :class:`FacesetError` when it is malformed or of another schema."""
        try:
            record = json.loads(text)
            schema = record["schema"]
            if schema != SCHEMA:
                raise FacesetError(
                    f"A face record has schema {schema}; this version reads {SCHEMA}.",
                    "Use the version of Understudy that wrote the faceset, or extract it again.",
                )
            dense, identity = record["dense"], record["identity"]
            raw = record["raw"]
            return Face(
                file=_text(record["file"]),
                plate=_text(record["plate"]),
                frame=_whole(record["frame"]),
                track=_whole(record["track"]),
                crop_kind=_text(record["crop_kind"]),
                crop_size=_whole(record["crop_size"]),
                confidence=float(record["confidence"]),
                colour_space=_text(record["colour_space"]),
                sharpness=float(record["sharpness"]),
                box=_array(record["box"], (4,)),
                landmarks=_array(record["landmarks"], (68, 2)),
                raw=None if raw is None else _array(raw, (68, 2)),
                refined=_array(record["refined"], (68, 2)),
                dense=None if dense is None else _unpacked(dense),
                matrix=_array(record["matrix"], (2, 3), np.float64),
                origin=_origin(record["origin"]),
                head=head_from_json(record["head"]),
                identity=None if identity is None else tuple(map(float, identity)),
                analysis={_text(role): _text(what) for role, what in record["analysis"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FacesetError(
                f"A face record is malformed: {error or type(error).__name__}.",
                "Delete the file, or extract its frame again.",
            ) from error


def sharpness(crop: NDArray[np.floating[Any]], inside: NDArray[np.floating[Any]]) -> float:
    """How sharp a face is: the variance of the Laplacian of its luma where ``inside`` (S, S) is above one half.

    ``crop`` is the display-encoded crop (S, S, 3) RGB in 0..1: on linear pixels the figure would measure the light.
    """
    luma = crop.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    edges = cv2.Laplacian(luma, cv2.CV_32F)[np.asarray(inside) > 0.5]
    return float(edges.var()) if edges.size else 0.0


def head_to_json(head: Head) -> dict[str, Any]:
    """``head`` as plain JSON; numbers come back exactly."""
    camera = head.camera
    return {
        "scale": float(head.scale),
        "rotation": np.asarray(head.rotation, np.float64).tolist(),
        "offset": np.asarray(head.offset, np.float64).tolist(),
        "error": float(head.error),
        "camera": None if camera is None else {"focal": camera.focal, "centre": list(camera.centre)},
    }


def head_from_json(record: dict[str, Any]) -> Head:
    """Read :func:`head_to_json`; raises ValueError, KeyError or TypeError when it is malformed."""
    camera = record["camera"]
    if camera is not None:
        x, y = map(float, camera["centre"])
        camera = Camera(float(camera["focal"]), (x, y))
    return Head(
        scale=float(record["scale"]),
        rotation=_array(record["rotation"], (3, 3), np.float64),
        offset=_array(record["offset"], (2,), np.float64),
        error=float(record["error"]),
        camera=camera,
    )


def _origin(value: Any) -> Origin:
    if value not in get_args(Origin):
        raise ValueError(f"{value!r} where one of {', '.join(get_args(Origin))} is due")
    origin: Origin = value
    return origin


def _numbers(values: NDArray[np.float32]) -> Any:
    short = [float(str(value)) for value in np.asarray(values, np.float32).ravel()]
    return short if values.ndim == 1 else [short[start : start + 2] for start in range(0, len(short), 2)]


def _packed(points: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(points, "<f4").tobytes()).decode()


def _unpacked(text: Any) -> NDArray[np.float32]:
    points = np.frombuffer(base64.b64decode(_text(text), validate=True), "<f4").astype(np.float32)
    if len(points) % 2:
        raise ValueError(f"dense has {len(points)} numbers, which are no pairs")
    return points.reshape(-1, 2)


def _array(values: Any, shape: tuple[int, ...], dtype: type[Any] = np.float32) -> NDArray[Any]:
    array = np.array(values, dtype)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"an array of shape {array.shape} where finite {shape} is due")
    return array


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} where a text is due")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value!r} where a whole number is due")
    return value
