"""Text files, and heads and arrays as plain JSON values that come back exactly."""

from __future__ import annotations

import base64
from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

from understudy.errors import MissingInputError, UnreadableError
from understudy.face.geometry import Camera, Head
from understudy.imaging.affine import SQUARE, Stretch
from understudy.safe_text import shortened
from understudy.tracks.track import Origin

FAR = 1e7
"""Plate pixels, or anything else that is measured, at most: nothing of a shot is farther away or larger."""

_ROUNDING = 1e-3
_LONGEST, _LONGEST_PACKED = 1 << 16, 1 << 26  # letters of a text, and of packed numbers


def text_of(path: Path, what: str, hint: str = "Export it again.") -> str:
    """The text of the file ``path``, which holds ``what``; ``hint`` says what to do about an empty one.

    Raises MissingInputError when it is not there, and UnreadableError when it is empty or no UTF-8 text.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise MissingInputError(f"There is no {what} {path}.", "Give the path of an existing file.") from None
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}.", "Give a file that you may read.") from None
    except ValueError:  # an UnicodeDecodeError, or the name itself
        raise UnreadableError(f"{path} is no text in UTF-8.", f"Give a {what}.") from None
    if not text.strip():
        raise UnreadableError(f"{path} is empty.", hint)
    return text


def head_to_json(head: Head) -> dict[str, Any]:
    """``head`` as plain JSON; numbers come back exactly."""
    camera = head.camera
    record = {
        "scale": float(head.scale),
        "rotation": np.asarray(head.rotation, np.float64).tolist(),
        "offset": np.asarray(head.offset, np.float64).tolist(),
        "error": float(head.error),
        "camera": None if camera is None else {"focal": camera.focal, "centre": list(camera.centre)},
    }
    # Only where pixels are not square: all else reads as it ever did.
    return record if head.stretch == SQUARE else record | {"stretch": list(head.stretch)}


def stretch_from_json(values: Any) -> Stretch:
    """Read the ``stretch`` of a head; raises ValueError or TypeError for what no pixel has."""
    x, y = array_of(values, (2,), np.float64).tolist()
    if not (0.1 <= x <= 10 and 0.1 <= y <= 10):
        raise ValueError(f"a stretch of {x:g} x {y:g}")
    return x, y


def head_from_json(record: dict[str, Any]) -> Head:
    """Read :func:`head_to_json`; raises ValueError, KeyError or TypeError when it is malformed."""
    camera = record["camera"]
    if camera is not None:
        x, y = map(number, camera["centre"])
        camera = Camera(number(camera["focal"], 1e-3, 1e12), (x, y))
    rotation = array_of(record["rotation"], (3, 3), np.float64)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > _ROUNDING or np.linalg.det(rotation) < 0:
        raise ValueError("a rotation of a head that turns nothing")
    return Head(
        scale=number(record["scale"], 1e-3),
        rotation=rotation,
        offset=array_of(record["offset"], (2,), np.float64),
        error=number(record["error"], 0),
        camera=camera,
        stretch=stretch_from_json(record["stretch"]) if "stretch" in record else SQUARE,
    )


def number(value: Any, low: float = -FAR, high: float = FAR) -> float:
    """``value`` as a finite number from ``low`` to ``high``; raises ValueError when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{_told(value)} where a number from {low:g} to {high:g} is due")
    return float(value)


def share(value: Any) -> float:
    """``value`` as a number from 0 to 1, past which it may be rounded; raises ValueError when it is none."""
    return min(max(number(value, -_ROUNDING, 1 + _ROUNDING), 0.0), 1.0)


def whole(value: Any, low: int = -(1 << 53), high: int = 1 << 53) -> int:
    """``value`` as a whole number from ``low`` to ``high``; raises ValueError when it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{_told(value)} where a whole number from {low} to {high} is due")
    return value


def text(value: Any, longest: int = _LONGEST) -> str:
    """``value`` as a text of at most ``longest`` letters; raises ValueError when it is none."""
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"{_told(value)} where a text is due")
    return value


def packed(values: NDArray[np.floating[Any]] | None) -> str | None:
    """base64 of little-endian float32: short, and exact. None for None."""
    return None if values is None else base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def unpacked(value: Any, columns: int = 1) -> NDArray[np.float32]:
    """Read :func:`packed`: (N,) or, with ``columns``, (N, columns) float32.

    Raises ValueError when it is malformed, or for numbers beyond :data:`FAR`.
    """
    values = np.frombuffer(bytes_of(value), "<f4").astype(np.float32)
    if len(values) % columns or not (np.abs(values) <= FAR).all():
        raise ValueError(f"{len(values)} packed numbers where finite ones, by {columns}, are due")
    return values.reshape(-1, columns) if columns > 1 else values


def bytes_of(value: Any, count: int | None = None) -> bytes:
    """The bytes of a text in base64; raises ValueError when it is none, or not of ``count`` bytes."""
    decoded = base64.b64decode(text(value, _LONGEST_PACKED), validate=True)
    if count not in (None, len(decoded)):
        raise ValueError(f"{len(decoded)} bytes where {count} are due")
    return decoded


def one_of(value: Any, allowed: Collection[str]) -> str:
    """``value`` as one of the texts ``allowed``; raises ValueError when it is none."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{_told(value)} where one of {', '.join(allowed)} is due")
    return value


def _told(value: Any) -> str:
    """``value`` in a sentence: a few letters of it."""
    return shortened(repr(value), 60)


def origin_of(value: Any) -> Origin:
    """``value`` as where a face comes from; raises ValueError when it is none of these."""
    return cast(Origin, one_of(value, get_args(Origin)))


def numbers(values: NDArray[np.float32]) -> Any:
    """A float32 array of one dimension, or of pairs, with the fewest digits that give each number back exactly."""
    short = [float(str(value)) for value in np.asarray(values, np.float32).ravel()]
    return short if values.ndim == 1 else [short[start : start + 2] for start in range(0, len(short), 2)]


def array_of(values: Any, shape: tuple[int, ...], dtype: type[Any] = np.float32) -> NDArray[Any]:
    """``values`` as an array; raises ValueError unless they are numbers of that ``shape``, none beyond :data:`FAR`."""
    array = np.array(values)
    if array.shape != shape or array.dtype.kind not in "iuf" or not (np.abs(array) <= FAR).all():
        raise ValueError(f"an array of shape {array.shape} where finite {shape} is due")
    return array.astype(dtype)


class Channels(Protocol):
    """What a face tells of its eyes and mouth, as Followed and faceset.record.Face do."""

    @property
    def eye_opening(self) -> NDArray[np.float32] | None: ...
    @property
    def eye_trust(self) -> NDArray[np.float32] | None: ...
    @property
    def gaze(self) -> NDArray[np.float32] | None: ...
    @property
    def mouth_opening(self) -> float | None: ...


_PAIRS = ("eye_opening", "eye_trust", "gaze")


def channels_to_json(face: Channels) -> dict[str, Any]:
    """The channels of eyes and mouth as plain JSON, which gives every number back exactly; null where there is none."""
    pairs = {name: getattr(face, name) for name in _PAIRS}
    record: dict[str, Any] = {name: None if pair is None else numbers(pair) for name, pair in pairs.items()}
    return record | {"mouth_opening": None if face.mouth_opening is None else float(face.mouth_opening)}


def channels_from_json(record: dict[str, Any]) -> dict[str, Any]:
    """Read :func:`channels_to_json`, as named arguments. Raises ValueError, KeyError or TypeError."""
    pairs = {name: record[name] for name in _PAIRS}
    channels: dict[str, Any] = {name: None if pair is None else array_of(pair, (2,)) for name, pair in pairs.items()}
    opening = record["mouth_opening"]
    return channels | {"mouth_opening": None if opening is None else number(opening)}
