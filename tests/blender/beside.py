"""Working beside the UI, as Blender's timer does, with a watch on what each call does to the main thread.

The watch counts calls of functions and catches waiting; it reads no clock, so that a busy machine fails nothing.
"""

from __future__ import annotations

import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any

MOST = 100_000
"""Calls of functions that one call on Blender's main thread may come to: some ten milliseconds of work."""

_WAITING = {time.sleep, select.select}
_WAITING_IN: dict[CodeType, str] = {
    function.__code__: name
    for function, name in (
        (threading.Condition.wait, "a lock"),
        (threading.Thread.join, "a thread"),
        (subprocess.Popen.wait, "a process"),
        (subprocess.Popen.communicate, "a process"),
    )
}
_STARTING = threading.Thread.start.__code__  # waits for the new thread's first breath


class Watch:
    """Around a call on the main thread: fails when it waited for something, or was much work."""

    def __init__(self, what: str) -> None:
        self.calls = 0
        self._what = what
        self._waited = ""

    def __enter__(self) -> Watch:
        sys.setprofile(self._see)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.setprofile(None)
        if error is None:
            assert not self._waited, f"{self._what} waited for {self._waited}"
            assert self.calls < MOST, f"{self._what} was {self.calls} calls"

    def _see(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            self.calls += 1
            if function in _WAITING:
                self._waited = f"{function.__name__} in {frame.f_code.co_qualname}"
        elif event == "call":
            self.calls += 1
            if (name := _WAITING_IN.get(frame.f_code)) and not _starting(frame):
                self._waited = f"{name} in {_callers(frame)}"


def timed(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What ``call`` returns, which must not hold the main thread up."""
    with Watch(_name(call)):
        return call(*arguments, **named)


def until(session: Any, done: Callable[[], Any], seconds: float = 120.0) -> None:
    """Poll until ``done``. No call of ``poll`` may hold the main thread up."""
    started = time.monotonic()
    while not done():
        assert time.monotonic() - started < seconds, [(one.title, one.state, one.line()) for one in session._tasks]
        timed(session.poll)
        time.sleep(0.02)


def _starting(frame: FrameType | None) -> bool:
    """Whether this is inside the start of a thread."""
    while frame is not None:
        if frame.f_code is _STARTING:
            return True
        frame = frame.f_back
    return False


def _callers(frame: FrameType) -> str:
    """The functions that led to ``frame``, nearest first."""
    names: list[str] = []
    caller = frame.f_back
    while caller is not None and len(names) < 6:
        names.append(caller.f_code.co_qualname)
        caller = caller.f_back
    return " < ".join(names)


def _name(call: Any) -> str:
    return call.idname_py() if hasattr(call, "idname_py") else getattr(call, "__qualname__", repr(call))
