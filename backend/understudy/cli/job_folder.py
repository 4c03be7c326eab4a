"""A job's folder: the document that says what to do, and the signs of life of the run that does it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from understudy.errors import UsageError
from understudy.events import beating
from understudy.settings import Job, parse_job

DOCUMENT, RECORD, STOP, ALIVE = "job.json", "events.jsonl", "stop", "alive"
"""The files of a job's folder: what to do, what was done, the request to stop, and the sign of life."""

BEAT = 0.5
"""Seconds between two signs of life."""


def load_job(path: Path) -> Job:
    """The job of a document, or of the folder that holds it. Raises :class:`UsageError`."""
    document = path / DOCUMENT if path.is_dir() else path
    try:
        content = document.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The job document {document} cannot be read: {error.strerror}.", "Name a JSON document, or its folder."
        ) from error
    return parse_job(content, str(document))


@contextmanager
def showing_life(folder: Path) -> Iterator[None]:
    """Renew the file ``alive`` while the block runs: process, host, and a count that whoever follows can see growing."""
    alive, coming = folder / ALIVE, folder / f".{ALIVE}"
    beats = count(1)

    def beat() -> None:
        sign = {"pid": os.getpid(), "host": socket.gethostname(), "beat": next(beats)}
        # Missing a beat is no reason to end a job: the disk may be full, and on Windows a reader holds the file.
        with suppress(OSError):
            coming.write_text(json.dumps(sign), encoding="utf-8")
            coming.replace(alive)

    try:
        with beating(BEAT, beat):
            yield
    finally:
        for file in (coming, alive):
            with suppress(OSError):
                file.unlink(missing_ok=True)
