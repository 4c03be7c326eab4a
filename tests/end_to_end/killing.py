"""Processes that are killed on purpose, and never waited for without an end."""

from __future__ import annotations

import atexit
import faulthandler
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

BACKEND = Path(__file__).parents[2] / "backend"

PATIENCE = 240.0
"""Seconds after which a process that does not get anywhere is taken to hang."""

# Where a process can be forked, the libraries are loaded once for all of them, which is most of what they would cost.
_FORKS = "forkserver" in multiprocessing.get_all_start_methods()
_CONTEXT = multiprocessing.get_context("forkserver" if _FORKS else "spawn")


def preload(*modules: str) -> None:
    """Load these for the processes that :func:`call` starts; in vain when there was one already."""
    if _FORKS:
        _CONTEXT.set_forkserver_preload(["understudy.cli", *modules])  # type: ignore[attr-defined]


class Process(Protocol):
    """What :func:`start` and :func:`call` return."""

    def poll(self) -> int | None:
        """The exit code, once it has ended; that of a signal is negative."""

    def wait(self, timeout: float = PATIENCE) -> int | None:
        """Wait for the end; its code."""

    def kill(self) -> None:
        """End it without warning."""

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""


class Called:
    """A process that runs the command, see :func:`call`."""

    def __init__(self, arguments: list[str], told: Path, variables: dict[str, str], renames: int | None) -> None:
        self._process = _CONTEXT.Process(target=_run, args=(arguments, str(told), variables, renames), daemon=True)
        self._process.start()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float = PATIENCE) -> int | None:
        self._process.join(timeout)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process.pid
        os.kill(self._process.pid, number)


def call(arguments: list[str], told: Path, *, renames: int | None = None, **variables: str) -> Called:
    """``understudy`` with ``arguments``, on one core of a process of its own; its error stream goes to the file ``told``.

    Where ``renames`` is a number, it kills itself as it is about to put so manyth EXR file into its place.
    """
    told.touch()
    return Called(arguments, told, variables, renames)


def _run(arguments: list[str], told: str, variables: dict[str, str], renames: int | None) -> None:
    os.environ.update(variables)
    for descriptor, path in ((1, os.devnull), (2, told)):
        stream = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(stream, descriptor)
        os.close(stream)
    faulthandler.enable()
    if renames is not None:
        sys.addaudithook(_killer(renames))
    import torch
    from understudy.cli import main

    torch.set_num_threads(1)
    sys.exit(main(arguments))


def _killer(renames: int) -> Callable[[str, tuple[object, ...]], None]:
    left = renames

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event == "os.rename" and str(arguments[1]).endswith(".exr"):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    return watch


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


def wait_until(reached: Callable[[], bool], process: Process, told: Path) -> None:
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
