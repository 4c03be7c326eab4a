"""Two people's facesets, drawn once."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_people import ANNE, BERT, make_faceset
from made_trainers import CPU
from understudy.model.network import SIDES
from understudy.training.data.dataset import Side, load_side


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("people")
    return {
        "source": make_faceset(folder / "bert", BERT, 20, seed=1),
        "target": make_faceset(folder / "anne", ANNE, 18, seed=2),
    }


@pytest.fixture(scope="session")
def sides(people: dict[str, Path]) -> dict[str, Side]:
    return {side: load_side([people[side]], 64, CPU) for side in SIDES}
