"""Learn the statistics of heads from synthetic people's geometry: ``backend/understudy/face/head_model.safetensors``.

    python tools/head_model.py geometry PEOPLE [--people 400] [--out FILE]

PEOPLE is the folder of ``people.py`` and its ``data`` (MakeHuman community's MPFB assets, CC0): it makes a person of a
seed, in numpy. The 468 vertices of face/mesh are laid onto its base mesh once, by the mean of all people: bent to the
mean's landmarks and taken to the nearest point of its skin. Every person is then brought to mean-face units by the
similarity of face.geometry.RIGID, seen in the mirror too, so that the mean is symmetric, and the principal components
are taken. Expressions come from the same people's performances, as displacements from rest.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from understudy.face.geometry import HEAD_68, RIGID
from understudy.face.head_model import FILE
from understudy.face.mesh import HeadMesh, mirrored

Array = NDArray[np.float64]

FIRST = 100_000
"""Seed of the first person: far from those of anybody who is rendered."""

SHAPES, EXPRESSIONS = 40, 16
"""Components that are kept."""

AXES = np.array([1.0, -1.0, -1.0])  # the base mesh has y up and z out of the face
_NECK = 5.6  # decimetres: below it no vertex of the face lies


def main(arguments: list[str]) -> None:
    """Do what ``arguments`` ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True, dest="step")
    geometry = steps.add_parser("geometry", help="mean, components and expressions of heads")
    geometry.add_argument("people", type=Path)
    geometry.add_argument("--people", dest="count", type=int, default=400)
    geometry.add_argument("--out", type=Path, default=FILE)
    asked = parser.parse_args(arguments)
    people = People(asked.people)
    model = learnt(people, range(FIRST, FIRST + asked.count))
    kept = load_file(asked.out) if asked.out.exists() else {}
    save_file(kept | {name: np.ascontiguousarray(value, np.float16) for name, value in model.items()}, asked.out)
    print({name: value.shape for name, value in model.items()}, asked.out.stat().st_size, "bytes")


class People:
    """The synthetic people as 468 vertices in mean-face units."""

    def __init__(self, folder: Path, mean_of: int = 60) -> None:
        self.module = _module(folder / "people.py")
        self.base: Any = self.module.Base(str(folder / "data"))
        self._triangles, self._weights = self._laid_on(mean_of)

    def person(self, **traits: Any) -> Any:
        """The person of ``traits``, of which ``seed`` is one."""
        return self.module.Person(self.base, **traits)

    def vertices(self, person: Any, expression: dict[str, float] | None = None) -> Array:
        """(468, 3) of ``person``, at rest or with an ``expression``; the similarity is always that of the rest."""
        scale, turn, shift = aligned(person.V[self.base.landmarks] * AXES)
        points = person.express(expression or {}) * AXES
        return self.on_skin(scale * points @ turn.T + shift)

    def on_skin(self, points: Array) -> Array:
        """(468, 3) the mesh on the base mesh's (N, 3) ``points``."""
        return np.asarray((points[self._triangles] * self._weights[:, :, None]).sum(1))

    def _laid_on(self, count: int) -> tuple[NDArray[np.int64], Array]:
        heads = []
        for seed in range(FIRST, FIRST + count):
            points = self.person(seed=seed).V * AXES
            scale, turn, shift = aligned(points[self.base.landmarks])
            heads.append(scale * points @ turn.T + shift)
        mean = np.mean(heads, axis=0)
        skin = (self.base.G == "body") & ~self.base.in_mouth & ~self.base.in_socket
        skin &= self.base.V[self.base.F, 1].mean(1) > _NECK
        quads = self.base.F[skin]
        triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
        found = [_nearest(point, mean, triangles) for point in HeadMesh(mean[self.base.landmarks]).rest]
        return triangles[[which for which, _ in found]], np.array([weights for _, weights in found])


def learnt(people: People, seeds: range) -> dict[str, Array]:
    """The parts of the model, as face.head_model names them."""
    heads = np.array([people.vertices(people.person(seed=seed)) for seed in seeds])
    both = np.concatenate([heads, seen_in_mirror(heads)])
    mean = both.mean(0)
    shape, deviation = components(both - mean, SHAPES)
    moved = np.concatenate([moves(people, seed) for seed in seeds[: len(seeds) // 4]])
    expression, strength = components(np.concatenate([moved, seen_in_mirror(moved)]), EXPRESSIONS)
    return {
        "mean": mean,
        "shape": shape,
        "shape_deviation": deviation,
        "expression": expression,
        "expression_deviation": strength,
    }


def moves(people: People, seed: int, frames: int = 24) -> Array:
    """(frames, 468, 3): what the face of ``seed`` does in a performance, against rest."""
    person = people.person(seed=seed)
    still = people.vertices(person)
    acts = people.module.performance(seed, frames, 24.0, 6, "train")
    return np.array([people.vertices(person, act["expr"]) - still for act in acts])


def components(samples: Array, count: int) -> tuple[Array, Array]:
    """The first ``count`` principal components (count, 468, 3), orthonormal, and their deviations (count,)."""
    flat = samples.reshape(len(samples), -1)
    sizes, ways = np.linalg.eigh(flat.T @ flat / len(flat))
    first = np.argsort(sizes)[::-1][:count]
    return ways[:, first].T.reshape(count, -1, 3), np.sqrt(sizes[first])


def seen_in_mirror(vertices: Array) -> Array:
    """(..., 468, 3) vertices or displacements as a mirror shows them, numbered as the mesh numbers them."""
    return np.asarray(vertices[..., mirrored(), :] * (-1, 1, 1))


def aligned(points: Array) -> tuple[float, Array, Array]:
    """Scale, rotation and shift that bring (68, 3) landmarks to the mean head, weighted by how rigid each is.

    Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns".
    """
    weight = RIGID / RIGID.sum()
    own, mean = points - weight @ points, HEAD_68 - weight @ HEAD_68
    left, sizes, right = np.linalg.svd((mean * weight[:, None]).T @ own)
    flip = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    turn = (left * flip) @ right
    scale = float((sizes * flip).sum() / (weight @ (own**2)).sum())
    return scale, turn, weight @ HEAD_68 - scale * turn @ (weight @ points)


def _nearest(point: Array, points: Array, triangles: NDArray[np.int64]) -> tuple[int, Array]:
    """The triangle that comes nearest to ``point``, and the barycentric weights (3,) of the nearest place on it."""
    near = np.argsort(((points[triangles].mean(1) - point) ** 2).sum(1))[:300]
    best, found = np.inf, (0, np.zeros(3))
    for which in near:
        for weights in _places(point, points[triangles[which]]):
            distance = float(np.linalg.norm(weights @ points[triangles[which]] - point))
            if distance < best:
                best, found = distance, (int(which), weights)
    return found


def _places(point: Array, corners: Array) -> Iterator[Array]:
    """Weights of the nearest places on a triangle's three sides, and inside where the foot of the normal lies there."""
    inner = np.linalg.lstsq(np.stack([corners[1] - corners[0], corners[2] - corners[0]], 1), point - corners[0], None)[
        0
    ]
    if min(*inner, 1 - inner.sum()) >= 0:
        yield np.array([1 - inner.sum(), *inner])
    for start in range(3):
        end, weights = (start + 1) % 3, np.zeros(3)
        side = corners[end] - corners[start]
        weights[end] = np.clip((point - corners[start]) @ side / max(side @ side, 1e-18), 0, 1)
        weights[start] = 1 - weights[end]
        yield weights


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("people", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SystemExit(f"There is no {path}: name the folder of people.py.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1:])
