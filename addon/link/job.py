"""A job: a folder with a document, and a process of its own that outlives Blender."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty
from typing import IO, Any

from .command import REMEDY, extended, find
from .follow import Follower, Gone, Pulse, Tail
from .messages import ending, unusable
from .process import kill_tree, spawn_lasting
from .progress import Curves, Pace
from .run_state import STOPPED, Event, RunState

_AT_ONCE = 1000  # events a drain takes: the rest waits, so that Blender's window does not
_LOG_END = 256 * 1024  # bytes of the log that are looked at: its last lines are wanted
_RUN = re.compile(r"--- .* ---")


class Job(RunState):
    """A job's folder and what its run has told so far. Called from one thread.

    ``metrics`` are curves of (step, value), ``preview`` is the newest picture's path; the rest is as for every run. What
    a run tells reaches these fields in :meth:`drain`, and nowhere else.
    """

    def __init__(self, folder: Path, stage: str, settings: dict[str, Any]) -> None:
        super().__init__()
        self.folder, self.stage, self.settings = folder, stage, settings
        self._curves = Curves()
        self.metrics = self._curves.points
        self.preview = ""
        self._tail = Tail(folder / "events.jsonl")
        self._follower: Follower | None = None
        self._pulse = Pulse(folder)
        self._own: list[Event] = []  # events that no run told
        self._killed = False
        self._pace = Pace()

    @classmethod
    def create(cls, folder: Path, stage: str, settings: dict[str, Any]) -> Job:
        """A new job in a new folder. Raises ``FileExistsError``, or another ``OSError`` when it cannot be written."""
        folder = Path(folder).absolute()
        folder.mkdir(parents=True)
        document = json.dumps({"stage": stage, "settings": settings, "version": 1}, indent=2, default=str)
        coming = folder / ".job.json"
        coming.write_text(document + "\n", encoding="utf-8")
        coming.replace(folder / "job.json")
        return cls(folder, stage, json.loads(document)["settings"])

    @classmethod
    def open(cls, folder: Path) -> Job:
        """Find a job again, running or not. Raises ``OSError``, or ``ValueError`` when this is no job's folder."""
        folder = Path(folder).absolute()
        document = json.loads((folder / "job.json").read_bytes())
        if not isinstance(document, dict) or not isinstance(document.get("stage"), str):
            raise ValueError(f"{folder / 'job.json'} is no job document.")
        job = cls(folder, document["stage"], dict(document.get("settings") or {}))
        job._replay()
        if job.state == "running" and job._pulse.gone():
            job._replay()  # it may have come to its end between the two looks
            if job.state == "running":
                job._lose(None)
                job._own.clear()  # old news
        job.stopping = job.state == "running" and (folder / "stop").exists()
        return job

    @property
    def active(self) -> bool:
        """Whether a process is at work, or is still about to leave after its last word."""
        return self.state == "running" or self._follower is not None

    @property
    def seconds_left(self) -> float | None:
        """How long the run still takes at its recent pace; None while nobody can know."""
        return self._pace.seconds_left if self.state == "running" and not self.stopping else None

    def reset(self) -> None:
        """Make a job that has ended ready for another run, which goes on from what is saved."""
        if self.state != "running":
            self.close()
            self.begin("waiting")

    def start(self, argv: Sequence[str]) -> None:
        """Run the job by the backend's command ``argv``, and follow it. What cannot be started has failed."""
        if self.state == "running":
            return
        self.close()
        self.begin("running")
        self._killed = False
        process = None
        try:
            for old in ("stop", "alive"):  # of an earlier run
                (self.folder / old).unlink(missing_ok=True)
            self._tail = Tail(self.folder / "events.jsonl", new=True)
            with (self.folder / "log.txt").open("ab") as log:
                log.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(' '.join(argv).split())} ---\n".encode())
                log.flush()
                process = self._spawn(argv, log)
            # Until the run itself tells its number, this is how it is found again.
            launched = {"event": "launched", "time": time.time(), "pid": process.pid, "host": socket.gethostname()}
            with (self.folder / "events.jsonl").open("a", encoding="utf-8", newline="\n") as record:
                record.write(json.dumps(launched) + "\n")
        except OSError as error:
            if process is not None:
                kill_tree(process.pid)
            self.fail(error.args[0] if len(error.args) == 1 else unusable(self.folder, error))
        else:
            self._pulse = Pulse(self.folder, process)
            self.follow()

    def fail(self, message: str) -> None:
        """End a job that could not be started."""
        hint = f"{REMEDY[:-1]}, and whether {self.folder} can be written."
        self._tell({"event": "failed", "code": 1, "message": message, "hint": hint})

    def follow(self) -> None:
        """Watch a running job from now on, in a thread; :meth:`drain` takes in what it tells."""
        if self._follower is None and self.state == "running":
            self._follower = Follower(self._tail, self._pulse)

    def drain(self) -> list[Event]:
        """The events since the last time; never blocks. One that ends without a word ends by ``lost {message, hint}``."""
        events, self._own = self._own, []
        for _ in range(_AT_ONCE):
            if self._follower is None:
                break
            try:
                told = self._follower.told.get_nowait()
            except Empty:
                break
            if isinstance(told, Gone):
                self._follower = None
                if self.state == "running":
                    self._lose(told.code)
                events += self._own
                self._own = []
            else:
                self.apply(told)
                events.append(told)
        return events

    def stop(self) -> None:
        """Ask the run to stop at its next safe place; one that has not begun is stopped at once.

        Where the request cannot be written, on a full disk or in a folder that is gone, the run is ended at once; raises
        ``OSError`` when it cannot be reached either.
        """
        if self.state == "waiting":
            self._tell({"event": "failed", "code": STOPPED, "message": "Stopped before it began.", "hint": ""})
        elif self.state == "running":
            try:
                (self.folder / "stop").touch()
            except OSError:
                if not self._end():
                    raise
            self.stopping = True

    def kill(self) -> None:
        """End the run at once; what it has saved stays. Where its process cannot be reached, ask it to :meth:`stop`."""
        if self.state == "running" and self._end():
            self.stopping = True
        else:
            self.stop()

    def close(self) -> None:
        """Follow no longer; the run goes on."""
        if self._follower is not None:
            self._follower.leave()
            self._follower = None

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of the newest run's log; the events among them, which are in ``events.jsonl``, are left out."""
        try:
            with (self.folder / "log.txt").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_END))
                text = file.read().decode(errors="replace")
        except OSError:
            return []
        told = [line for line in text.splitlines() if line.strip() and not line.startswith('{"event"')]
        begun = max((number for number, line in enumerate(told) if _RUN.fullmatch(line)), default=-1)
        return told[begun + 1 :][-lines:]

    def _spawn(self, argv: Sequence[str], log: IO[bytes]) -> subprocess.Popen[Any]:
        command = extended(find(argv), "run", str(self.folder), "--events", "json")
        return spawn_lasting(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def _end(self) -> bool:
        """Kill the run's process; False when none is the job's beyond doubt."""
        victim = self._pulse.victim
        if victim is None:
            return False
        self._killed = True
        kill_tree(victim)
        return True

    def begin(self, state: str) -> None:
        """Start over. The curves and the last preview stay: it goes on where the last run stopped."""
        super().begin(state)
        self._pace = Pace()

    def _replay(self) -> None:
        for event in self._tail.read():
            self._pulse.meet(event)
            self.apply(event)

    def _lose(self, code: int | None) -> None:
        """The process is gone, and said nothing of its end."""
        hint = f"Run it again to go on from what is saved; its log is {self.folder / 'log.txt'}."
        if self._killed:
            told = {
                "event": "failed",
                "code": STOPPED,
                "message": f"The {self.stage} job was ended at once, on request.",
            }
        else:
            told = {"event": "lost", "message": ending(f"The {self.stage} job", code, self.log_tail(200))}
        for sign in ("alive", "stop"):
            with contextlib.suppress(OSError):
                (self.folder / sign).unlink(missing_ok=True)
        self._tell({**told, "hint": hint})

    def _tell(self, event: Event) -> None:
        """An event that no run told."""
        event["time"] = time.time()
        self._own.append(event)
        self.apply(event)

    def apply(self, event: Event) -> None:
        """Take in one event: the run's state, its curves, its pace and its newest picture."""
        super().apply(event)
        with contextlib.suppress(KeyError, TypeError, ValueError):
            match event["event"]:
                case "progress":
                    self._pace.add(float(event["time"]), (self.within, event["unit"], event["total"]), event["done"])
                case "metric":
                    self._curves.add(event["name"], int(event["step"]), float(event["value"]))
                case "preview":
                    self.preview = event["path"]
