"""The way out: one JSON object a line, and nothing else ever between them."""

from __future__ import annotations

import os
import threading
from typing import Any

from understudy.errors import ExitCode
from understudy.events import JsonLines

Event = dict[str, Any]


class Wire:
    """Takes the process's stdout for itself; what is printed from now on goes to stderr. Used by several threads."""

    def __init__(self) -> None:
        own = os.dup(1)
        os.dup2(2, 1)
        self._lines = JsonLines(os.fdopen(own, "w", encoding="utf-8", newline="\n"))
        self._lock = threading.Lock()
        self._held: list[Event] | None = []  # until the greeting, which comes first

    def greet(self, hello: Event) -> None:
        """Send ``hello``, and then what was to be sent before it."""
        with self._lock:
            for event in (hello, *(self._held or ())):
                self._write(event)
            self._held = None

    def send(self, event: Event) -> None:
        with self._lock:
            if self._held is None:
                self._write(event)
            else:
                self._held.append(event)

    def _write(self, event: Event) -> None:
        try:
            self._lines.send(event)
        except OSError:
            os._exit(ExitCode.OK)  # nobody listens any more


class Tagged:
    """A sink that marks the events of one request with its ``id``."""

    def __init__(self, wire: Wire, number: int | None) -> None:
        self._wire, self._number = wire, number

    def send(self, event: Event) -> None:
        self._wire.send({**event, "id": self._number})
