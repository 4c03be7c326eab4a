"""A clock for tests: it goes on only when a test lets it, however busy the machine is."""

from __future__ import annotations

import time
from types import ModuleType, SimpleNamespace

import pytest


class Clock:
    """In the place of ``time.monotonic`` or ``time.perf_counter``; ``sleep`` in that of ``time.sleep``. Seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def put_into(self, monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
        """Let ``modules`` look at this clock, whether they have ``time`` or ``perf_counter`` by name."""
        own = {"monotonic": self, "perf_counter": self, "sleep": self.sleep}
        for module in modules:
            if hasattr(module, "perf_counter"):
                monkeypatch.setattr(module, "perf_counter", self)
            else:
                monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), **own}))

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
