"""One life of the interactive child: a process, and the threads that read and write its pipes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import IO, Any

from .command import find
from .process import kill_tree, spawn

LOG_LINES = 50
_GRACE = 0.5  # seconds between the end of a process and that of its pipes, or the other way round


@dataclass(frozen=True)
class Babble:
    """A line on the wire that is no message."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The process is gone: its exit code, or why it never came to be."""

    code: int | None
    problem: str = ""


class Conversation:
    """Starts ``argv`` and talks with it. Nothing here blocks its caller but :meth:`close`, and that briefly.

    ``heard`` fills with messages, with :class:`Babble`, and last of all with one :class:`Ended`.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self.heard: SimpleQueue[dict[str, Any] | Babble | Ended] = SimpleQueue()
        self.heard_at = time.monotonic()
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._to_say: SimpleQueue[str | None] = SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._killed = False
        self._lock = threading.Lock()
        self._over = threading.Event()
        # Starting a program can take long: a share that sleeps, a virus scanner.
        _thread(self._live, argv)

    def say(self, message: dict[str, Any]) -> None:
        """Send one message, as soon as the child takes it."""
        self._to_say.put(json.dumps(message, default=str) + "\n")

    def kill(self) -> None:
        """End the child at once, even while it is being started."""
        with self._lock:
            self._killed = True
            if self._process is not None and self._process.returncode is None:
                kill_tree(self._process.pid)

    def close(self, patience: float) -> None:
        """Close the child's stdin, which ends it; kill it when it is still there after ``patience`` seconds."""
        self._to_say.put(None)
        if not self._over.wait(patience):
            self.kill()

    def _live(self, argv: Sequence[str]) -> None:
        try:
            process = spawn(
                find(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except (OSError, ValueError) as error:
            problem = (
                str(error) if isinstance(error, FileNotFoundError) else f"{argv[0]} could not be started: {error}."
            )
            self._end(Ended(None, problem))
            return
        with self._lock:
            self._process = process
            if self._killed:
                kill_tree(process.pid)
        assert process.stdin and process.stdout and process.stderr
        _thread(self._write, process.stdin)
        readers = [_thread(self._read, process, process.stdout), _thread(self._keep, process.stderr)]
        code = process.wait()
        for reader in readers:  # something that the child had started may still hold the pipes open
            reader.join(_GRACE)
        self._end(Ended(code))

    def _end(self, end: Ended) -> None:
        self._over.set()
        self._to_say.put(None)
        self.heard.put(end)

    def _write(self, pipe: IO[str]) -> None:
        with contextlib.suppress(OSError, ValueError):  # the reader tells of a child that is gone
            while (line := self._to_say.get()) is not None:
                pipe.write(line)
                pipe.flush()
        with contextlib.suppress(OSError, ValueError):
            pipe.close()

    def _read(self, process: subprocess.Popen[str], pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                if line.strip():
                    self.heard_at = time.monotonic()
                    self.heard.put(_parsed(line))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        if process.returncode is None:  # it lives, but can tell nothing any more
            self.kill()

    def _keep(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self.log.append(line.rstrip())


def _parsed(line: str) -> dict[str, Any] | Babble:
    with contextlib.suppress(ValueError, RecursionError):
        message = json.loads(line)
        if isinstance(message, dict) and isinstance(message.get("event"), str):
            return message
    return Babble(line.strip())


def _thread(work: Any, *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=work, args=arguments, name="understudy", daemon=True)
    thread.start()
    return thread
