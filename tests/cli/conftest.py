from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from understudy.events import Events

Run = Callable[[Any, Events], dict[str, Any]]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Run], None]:
    """Puts a function in the place of a stage."""

    def put(name: str, run: Run) -> None:
        module = ModuleType("understudy.bench" if name == "bench" else f"understudy.stages.{name}")
        module.__dict__["run"] = run
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return put
