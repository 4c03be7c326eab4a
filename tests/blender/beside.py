"""Working beside the UI, as Blender's timer does, with a watch on how long each call on the main thread takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SLOWEST = 0.05
"""Seconds of work that a call may be for Blender's main thread."""

LONGEST = 0.5
"""Seconds that it may take in all: a busy machine lengthens it, and waiting for the backend would take longer still."""


class Watch:
    """Begins to run when it is made."""

    def __init__(self) -> None:
        self._worked, self._started = time.thread_time(), time.perf_counter()

    def check(self, what: str) -> None:
        """Fails when ``what`` took the main thread too long."""
        worked, took = time.thread_time() - self._worked, time.perf_counter() - self._started
        assert worked < SLOWEST, f"{what} was {1000 * worked:.0f} ms of work"
        assert took < LONGEST, f"{what} took {1000 * took:.0f} ms"


def timed(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What ``call`` returns, which has to come in time."""
    watch = Watch()
    result = call(*arguments, **named)
    watch.check(_name(call))
    return result


def until(session: Any, done: Callable[[], Any], seconds: float = 120.0) -> float:
    """Poll until ``done``; the seconds that it took. No call of ``poll`` may be slow."""
    started = time.monotonic()
    while not done():
        assert time.monotonic() - started < seconds, [(one.title, one.state, one.line()) for one in session._tasks]
        watch = Watch()
        session.poll()
        watch.check("a poll")
        time.sleep(0.02)
    return time.monotonic() - started


def _name(call: Any) -> str:
    return call.idname_py() if hasattr(call, "idname_py") else getattr(call, "__qualname__", repr(call))
