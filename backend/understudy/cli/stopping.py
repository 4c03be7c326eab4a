"""How a run is asked to stop: Ctrl-C, a signal, or a file in the job's folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from understudy.errors import ExitCode

_BETWEEN_LOOKS = 0.5  # seconds: the job's folder may lie on a slow share
_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")  # the last is Ctrl-Break, on Windows only


class StopRequest:
    """True when called, once a stop was asked for by a signal or by the file ``file``."""

    def __init__(self, file: Path | None = None) -> None:
        self.asked = False
        self._file = file
        self._next_look = 0.0

    def __call__(self) -> bool:
        if not self.asked and self._file is not None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _BETWEEN_LOOKS
            self.asked = self._file.exists()
        return self.asked

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            os._exit(ExitCode.INTERRUPTED)
        self.asked = True
        # Not print: a signal may arrive in the middle of another one.
        os.write(2, b"\nStopping at the next safe place; once more stops at once.\n")


@contextmanager
def stop_request(file: Path | None = None) -> Iterator[StopRequest]:
    """Turns the first Ctrl-C (or SIGTERM, or Ctrl-Break) of the block into a request, and the second into an exit.

    ``file`` asks the same by being there. It is taken away at the end: a request is for one run.
    """
    request = StopRequest(file)
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, request._on_signal) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if file is not None:
            file.unlink(missing_ok=True)
