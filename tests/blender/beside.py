"""Working beside the UI, as Blender's timer does, with a watch on how long each call on the main thread takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SLOWEST = 0.05
"""Seconds that a call on Blender's main thread may take."""


def timed(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What ``call`` returns, which has to come in time."""
    started = time.perf_counter()
    result = call(*arguments, **named)
    took = time.perf_counter() - started
    print(f"{1000 * took:5.1f} ms: {_name(call)}")
    assert took < SLOWEST, f"{_name(call)} took {1000 * took:.0f} ms"
    return result


def until(session: Any, done: Callable[[], Any], seconds: float = 120.0) -> float:
    """Poll until ``done``; the seconds that it took. No call of ``poll`` may be slow."""
    longest, started = 0.0, time.monotonic()
    while not done():
        assert time.monotonic() - started < seconds, [(one.title, one.state, one.line()) for one in session._tasks]
        before = time.perf_counter()
        session.poll()
        longest = max(longest, time.perf_counter() - before)
        time.sleep(0.02)
    print(f"{1000 * longest:5.1f} ms: longest poll")
    assert longest < SLOWEST, f"a poll took {1000 * longest:.0f} ms"
    return time.monotonic() - started


def _name(call: Any) -> str:
    return call.idname_py() if hasattr(call, "idname_py") else getattr(call, "__qualname__", repr(call))
