"""Output whose reader may go away without harm: a job outlives whoever started it."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from understudy.events import JsonLines


def never_fail_for_a_letter() -> None:
    """From here on stdout and stderr write what their encoding cannot show as its number.

    A console of Windows, and what a farm's log is written with, may know a few hundred letters; a name may have any.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def silence(stream: IO[str]) -> None:
    """Send what is still written to ``stream`` nowhere, what it holds back included."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def quiet_when_unread(stream: IO[str]) -> Iterator[None]:
    """A block that writes to ``stream``: when nobody reads the pipe's other end any more, that is no failure."""
    try:
        try:
            yield
        finally:
            stream.flush()  # here, and not at the interpreter's end, where a failure could not be caught
    except OSError as error:
        # Windows tells a broken pipe as an invalid argument.
        if not (isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)):
            raise
        silence(stream)


class JsonOutput(JsonLines):
    """JSON lines on stdout, until nobody listens any more."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def send(self, event: dict[str, Any]) -> None:
        with quiet_when_unread(sys.stdout):
            super().send(event)
