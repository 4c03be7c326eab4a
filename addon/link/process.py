"""Processes: starting them apart from Blender's own, asking whether they live, ending them with their children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .command import environment


def spawn(argv: Sequence[str], **streams: Any) -> subprocess.Popen[Any]:
    """Start ``argv`` in a session of its own, so that a Ctrl-C meant for Blender does not reach it. Raises ``OSError``."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(argv, env=environment(), creationflags=flags, **streams)
    return subprocess.Popen(argv, env=environment(), start_new_session=True, **streams)


def spawn_lasting(argv: Sequence[str], **streams: Any) -> subprocess.Popen[Any]:
    """As :func:`spawn`, for a process that is to outlive Blender. Raises ``OSError``."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        # Whatever started Blender may end all that it started; it may also forbid to leave it.
        with contextlib.suppress(PermissionError):
            leaving = flags | subprocess.CREATE_BREAKAWAY_FROM_JOB
            return subprocess.Popen(argv, env=environment(), creationflags=leaving, **streams)
    return spawn(argv, **streams)


def is_running(pid: int) -> bool:
    """Whether the process lives on this machine; one that has ended and only waits to be reaped does not."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = ctypes.c_void_p
        synchronise, access_denied, timed_out = 0x00100000, 5, 0x102
        handle = kernel.OpenProcess(synchronise, False, pid)
        if not handle:
            return ctypes.get_last_error() == access_denied
        try:
            return int(kernel.WaitForSingleObject(ctypes.c_void_p(handle), 0)) == timed_out
        finally:
            kernel.CloseHandle(ctypes.c_void_p(handle))
    try:
        os.kill(pid, 0)
    except PermissionError:  # somebody else's, but there
        return True
    except OSError:
        return False
    return not _is_zombie(pid)


def kill_tree(pid: int) -> None:
    """End the process, and those that it started, at once. One that is gone already is no error."""
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            subprocess.Popen(
                ["taskkill", "/T", "/F", "/PID", str(pid)],
                creationflags=subprocess.CREATE_NO_WINDOW,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        return
    with contextlib.suppress(OSError):
        # Only where it leads its group: one that was started by hand shares it with the terminal's other work.
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)


def _is_zombie(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):  # no such bookkeeping here
        return False
    return state in "ZX"
