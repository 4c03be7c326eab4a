"""One command at a time in a folder that is written: a lock of the operating system, which dies with its holder.

The lock is a hidden file in the folder, or beside what has no folder of its own; who holds it stands in a second file, for
a locked file cannot be read everywhere. Both are gone when nobody holds the folder any more, unless the holder was killed:
then they mean nothing, and whoever comes next takes them over.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from understudy.errors import BusyError, cannot_write
from understudy.json_reader import parse_json
from understudy.plate.files import shortened

NAME = ".understudy.lock"
"""The lock of a folder."""

_WHO = ".json"  # appended: who holds it
_MOST_BYTES = 180  # of a lock's name that are the file's
_TRIES = 20
_IN_THE_WAY = (errno.ENAMETOOLONG, errno.ENOSPC, errno.EROFS)
_PATIENCE = 0.3  # seconds: another may just be looking whether it is held, or letting go


def is_lock(path: Path) -> bool:
    """Whether ``path`` is a lock, or tells who holds one."""
    return path.name.removesuffix(_WHO) == NAME


def lock_beside(path: Path, what: str = "") -> Path:
    """The lock of a file or sequence ``path``, which lies beside it; ``what`` tells several of one path apart."""
    return path.with_name(f".{shortened(path.name, _MOST_BYTES)}{what}.lock")


@contextmanager
def hold(folder: Path, command: str) -> Iterator[None]:
    """Hold ``folder``, which is made, for ``command`` while the block runs.

    A folder that was made for this and is empty in the end is removed. Raises :class:`BusyError` when another holds it, in
    this process or another, and :class:`OutputError`.
    """
    with hold_lock(folder / NAME, command, folder):
        yield


@contextmanager
def hold_lock(lock: Path, command: str, held: Path) -> Iterator[None]:
    """Hold the ``lock`` of what is called ``held``; as :func:`hold`.

    Where the disk knows no locks the block runs all the same.
    """
    try:
        made = [path for path in lock.parents if not path.exists()]
    except OSError as error:  # a name too long
        raise cannot_write(held, error) from error
    file = _acquired(lock, held)
    try:
        if file:
            with contextlib.suppress(OSError):  # a full disk does not show who it is
                lock.with_name(lock.name + _WHO).write_text(json.dumps(_me(command)), encoding="utf-8")
        yield
    finally:
        if file:
            _let_go(file, lock)
        for path in made:
            with contextlib.suppress(OSError):  # it holds something
                path.rmdir()


def _acquired(lock: Path, held: Path) -> FileLock | None:
    """The lock; None where the disk knows none, as some shares of a network. Raises BusyError and OutputError."""
    problem = OSError()
    for _ in range(_TRIES):
        file = FileLock(lock, timeout=_PATIENCE, thread_local=False)
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file.acquire()
            return file
        except Timeout:
            raise _busy(lock, held) from None
        except (FileNotFoundError, FileExistsError) as error:
            problem = error  # whoever made the folder is just removing it again
            time.sleep(0.01)
        except (PermissionError, IsADirectoryError, NotADirectoryError) as error:
            raise cannot_write(lock, error) from error
        except OSError as error:
            if error.errno in _IN_THE_WAY:
                raise cannot_write(lock, error) from error
            return None
    raise cannot_write(lock.parent, problem) from problem


def is_held(folder: Path) -> bool:
    """Whether somebody holds ``folder`` now."""
    return _is_held(folder / NAME)


def check_free(lock: Path, held: Path) -> None:
    """Raise :class:`BusyError` where somebody holds ``lock``, that of what is called ``held``."""
    if _is_held(lock):
        raise _busy(lock, held)


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    file = FileLock(lock, thread_local=False)
    try:
        file.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False
    _let_go(file, lock)  # whoever held it was killed
    return False


def holder(lock: Path) -> dict[str, Any]:
    """Who holds ``lock``: ``pid``, ``host`` and ``command``, as far as that is told."""
    try:
        who = parse_json(lock.with_name(lock.name + _WHO).read_text(encoding="utf-8"), largest=1 << 12)
    except (OSError, ValueError):
        return {}
    return who if isinstance(who, dict) else {}


def _let_go(file: FileLock, lock: Path) -> None:
    """Release ``file`` and leave nothing behind."""
    with contextlib.suppress(OSError):
        lock.with_name(lock.name + _WHO).unlink(missing_ok=True)
    # While it is held: who opened it meanwhile sees that it is gone, and makes a new one. Windows removes it itself, and
    # where the disk knows no such locks it holds something, and is removed by the library.
    with contextlib.suppress(OSError):
        if sys.platform != "win32" and not lock.stat().st_size:
            lock.unlink()
    file.release()


def _busy(lock: Path, held: Path) -> BusyError:
    who = holder(lock)
    told = (
        f" by {who['command']} (process {who['pid']} on {who['host']})"
        if {"command", "pid", "host"} <= who.keys()
        else ""
    )
    return BusyError(f"{held} is in use{told}.", "Wait until that has ended, or stop it; or choose another folder.")


def _me(command: str) -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "command": f"understudy {command}"}
