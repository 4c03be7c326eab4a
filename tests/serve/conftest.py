from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import REAL, STAND_IN, Child


@pytest.fixture(scope="module")
def real() -> Iterator[Child]:
    """A child with the real stages, that several tests may ask."""
    with Child(REAL) as child:
        yield child


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Child]:
    """A child whose stage ``find`` does what the tests want, that several tests may ask."""
    with Child(STAND_IN) as child:
        yield child


@pytest.fixture
def own() -> Iterator[Child]:
    """The same for one test alone, which may end it."""
    with Child(STAND_IN) as child:
        yield child
