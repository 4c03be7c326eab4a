"""The figures of a running job: curves that stay small, and how long it still takes."""

from __future__ import annotations

from collections import deque

POINTS = 4000
"""Points that a curve has at most: more than a panel has pixels."""


class Curves:
    """Curves of ``(step, value)`` by name, thinned out evenly when they grow too long. The newest point is always there."""

    def __init__(self, most: int = POINTS) -> None:
        self.points: dict[str, list[tuple[int, float]]] = {}
        self._most = most
        self._gaps: dict[str, float] = {}  # steps between two points that stay

    def add(self, name: str, step: int, value: float) -> None:
        """Add a point. A step back, as after a resumed training, takes the points from there on away first."""
        points = self.points.setdefault(name, [])
        while points and points[-1][0] >= step:
            points.pop()
        if len(points) > 1 and points[-1][0] - points[-2][0] < self._gaps.get(name, 0.0):
            points.pop()
        points.append((step, value))
        if len(points) > self._most:
            gap = self._gaps[name] = 2.0 * (step - points[0][0]) / self._most
            kept = [points[0]]
            for point in points[1:-1]:
                if point[0] - kept[-1][0] >= gap:
                    kept.append(point)
            points[:] = [*kept, points[-1]]


class Pace:
    """How fast a job's progress went lately: over the last minute, or the last five changes if they took longer."""

    _WINDOW, _LEAST, _MOST = 60.0, 5, 200

    def __init__(self) -> None:
        self._changes: deque[tuple[float, int]] = deque(maxlen=self._MOST)
        self._count: tuple[str, str, int | None] | None = None  # what is counted
        self._newest = 0.0

    def add(self, time: float, what: tuple[str, str, int | None], done: int) -> None:
        """``done`` at ``time`` (seconds) of ``what``: the stage, the unit, and how many there are in all."""
        changes = self._changes
        if what != self._count or (changes and done < changes[-1][1]):
            self._count = what
            changes.clear()
        self._newest = time
        if not changes or done > changes[-1][1]:
            changes.append((time, done))
        while len(changes) > self._LEAST and time - changes[0][0] > self._WINDOW:
            changes.popleft()

    @property
    def seconds_left(self) -> float | None:
        """From the newest report to the end at this pace; None while nobody can know."""
        total = self._count[2] if self._count else None
        if total is None or len(self._changes) < 2:
            return None
        (since, first), (until, last) = self._changes[0], self._changes[-1]
        if until <= since:
            return None
        return max(0.0, (total - last) * (until - since) / (last - first) - (self._newest - until))
