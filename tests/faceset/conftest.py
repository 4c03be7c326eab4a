"""Facesets made up by the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_faces import make_face, make_pixels
from understudy.faceset.store import Faceset


@pytest.fixture
def faceset(tmp_path: Path) -> Faceset:
    return Faceset.create(tmp_path / "set", {"made by": "a test"})


@pytest.fixture
def filled(faceset: Faceset) -> Callable[[int], Faceset]:
    def fill(count: int) -> Faceset:
        for frame in range(1001, 1001 + count):
            faceset.add(make_face(frame), make_pixels(frame))
        return faceset

    return fill
