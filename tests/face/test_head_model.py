from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from understudy.face.geometry import HEAD_68
from understudy.face.head_model import head_model
from understudy.face.mesh import at_landmarks, mirrored

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ROOT.parent / "shared" / "tools" / "people"
SAMPLES = {"A": 11, "B": 27, "C": 44, "D": 12}


def in_mirror(vertices):
    return vertices[..., mirrored(), :] * (-1, 1, 1)


@pytest.mark.parametrize("part", ["shape", "expression"])
def test_components_are_orthonormal_and_fall_in_size(part: str) -> None:
    model = head_model()
    ways = getattr(model, part).reshape(len(getattr(model, part)), -1)
    assert ways @ ways.T == pytest.approx(np.eye(len(ways)), abs=2e-3)  # stored as half floats
    assert (np.diff(getattr(model, f"{part}_deviation")) <= 0).all()


def test_the_mean_is_symmetric_and_lies_by_the_mean_landmarks() -> None:
    mean = head_model().mean
    assert in_mirror(mean) == pytest.approx(mean, abs=1e-3)
    assert np.linalg.norm(at_landmarks(mean) - HEAD_68, axis=1).mean() < 0.04


def test_each_component_is_symmetric_or_antisymmetric() -> None:
    model = head_model()
    # Two components of nearly the same size may mix: told apart are those that stand alone.
    sizes = model.shape_deviation
    alone = np.flatnonzero(np.abs(np.diff(sizes, prepend=np.inf)[:10] / sizes[:10]) > 0.08)
    assert len(alone) >= 4
    for component in model.shape[alone]:
        assert abs(np.sum(in_mirror(component) * component)) == pytest.approx(1, abs=0.05)


def test_coefficients_of_a_head_give_the_head_back() -> None:
    model = head_model()
    wanted = np.random.default_rng(0).normal(size=len(model.shape))
    assert model.coefficients(model.head(wanted)) == pytest.approx(wanted, abs=0.05)


def test_the_habit_is_small_and_nearly_symmetric() -> None:
    habit = head_model().habit
    assert in_mirror(habit) == pytest.approx(habit, abs=1e-3)
    assert np.sqrt((habit**2).sum(1).mean()) < 0.15


@pytest.fixture(scope="module")
def people():
    if not (PEOPLE / "people.py").is_file():
        pytest.skip("the maker of synthetic people (../shared/tools/people) is not here")
    return tool("head_model").People(PEOPLE)


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tool_{name}", ROOT / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_people_who_were_not_learnt_from_are_represented(people) -> None:
    model = head_model()
    traits = [people.module.CFG["people"][name] for name in SAMPLES] + [{"seed": seed} for seed in range(500, 510)]
    off, plain = [], []
    for one in traits:
        true = people.vertices(people.person(**one))
        off.append(np.sqrt(((model.head(model.coefficients(true)) - true) ** 2).sum(1).mean()))
        plain.append(np.sqrt(((model.mean - true) ** 2).sum(1).mean()))
    assert max(off) < 0.01  # mean-face units: a head is two high
    assert np.mean(off) < 0.2 * np.mean(plain)


@pytest.mark.slow
def test_the_mesh_lies_on_the_skin_where_its_landmarks_are(people) -> None:
    person = people.person(seed=501)
    scale, turn, shift = tool("head_model").aligned(person.V[people.base.landmarks] * (1, -1, -1))
    true = scale * (person.V[people.base.landmarks] * (1, -1, -1)) @ turn.T + shift
    assert np.linalg.norm(at_landmarks(people.vertices(person)) - true, axis=1).mean() < 0.02
