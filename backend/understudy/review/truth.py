"""Where a rendered person's face truly is: the truth that a renderer wrote beside its pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import MissingInputError, UnreadableError
from understudy.face.geometry import HEAD_68, RIGID, Camera, Head
from understudy.json_reader import parse_json
from understudy.plate.sequence import Plate
from understudy.tracks.formats.values import array_of, number, whole

_LARGEST = 1 << 29  # letters
_NUMBER = re.compile(r"[._-]?%0?\d*d$")


@dataclass(frozen=True, eq=False)
class TrueFace:
    """A rendered face on one frame. Plate pixels, centres at +0.5, from the top left corner."""

    frame: int
    landmarks: NDArray[np.float64]  # (68, 2) iBUG order, those behind the head and a hand too
    head: Head  # the mean head laid into the person's skull
    closure: NDArray[np.float64] | None = None  # (2,) 0..1: how far the right and left eye are shut; None: not told
    gaze: NDArray[np.float64] | None = None  # (2,) degrees to image right and up, against the head; None: not told


def read_truth(path: str | Path) -> list[TrueFace]:
    """The faces of a truth document, frame by frame.

    It holds for each of its ``frames`` the ``frame``, ``landmarks68`` (68, 2) in pixels, ``landmarks68_cam`` (68, 3) in
    camera space (x right, y down, z away), the rigid ``head_to_camera`` (4, 4) and the camera matrix ``K`` (3, 3).
    Where the renderer told the ``performance``, its ``expr`` (by name, 0..1) and ``gaze`` (degrees) are read as well. Raises
    MissingInputError and UnreadableError.
    """
    path = Path(path)
    try:
        records = parse_json(path.read_text(encoding="utf-8"), largest=_LARGEST)["frames"]
        poses = [array_of(one["head_to_camera"], (4, 4), np.float64) for one in records]
        in_camera = [array_of(one["landmarks68_cam"], (68, 3), np.float64) for one in records]
        cameras = [array_of(one["K"], (3, 3), np.float64) for one in records]
        seen = [array_of(one["landmarks68"], (68, 2), np.float64) for one in records]
        numbers = [whole(one["frame"]) for one in records]
        performed = [_performance(one.get("performance")) for one in records]
        if not numbers:
            raise ValueError("it tells of no frame")
        skull = np.mean(
            [(points - pose[:3, 3]) @ pose[:3, :3] for points, pose in zip(in_camera, poses, strict=True)], 0
        )
        laid = _similarity(skull, HEAD_68, RIGID)
        heads = [_head(pose, camera, *laid) for pose, camera in zip(poses, cameras, strict=True)]
    except FileNotFoundError:
        raise MissingInputError(f"There is no truth document {path}.", "Check the path.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"{path} is not a truth document ({error}).", "Check the file.") from None
    return [
        TrueFace(number, points, head, *told)
        for number, points, head, told in zip(numbers, seen, heads, performed, strict=True)
    ]


def read_rest(path: str | Path) -> NDArray[np.float64]:
    """(68, 3) the landmarks of a truth document's person at rest, mean-face units, as face.geometry.HEAD_68 has them.

    The median over the frames, in which expressions cancel. Raises MissingInputError and UnreadableError.
    """
    read_truth(path)  # says in one sentence what is wrong with the document
    records = parse_json(Path(path).read_text(encoding="utf-8"), largest=_LARGEST)["frames"]
    poses = [np.array(one["head_to_camera"], np.float64).reshape(4, 4) for one in records]
    marks = [np.array(one["landmarks68_cam"], np.float64).reshape(68, 3) for one in records]
    rest = np.median([(points - pose[:3, 3]) @ pose[:3, :3] for points, pose in zip(marks, poses, strict=True)], axis=0)
    scale, turn, shift = _similarity(rest, HEAD_68, RIGID)
    return np.asarray(scale * rest @ turn.T + shift)


def truth_beside(plate: Plate) -> Path | None:
    """The document ``NAME.truth.json`` beside a sequence ``NAME.%04d.exr``, still or movie; None where there is none."""
    path = Path(plate.pattern)
    document = path.with_name(f"{_NUMBER.sub('', path.stem)}.truth.json")
    return document if document.is_file() else None


def _performance(record: dict[str, Any] | None) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """How far the eyes are shut, and the gaze."""
    if record is None:
        return None, None
    expression = record["expr"]  # names only what moves
    shut = [number(expression.get(f"eye-{side}-closure", 0.0)) for side in ("right", "left")]
    return np.array(shut), array_of(record["gaze"], (2,), np.float64)


def _head(
    pose: NDArray[np.float64],
    matrix: NDArray[np.float64],
    scale: float,
    turn: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> Head:
    """The mean head in a person's skull, which ``scale``, ``turn`` and ``shift`` lead to it, seen by a camera.

    Raises ValueError where it is not before the camera.
    """
    focal, centre = float(matrix[0, 0]), matrix[:2, 2]
    origin = pose[:3, :3] @ (turn.T @ -shift) / scale + pose[:3, 3]
    if not (focal > 0 and origin[2] > 0 and 0 < scale < np.inf):  # nor where any of them is not a number
        raise ValueError("a head is not before its camera")
    return Head(
        scale=focal / float(origin[2]) / scale,
        rotation=pose[:3, :3] @ turn.T,
        offset=focal * origin[:2] / origin[2] + centre,
        error=0.0,
        camera=Camera(focal, (float(centre[0]), float(centre[1]))),
    )


def _similarity(
    points: NDArray[np.float64], onto: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Scale, rotation (3, 3) and shift (3,) that lay (N, 3) ``points`` nearest onto others: Umeyama, 1991."""
    share = (weights / weights.sum())[:, None]
    from_middle, onto_middle = (share * points).sum(0), (share * onto).sum(0)
    a, b = points - from_middle, onto - onto_middle
    left, sizes, right = np.linalg.svd((share * b).T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ np.diag(signs) @ right
    scale = float((sizes * signs).sum() / (share * a * a).sum())
    return scale, turn, onto_middle - scale * turn @ from_middle
