"""Text files, and heads and arrays as plain JSON values that come back exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from understudy.errors import MissingInputError, UnreadableError
from understudy.face.geometry import SQUARE, Camera, Head, Stretch
from understudy.tracks.track import Origin


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
    except UnicodeDecodeError:
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
        x, y = map(float, camera["centre"])
        camera = Camera(float(camera["focal"]), (x, y))
    return Head(
        scale=float(record["scale"]),
        rotation=array_of(record["rotation"], (3, 3), np.float64),
        offset=array_of(record["offset"], (2,), np.float64),
        error=float(record["error"]),
        camera=camera,
        stretch=stretch_from_json(record["stretch"]) if "stretch" in record else SQUARE,
    )


def origin_of(value: Any) -> Origin:
    """``value`` as where a face comes from; raises ValueError when it is none of these."""
    if value not in get_args(Origin):
        raise ValueError(f"{value!r} where one of {', '.join(get_args(Origin))} is due")
    origin: Origin = value
    return origin


def numbers(values: NDArray[np.float32]) -> Any:
    """A float32 array of one dimension, or of pairs, with the fewest digits that give each number back exactly."""
    short = [float(str(value)) for value in np.asarray(values, np.float32).ravel()]
    return short if values.ndim == 1 else [short[start : start + 2] for start in range(0, len(short), 2)]


def array_of(values: Any, shape: tuple[int, ...], dtype: type[Any] = np.float32) -> NDArray[Any]:
    """``values`` as an array; raises ValueError or TypeError unless they are finite numbers of that ``shape``."""
    array = np.array(values, dtype)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"an array of shape {array.shape} where finite {shape} is due")
    return array


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
    return channels | {"mouth_opening": None if opening is None else float(opening)}
