"""What a run tells its watcher, and how a watcher asks it to stop.

A stage is handed one :class:`Events` and reports through it; it never prints. Sinks decide what becomes of a
report: progress bars for a person, JSON lines for a program, nothing for a test.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol

from understudy import __version__
from understudy.errors import Interrupted
from understudy.safe_text import one_line

EVENT_SCHEMA = 1
"""Version of the JSON lines; raised when a field changes its meaning."""


class Sink(Protocol):
    """Takes each event as one flat dictionary with at least ``event`` and ``time`` (seconds since 1970)."""

    def send(self, event: dict[str, Any]) -> None: ...


class JsonLines:
    """Writes one JSON object a line to a text stream, flushed, so that another process can follow it."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, event: dict[str, Any]) -> None:
        with self._lock:
            self._stream.write(json.dumps(event, default=str) + "\n")
            self._stream.flush()


class Recorder:
    """Keeps every event in a list: for tests and for stages that read another stage's story."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def send(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of one kind, in order."""
        return [event for event in self.events if event["event"] == kind]


class Events:
    """A run's voice (``progress``, ``metric``, ...) and its ear (``stopping``)."""

    def __init__(self, *sinks: Sink, stop: Callable[[], bool] = lambda: False) -> None:
        self._sinks = sinks
        self._stop = stop
        self._stage = ""

    @property
    def stopping(self) -> bool:
        """True once someone has asked this run to stop at the next safe place."""
        return self._stop()

    def raise_if_stopping(self) -> None:
        """Raise :class:`Interrupted` when a stop was asked for."""
        if self.stopping:
            raise Interrupted("Stopped on request.", "Run it again to go on from here.")

    def within(self, stage: str) -> Events:
        """The same watcher, with every event marked as coming from ``stage``."""
        inner = Events(*self._sinks, stop=self._stop)
        inner._stage = f"{self._stage}/{stage}" if self._stage else stage
        return inner

    def started(self) -> None:
        """A run began, in this process on this host."""
        self._send("started", pid=os.getpid(), host=socket.gethostname(), version=__version__)

    def alive(self) -> None:
        """The run goes on, whatever else it has to say."""
        self._send("alive")

    def cancelling(self) -> None:
        """The request to stop was heard; the run ends at the next safe place."""
        self._send("cancelling")

    def progress(self, done: int, total: int | None, unit: str, detail: str = "") -> None:
        """``done`` of ``total`` (None when open-ended) ``unit``s are finished."""
        self._send("progress", done=done, total=total, unit=unit, detail=one_line(detail))

    def metric(self, name: str, step: int, value: float) -> None:
        """One number of a curve."""
        self._send("metric", name=name, step=step, value=value)

    def preview(self, path: object) -> None:
        """A picture worth looking at was written or renewed."""
        self._send("preview", path=str(path))

    def note(self, text: str) -> None:
        """One sentence that a person should read."""
        self._send("note", text=one_line(text))

    def done(self, report: dict[str, Any]) -> None:
        """The run ended well."""
        self._send("done", report=report)

    def failed(self, code: int, message: str, hint: str) -> None:
        """The run ended badly; ``code`` is the process's exit code."""
        self._send("failed", code=code, message=message, hint=hint)

    def _send(self, kind: str, **fields: Any) -> None:
        event = {
            "event": kind,
            "time": round(time.time(), 3),
            **({"stage": self._stage} if self._stage else {}),
            **fields,
        }
        for sink in self._sinks:
            sink.send(event)


@contextmanager
def beating(every: float, beat: Callable[[], None]) -> Iterator[None]:
    """Call ``beat`` every ``every`` seconds, in a thread of its own, from the block's beginning to its end."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(every):
            beat()

    beat()
    thread = threading.Thread(target=go_on, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
