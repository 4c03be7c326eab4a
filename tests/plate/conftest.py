from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def synthetic() -> Path:
    """The folder of rendered test shots beside the checkout."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "synthetic"
    if not folder.is_dir():
        pytest.skip("the shared test shots are not beside this checkout")
    return folder
