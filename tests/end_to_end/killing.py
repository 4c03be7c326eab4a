"""Processes that are killed on purpose, and never waited for without an end."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

BACKEND = Path(__file__).parents[2] / "backend"

PATIENCE = 240.0
"""Seconds after which a process that does not get anywhere is taken to hang."""


def start(arguments: list[str], told: Path, **variables: str) -> subprocess.Popen[str]:
    """Python with ``arguments`` on one core; what it tells on its error stream goes to the file ``told``."""
    paths = os.pathsep.join(filter(None, [str(BACKEND), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1", **variables}
    with told.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=errors, text=True
        )
    atexit.register(process.kill)  # a test that fails leaves nobody behind
    return process


def written(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 where there is none, as between the two renames of a save."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str], told: Path) -> None:
    """Wait until ``reached`` or the process has ended. Where neither comes, fail with the stacks of its threads."""
    give_up = time.monotonic() + PATIENCE
    while process.poll() is None and not reached():
        if time.monotonic() > give_up:
            if os.name == "posix":
                process.send_signal(signal.SIGABRT)  # its fault handler writes the stacks
            else:
                process.kill()
            process.wait(30)
            raise AssertionError(f"no progress within {PATIENCE:g} s:\n{told.read_text(errors='replace')}")
        time.sleep(0.002)
