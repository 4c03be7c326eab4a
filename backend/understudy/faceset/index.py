"""The records of many faces in one file of columns: ten thousand are read in a moment, where JSON would take seconds.

An index is no truth of its own: it repeats what the crops say of themselves, and whoever finds it damaged, or of
another form, reads the crops.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from understudy.face.geometry import CROP_SIDE, Camera, Head
from understudy.faceset.measures import BINS, THUMBNAIL, CropMeasures
from understudy.faceset.record import LARGEST_CROP, SCHEMA, SMALLEST_SCALE, Face
from understudy.imaging.affine import SQUARE, Stretch
from understudy.json_reader import parse_json
from understudy.tracks.formats.values import FAR, one_of, origin_of, stretch_from_json, text
from understudy.tracks.track import Origin

NAME = "index.npz"
FORM = 2
"""Version of the columns; raised when they change."""

Stamp = tuple[int, int]
"""What tells a file from the one that replaces it: its size in bytes and mtime in ns."""

Known = dict[str, tuple[Stamp, Face]]
"""File name to what is known of the file."""

_LARGEST = 1 << 29  # letters of its texts
_ROUNDING = 1e-3

_PAIRS = ("eye_opening", "eye_trust", "gaze")
_CHANNELS = 2 * len(_PAIRS) + 1
_FLAT = ("sharpness", "motion_blur", "blur_direction", "brightness", "hue")


def write_index(target: Path | IO[bytes], known: Mapping[str, tuple[Stamp, Face]]) -> None:
    """Write ``known`` to a file. Raises OSError."""
    faces = [face for _, face in known.values()]
    shared: dict[str, int] = {}
    alike = [shared.setdefault(_shared(face), len(shared)) for face in faces]
    texts = {"form": FORM, "schema": SCHEMA, "files": list(known), "shared": list(map(json.loads, shared))}
    whole = [
        (*stamp, face.frame, face.track, face.crop_size, index, face.raw is not None, face.head.camera is not None)
        for (stamp, face), index in zip(known.values(), alike, strict=True)
    ]
    parts = [(face.landmarks, face.landmarks if face.raw is None else face.raw, face.refined) for face in faces]
    measured = [face.measures for face in faces]
    columns = {
        "texts": np.frombuffer(json.dumps(texts).encode(), np.uint8),
        "whole": np.array(whole, np.int64).reshape(-1, 8),
        "numbers": np.array([_numbers(face) for face in faces]).reshape(-1, 23 + len(_FLAT)),
        "boxes": np.array([face.box for face in faces], np.float32).reshape(-1, 4),
        "points": np.array(parts, np.float32).reshape(-1, 3, 68, 2),
        "channels": np.array([_channels(face) for face in faces]).reshape(-1, _CHANNELS),
        "looks": np.frombuffer(b"".join(one.histogram + one.thumbnail for one in measured), np.uint8),
        **_ragged("dense", [None if face.dense is None else face.dense.ravel() for face in faces]),
        **_ragged("identity", [None if face.identity is None else np.array(face.identity) for face in faces]),
    }
    np.savez(target, **columns)  # type: ignore[arg-type]


def read_index(source: Path | IO[bytes]) -> Known:
    """Read :func:`write_index`; raises OSError, and ValueError when it is damaged."""
    try:
        return _known(source)
    except OSError:
        raise
    except Exception as error:
        # An archive of arrays can be damaged in a hundred ways, and numpy and zipfile have an exception for each.
        raise ValueError(f"an index that cannot be read: {error or type(error).__name__}") from error


def _known(source: Path | IO[bytes]) -> Known:
    with np.load(source, allow_pickle=False) as loaded:
        columns = {name: loaded[name] for name in loaded.files}
    texts = parse_json(columns["texts"].tobytes(), largest=_LARGEST)
    if (texts["form"], texts["schema"]) != (FORM, SCHEMA):
        raise ValueError("an index of another form")
    numbers, points = columns["numbers"], columns["points"]
    matrices, rotations = numbers[:, 1:7].reshape(-1, 2, 3), numbers[:, 8:17].reshape(-1, 3, 3)
    offsets = numbers[:, 17:19]
    _check(columns, matrices, rotations)
    dense, identity = _parts(columns, "dense"), _parts(columns, "identity")
    looks = columns["looks"].reshape(len(numbers), 3 * BINS + THUMBNAIL**2)
    known: Known = {}
    rows = zip(texts["files"], columns["whole"].tolist(), numbers.tolist(), strict=True)
    shared = [_checked(one) for one in texts["shared"]]
    for row, (file, whole, values) in enumerate(rows):
        size, mtime, frame, track, crop_size, alike, has_raw, has_camera = whole
        plate, crop_kind, colour_space, origin, analysis, stretch = shared[alike]
        camera = Camera(values[20], (values[21], values[22])) if has_camera else None
        points_of, own = dense[row], identity[row]
        known[text(file)] = (
            (size, mtime),
            Face(
                file=file,
                plate=plate,
                frame=frame,
                track=track,
                box=columns["boxes"][row],
                landmarks=points[row, 0],
                raw=points[row, 1] if has_raw else None,
                refined=points[row, 2],
                dense=None if points_of is None else points_of.reshape(-1, 2),
                matrix=matrices[row],
                crop_kind=crop_kind,
                crop_size=crop_size,
                confidence=values[0],
                origin=origin,
                head=Head(values[7], rotations[row], offsets[row], values[19], camera, stretch),
                colour_space=colour_space,
                identity=None if own is None else tuple(own.tolist()),
                measures=_measures(values[23:], looks[row].tobytes()),
                analysis=analysis,
                **_channels_of(columns["channels"][row]),
            ),
        )
    return known


def _check(columns: Mapping[str, NDArray[Any]], matrices: NDArray[Any], rotations: NDArray[Any]) -> None:
    """Raise ValueError unless all is within the ranges that a record has to keep."""
    for name in ("numbers", "boxes", "points", "dense", "identity"):
        if not (np.abs(columns[name]) <= FAR).all() and name != "numbers":
            raise ValueError(f"{name} that are no finite numbers")
    numbers, crops = columns["numbers"], columns["whole"][:, 4]
    scales = np.sqrt(np.abs(np.linalg.det(matrices[:, :, :2])))
    upright = np.abs(rotations @ rotations.transpose(0, 2, 1) - np.eye(3))
    sound = (np.abs(np.delete(numbers, 20, axis=1)) <= FAR).all() and (numbers[:, 7] > 0).all()
    sound &= bool(
        (upright < _ROUNDING).all() and (scales > SMALLEST_SCALE).all() and (scales * SMALLEST_SCALE < 1).all()
    )
    if not sound or not ((crops > 0) & (crops <= LARGEST_CROP)).all():
        raise ValueError("numbers that no face has")


def _checked(shared: Any) -> tuple[str, str, str, Origin, dict[str, str], Stretch]:
    """What :func:`_shared` gave."""
    plate, crop_kind, colour_space, origin, analysis, *stretch = shared
    told = {text(role): text(what) for role, what in analysis.items()}
    square = stretch_from_json(stretch[0]) if stretch else SQUARE
    return text(plate), one_of(crop_kind, CROP_SIDE), text(colour_space), origin_of(origin), told, square


def _shared(face: Face) -> str:
    """What many faces have in common."""
    told = [face.plate, face.crop_kind, face.colour_space, face.origin, dict(face.analysis)]
    return json.dumps(told if face.head.stretch == SQUARE else [*told, face.head.stretch])


def _numbers(face: Face) -> list[float]:
    head, camera = face.head, face.head.camera or Camera(0.0, (0.0, 0.0))
    return [
        face.confidence,
        *np.asarray(face.matrix).ravel().tolist(),
        head.scale,
        *np.asarray(head.rotation).ravel().tolist(),
        *np.asarray(head.offset).tolist(),
        head.error,
        camera.focal,
        *camera.centre,
        *(getattr(face.measures, name) for name in _FLAT),
    ]


def _channels(face: Face) -> list[float]:
    """The channels of eyes and mouth, NaN where there is none."""
    pairs = [(np.nan, np.nan) if pair is None else pair.tolist() for pair in (getattr(face, name) for name in _PAIRS)]
    return [*(value for pair in pairs for value in pair), np.nan if face.mouth_opening is None else face.mouth_opening]


def _channels_of(values: NDArray[np.float64]) -> dict[str, Any]:
    told = [None if np.isnan(pair).any() else pair.astype(np.float32) for pair in values[:-1].reshape(-1, 2)]
    mouth = None if np.isnan(values[-1]) else float(values[-1])
    return {**dict(zip(_PAIRS, told, strict=True)), "mouth_opening": mouth}


def _measures(numbers: list[float], looks: bytes) -> CropMeasures:
    values: dict[str, Any] = dict(zip(_FLAT, numbers, strict=True))
    return CropMeasures(**values, histogram=looks[: 3 * BINS], thumbnail=looks[3 * BINS :])


def _ragged(name: str, rows: list[NDArray[Any] | None]) -> dict[str, NDArray[Any]]:
    """Rows of several lengths, one after the other, and their lengths; -1 where there is none."""
    there = [row for row in rows if row is not None]
    lengths = [-1 if row is None else len(row) for row in rows]
    joined = np.concatenate(there) if there else np.empty(0)
    return {name: joined.astype(np.float32), f"{name}_lengths": np.array(lengths, np.int64)}


def _parts(columns: Mapping[str, NDArray[Any]], name: str) -> list[NDArray[np.float32] | None]:
    lengths, joined = columns[f"{name}_lengths"], columns[name]
    ends = np.cumsum(np.maximum(lengths, 0))
    if (int(ends[-1]) if len(ends) else 0) != len(joined):
        raise ValueError(f"{name} of another length")
    spans = zip(lengths.tolist(), ends.tolist(), strict=True)
    return [None if length < 0 else joined[end - length : end] for length, end in spans]
