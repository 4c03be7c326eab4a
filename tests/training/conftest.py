"""Two people's facesets, drawn once."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_people import ANNE, BERT, make_faceset


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("people")
    return {
        "source": make_faceset(folder / "bert", BERT, 20, seed=1),
        "target": make_faceset(folder / "anne", ANNE, 18, seed=2),
    }
