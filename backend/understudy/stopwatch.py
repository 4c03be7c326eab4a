"""Where a loop's time goes, by its own wall clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """Adds up the seconds of a loop (``running``) and of its named parts. For one thread; parts do not nest."""

    def __init__(self) -> None:
        self.wall = 0.0  # seconds
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the whole of what is measured."""
        start = perf_counter()
        try:
            yield
        finally:
            self.wall += perf_counter() - start

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time one part of it."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += perf_counter() - start

    def shares(self) -> dict[str, float]:
        """Each part's share of the whole, 0..1, and ``other`` for what no part claims."""
        whole = max(self.wall, 1e-9)
        shares = {name: seconds / whole for name, seconds in self.seconds.items()}
        return shares | {"other": max(0.0, 1.0 - sum(shares.values()))}
