"""One training at a time in a model's folder: a lock of the operating system, which dies with its holder."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from understudy.errors import ModelError, cannot_write
from understudy.json_reader import parse_json

FILE = "training.lock"
"""Says who holds the folder. That it is there means nothing: what counts is whether it is locked."""

_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # a locked byte cannot be read by others, so it lies behind all that is written

    def _lock(file: IO[str]) -> None:
        os.lseek(file.fileno(), _FAR, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file: IO[str]) -> None:
        os.lseek(file.fileno(), _FAR, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the model's ``folder``, which is made, while the block runs: whatever changes the training's state needs it.

    The system lets go when the process ends, however it ends. Where the disk knows no locks (some network shares) the
    block runs all the same. Raises :class:`ModelError` when another holds it, in this process or another, and
    :class:`OutputError`.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8", newline="\n")
    except OSError as error:
        raise cannot_write(path, error) from error
    with file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in _BUSY:
                raise ModelError(
                    f"The model in {folder} is in use{_holder(path)}.", "Stop that training first, or wait for its end."
                ) from None
        try:
            with suppress(OSError):  # a full disk does not show who it is
                file.truncate(0)
                file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}) + "\n")
                file.flush()
            yield
        finally:
            with suppress(OSError):
                _unlock(file)


def is_held(folder: Path) -> bool:
    """Whether a training, or a restoration, is at work in the model's ``folder`` now."""
    try:
        file = (folder / FILE).open("r+", encoding="utf-8")
    except OSError:
        return False
    with file:
        try:
            _lock(file)
        except OSError as error:
            return error.errno in _BUSY
        _unlock(file)
        return False


def _holder(path: Path) -> str:
    """Who holds it, as far as the file tells."""
    try:
        who = parse_json(path.read_text(encoding="utf-8"), largest=1 << 12)
        return f" by process {who['pid']} on {who['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
