"""Learn where the landmarker sees its points, against the skin, from rendered people of whom all is known.

    python tools/mesh_habits.py PEOPLE RENDERED [--out FILE]

PEOPLE is the folder of ``people.py`` and its ``data``, as for head_model.py, which goes first. RENDERED holds a folder a
person, as ``render.py --kind train`` writes it (pictures ``*.png``, poses and expressions ``*.json``, ``set.json``); about
20 people of 9 frames will do, none of them one that anything is measured on. With the true pose, shape and expression of
every frame the landmarker's dense points are triangulated, and the mean over people and their mirrored twins is kept as
``habit``, what varies from person to person as ``habit_deviation``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from head_model import AXES, Array, People, aligned, seen_in_mirror
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from understudy.face.components.mediapipe_models import MediapipeDetector, MediapipeLandmarker
from understudy.face.geometry import RIGID, Camera, Head
from understudy.face.head_model import FILE
from understudy.face.mesh import VERTICES, mirrored
from understudy.tracks.morphable import Morphable, Sight, morphed

_SURE_YAW = 62.0  # degrees up to which the landmarker follows
_FEWEST = 4  # frames of a person
_WIDE = 1.5  # deviations that the landmarker's errors are given beforehand: those of heads, and half as much again
_FLOOR = 0.1  # a deviation is not known better than that
_HELD = 0.15  # frames that the fitted points weigh in the triangulation
_TO_HEAD = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float64)  # render.py's head has z up and y backwards

Seen = tuple[Head, NDArray[np.floating[Any]]]


@dataclass(frozen=True, eq=False)
class _Known:
    """What has been learnt of heads so far."""

    shape: Array  # (k, 468, 3) components times deviations
    expression: Array


def main(arguments: list[str]) -> None:
    """Do what ``arguments`` ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("--out", type=Path, default=FILE)
    asked = parser.parse_args(arguments)
    model = load_file(asked.out)
    parts = {name: np.asarray(value, np.float64) for name, value in model.items()}
    known = _Known(
        parts["shape"] * parts["shape_deviation"][:, None, None],
        parts["expression"] * parts["expression_deviation"][:, None, None],
    )
    people, habits, errors = People(asked.people), [], []
    for head, seen in _people(people, asked.rendered):
        for vertices, sights in ((head, seen), (seen_in_mirror(head), [_turned_over(one) for one in seen])):
            habit, error = _habit(vertices, sights, known)
            habits.append(habit)
            errors.append(error)
    deviation = np.sqrt(np.var(errors, axis=0) + _FLOOR**2)
    learnt = {"habit": np.mean(habits, axis=0), "habit_deviation": deviation}
    save_file(model | {name: np.ascontiguousarray(value, np.float16) for name, value in learnt.items()}, asked.out)
    print(f"{len(habits) // 2} people; {deviation.mean():.2f} of the deviation of heads, on average")


def _people(people: People, folder: Path) -> Iterator[tuple[Array, list[Seen]]]:
    """Each rendered person's head at rest, and what the landmarker sees of it under which true head."""
    detector, landmarker = MediapipeDetector(), MediapipeLandmarker()
    for settings in sorted(folder.glob("*/set.json")):
        person = people.person(**json.loads(json.loads(settings.read_text("utf-8"))["args"]["who"]))
        truths = [json.loads(path.read_text("utf-8")) for path in sorted(settings.parent.glob("[0-9]*.json"))]
        pictures = sorted(settings.parent.glob("[0-9]*.png"))
        seen: list[Seen] = []
        for picture, head in zip(pictures, _heads(people, person, truths), strict=False):
            image = np.ascontiguousarray(cv2.imread(str(picture))[..., ::-1])
            found = detector.detect(image)
            marks = landmarker.landmarks(image, [max(found, key=lambda one: one.score)])[0] if found else None
            if marks is not None and marks.dense is not None and marks.score > 0 and abs(head.angles[0]) < _SURE_YAW:
                seen.append((head, marks.dense[:VERTICES]))
        if len(seen) >= _FEWEST:
            yield people.vertices(person), seen


def _heads(people: People, person: Any, truths: list[dict[str, Any]]) -> list[Head]:
    """The true heads: where render.py had the person's head, in mean-face units."""
    marks = people.base.landmarks
    scale, turn, shift = aligned(person.V[marks] * AXES)
    here = [scale * (person.express(one["performance"]["expr"])[marks] * AXES) @ turn.T + shift for one in truths]
    matrices = [np.array(one["head_to_camera"]) for one in truths]
    there = [
        (np.array(one["landmarks68_cam"]) - matrix[:3, 3]) @ matrix[:3, :3] @ _TO_HEAD
        for one, matrix in zip(truths, matrices, strict=True)
    ]
    weight = np.tile(RIGID, len(truths)) / (RIGID.sum() * len(truths))
    own, true = np.concatenate(here), np.concatenate(there)
    own_middle, true_middle = weight @ own, weight @ true
    left, sizes, right = np.linalg.svd(((true - true_middle) * weight[:, None]).T @ (own - own_middle))
    unit = float(sizes.sum() / (weight @ ((own - own_middle) ** 2).sum(1)))
    moved = true_middle - unit * left @ right @ own_middle
    heads = []
    for one, matrix in zip(truths, matrices, strict=True):
        rotation = matrix[:3, :3] @ _TO_HEAD
        origin = matrix[:3, 3] + rotation @ moved
        lens = np.array(one["K"])
        camera = Camera(float(lens[0, 0]), (float(lens[0, 2]), float(lens[1, 2])))
        offset = np.array(camera.centre) + camera.focal * origin[:2] / origin[2]
        heads.append(Head(camera.focal * unit / origin[2], rotation @ left @ right, offset, 0.0, camera))
    return heads


def _turned_over(seen: Seen) -> Seen:
    """A frame in the mirror that stands in the camera's middle."""
    head, points = seen
    assert head.camera is not None
    flip, over = np.diag([-1.0, 1.0, 1.0]), np.array([2 * head.camera.centre[0], 0.0])
    turned = Head(head.scale, flip @ head.rotation @ flip, head.offset * (-1, 1) + over, 0.0, head.camera)
    return turned, points[mirrored()] * (-1, 1) + over


def _habit(vertices: Array, seen: list[Seen], known: _Known) -> tuple[Array, Array]:
    """(468, 3) how far from a person's ``vertices`` the points are seen, and the same in components, (k,).

    First in components, which also takes the expressions out, then point by point.
    """
    plain = Morphable(vertices, known.shape[:0], known.expression, np.zeros_like(vertices), known.shape * _WIDE)
    fit = morphed([Sight(head, points) for head, points in seen], plain, pose=False)
    first = vertices + np.tensordot(fit.errors * _WIDE, known.shape, 1)
    places = first
    for _ in range(4):
        normal, right = np.tile(_HELD * np.eye(3), (VERTICES, 1, 1)), _HELD * first
        for (head, points), weights in zip(seen, fit.weights, strict=True):
            moved = np.tensordot(weights, known.expression, 1)
            rows, values = _sight_lines(head, np.asarray(points, np.float64))
            values = values - np.einsum("nij,nj->ni", rows, moved)
            off = np.linalg.norm(head.project(places + moved) - points, axis=1) / head.scale
            sure = 1 / (1 + (off / 0.03) ** 2)
            normal += np.einsum("n,nij,nik->njk", sure, rows, rows)
            right = right + np.einsum("n,nij,ni->nj", sure, rows, values)
        places = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
    return places - vertices, fit.errors * _WIDE


def _sight_lines(head: Head, points: Array) -> tuple[Array, Array]:
    """Linear equations (N, 2, 3), (N, 2) of the head points that are seen at (N, 2) plate ``points``."""
    assert head.camera is not None
    across = points - np.array(head.camera.centre)
    rotation = np.asarray(head.rotation, np.float64)
    rows = rotation[None, :2] - across[:, :, None] * (rotation[None, 2:] / head.camera.focal)
    return rows, (points - np.asarray(head.offset)) / head.scale


if __name__ == "__main__":
    main(sys.argv[1:])
