"""Following a job by its folder, whoever started it: what its run tells, and whether its process lives."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from .process import is_running
from .run_state import Event

LOOK = 0.2
"""Seconds between two looks into the folder."""

ELSEWHERE = 15.0
"""Seconds without a beat after which a process of another machine counts as gone."""

HERE = 60.0
"""The same for this machine, where the process's number is in use but perhaps by another program by now."""

_ENDING = 10.0  # seconds that a process may take to leave after its last event


@dataclass(frozen=True)
class Gone:
    """The process has ended; its exit code where this process started it."""

    code: int | None


class Tail:
    """The events of a growing ``events.jsonl``: whole lines only, and each once; those from now on when ``new``."""

    def __init__(self, path: Path, *, new: bool = False) -> None:
        self._path = path
        self._offset = path.stat().st_size if new and path.exists() else 0

    def read(self) -> list[Event]:
        """What was added since the last time; nothing while the file is not there."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except OSError:
            return []
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [event for line in whole.splitlines() if (event := _parsed(line)) is not None]


class Pulse:
    """Whether a job's process lives: by the process itself, by its number, or by the beats in its folder."""

    def __init__(self, folder: Path, process: subprocess.Popen[Any] | None = None) -> None:
        self._alive = folder / "alive"
        self._process = process
        self._who: tuple[int, str] | None = None  # process number and host
        self._beat: object = None
        self._still = 0.0  # seconds without a new beat, counted by looks: a machine may have slept in between
        self._moved = False

    @property
    def code(self) -> int | None:
        """The exit code, where it is known."""
        return self._process.returncode if self._process is not None else None

    @property
    def victim(self) -> int | None:
        """The number of a process of this machine that is the job's beyond doubt, if there is one."""
        if self._process is not None and self._process.returncode is None:
            return self._process.pid
        fresh = self._moved and self._still < 5.0
        return self._who[0] if fresh and self._who and self._who[1] == socket.gethostname() else None

    def meet(self, event: Event) -> None:
        """Learn from ``launched`` and ``started`` which process it is."""
        if event["event"] in {"launched", "started"} and isinstance(event.get("pid"), int):
            self._who = (event["pid"], str(event.get("host", "")))

    def gone(self) -> bool:
        """Whether the process has ended. Asked every :data:`LOOK` seconds."""
        beating = self._listen()
        if self._process is not None and self._process.poll() is None:
            return False
        # What we started may have been a shell, or a connection that broke: the run itself may go on.
        if self._who is None:
            return True
        pid, host = self._who
        if host != socket.gethostname():
            return self._still > ELSEWHERE
        return not is_running(pid) or (beating and self._still > HERE)

    def _listen(self) -> bool:
        """Look at the beat; whether there is one to look at."""
        self._still += LOOK
        try:
            sign = json.loads(self._alive.read_bytes())
            who, beat = (int(sign["pid"]), str(sign["host"])), (sign["pid"], sign["beat"])
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError):  # it is being written at this moment
            return True
        self._who = who
        if beat != self._beat:
            self._moved = self._beat is not None
            self._beat, self._still = beat, 0.0
        return True


class Follower:
    """A thread that puts a run's events into ``told``, and :class:`Gone` at its end."""

    def __init__(self, tail: Tail, pulse: Pulse) -> None:
        self.told: SimpleQueue[Event | Gone] = SimpleQueue()
        self._tail, self._pulse = tail, pulse
        self._leave = threading.Event()
        threading.Thread(target=self._follow, name="understudy job", daemon=True).start()

    def leave(self) -> None:
        """Follow no longer; the job goes on."""
        self._leave.set()

    def _follow(self) -> None:
        leaving: float | None = None
        while not self._leave.is_set():
            # In this order: what a process wrote before it ended is read before its end is told.
            gone = self._pulse.gone()
            for event in self._tail.read():
                self._pulse.meet(event)
                self.told.put(event)
                if event["event"] in {"done", "failed"}:
                    leaving = 0.0
            if gone or (leaving is not None and leaving > _ENDING):
                self.told.put(Gone(self._pulse.code))
                return
            leaving = None if leaving is None else leaving + LOOK
            self._leave.wait(LOOK)


def _parsed(line: bytes) -> Event | None:
    """The event of a line. The half line of a run that was killed may stand before another run's first one."""
    for start in (0, line.rfind(b'{"event"')):
        with contextlib.suppress(ValueError, RecursionError):
            event = json.loads(line[max(start, 0) :])
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                return event
    return None
