"""Setting the backend up: a virtual environment in the artist's folder, filled by pip, and proved by asking it.

In the folder lie the environment ``venv``, the log, and the stamp, which says "incomplete" from the first moment and
"complete" only when the installed command has answered.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from .interpreters import find_python
from .messages import last_sentence
from .pip import Plan, Progress, plan
from .process import kill_tree, spawn
from .run_state import STOPPED

PACKAGE = "understudy-vfx"
STAMP = "understudy-setup.json"
LOG = "understudy-setup.log"

_RAW_SINCE = (24, 1)  # the pip that can tell its progress to a program

Message = dict[str, Any]


class Setup:
    """One installation. Called from one thread; the work is done by child processes that another one watches.

    ``requirement`` is what pip installs: ``understudy-vfx==0.1.0``, a wheel or a folder; ``python`` the interpreter that
    the artist chose, if any; ``options`` what pip is told besides, such as another index. ``state`` is "off", "running",
    "done", "failed" or "stopped"; ``fraction`` (0 to 1, or None) and ``text`` tell how far it is; ``report`` holds
    ``version``, ``python``, ``command`` and ``devices`` at the end.
    """

    def __init__(self, folder: Path, requirement: str, *, python: str = "", options: Sequence[str] = ()) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.requirement = requirement
        self.state = "off"
        self.fraction: float | None = None
        self.text = self.problem = self.hint = ""
        self.report: Message | None = None
        self._python, self._options = python, list(options)
        self._told: SimpleQueue[Message] = SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = False
        self._lock = threading.Lock()

    @staticmethod
    def command(folder: Path) -> Path:
        """Where the backend's command lies in an environment folder."""
        venv = Path(folder).expanduser().absolute() / "venv"
        return venv / "Scripts" / "understudy.exe" if os.name == "nt" else venv / "bin" / "understudy"

    @staticmethod
    def installed(folder: Path) -> str | None:
        """The version that a finished installation in ``folder`` has; None where there is none, or an unfinished one."""
        stamp = _read_stamp(Path(folder).expanduser())
        complete = stamp.get("state") == "complete" and Setup.command(folder).is_file()
        return str(stamp["version"]) if complete else None

    @property
    def plan(self) -> Plan:
        """What this installation downloads, and roughly how much."""
        return plan(self._options)

    @property
    def log(self) -> Path:
        """Where everything that the installation said is kept."""
        return self.folder / LOG

    def start(self) -> None:
        """Begin, unless it runs already."""
        if self.state != "running":
            self.state, self.fraction, self.text, self.problem, self.hint = "running", None, "Starting", "", ""
            self.report, self._cancelled = None, False
            threading.Thread(target=self._work, name="understudy setup", daemon=True).start()

    def cancel(self) -> None:
        """End the installation at once; its end is told as ``failed`` with code 130. What is there stays incomplete."""
        with self._lock:
            self._cancelled = True
            if self._process is not None and self._process.returncode is None:
                kill_tree(self._process.pid)

    def drain(self) -> list[Message]:
        """What was told since the last time, never blocking: ``progress``, and at the end ``done`` or ``failed``."""
        messages: list[Message] = []
        with contextlib.suppress(Empty):
            while True:
                messages.append(self._told.get_nowait())
        for message in messages:
            match message["event"]:
                case "progress":
                    self.fraction, self.text = message["fraction"], message["text"]
                case "done":
                    self.state, self.fraction, self.text, self.report = "done", 1.0, "Finished", message["report"]
                case "failed":
                    self.state = "stopped" if message["code"] == STOPPED else "failed"
                    self.problem, self.hint = message["message"], message["hint"]
        return messages

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of the log."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        except OSError:
            return []

    def _work(self) -> None:
        code, hint = 1, f"The log is {self.log}."
        try:
            report = self._install()
        except _Stopped:
            code, message, hint = STOPPED, "The installation was cancelled; the backend is not installed.", ""
        except OSError as error:
            message = f"{self.folder} could not be written: {error.strerror or error}."
            hint = "Choose another folder, or free some space."
        except ValueError as error:
            message = str(error)
        else:
            self._told.put({"event": "done", "time": time.time(), "report": report})
            return
        self._told.put({"event": "failed", "time": time.time(), "code": code, "message": message, "hint": hint})

    def _install(self) -> Message:
        if self.folder.is_dir() and any(self.folder.iterdir()) and not _read_stamp(self.folder):
            raise ValueError(f"{self.folder} holds other things: choose an empty folder for the environment.")
        self._progress(None, "Looking for a Python")
        python, version = find_python(self._python)
        self.folder.mkdir(parents=True, exist_ok=True)
        stamp = {"state": "incomplete", "version": None, "python": version}
        _write_stamp(self.folder, stamp)
        with self.log.open("w", encoding="utf-8") as log:
            self._progress(0.0, "Making the virtual environment")
            self._do([*python, "-m", "venv", "--clear", str(self.folder / "venv")], log, "The environment was not made")
            self._fetch(log)
            self._progress(0.95, "Asking the backend")
            command = str(self.command(self.folder))
            answer = self._do([command, "--version"], log, "The backend was installed but does not answer")
            if not answer or not answer[-1].startswith("understudy "):
                raise ValueError(f'{self.requirement} is not Understudy: it said "{" ".join(answer)[:80]}".')
            found = self._do([command, "doctor", "--json"], log, "The backend was installed but does not work")
        stamp |= {"state": "complete", "version": answer[-1].split()[1]}
        _write_stamp(self.folder, stamp)
        return {"version": stamp["version"], "python": version, "command": command, "devices": _devices(found)}

    def _fetch(self, log: IO[str]) -> None:
        python = str(self.command(self.folder).with_name("python.exe" if os.name == "nt" else "python"))
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        install = [*pip, "install", *self._options]
        if _pip_version(self._do([*pip, "--version"], log, "The environment has no pip")) < _RAW_SINCE:
            self._progress(0.01, "Renewing pip")
            with contextlib.suppress(ValueError):  # an index may have no newer one: then less progress is told
                self._do([*install, "--upgrade", "pip"], log, "")
        raw = _pip_version(self._do([*pip, "--version"], log, "")) >= _RAW_SINCE
        progress = Progress(self.plan.download)

        def tell(line: str) -> None:
            if progress.read(line):
                self._progress(0.02 + 0.92 * progress.fraction, progress.text)

        shown = ["--progress-bar", "raw"] if raw else []
        self._do([*install, *shown, self.requirement], log, f"{self.requirement} was not installed", tell)

    def _do(
        self, argv: list[str], log: IO[str], failure: str, tell: Callable[[str], None] = lambda _: None
    ) -> list[str]:
        """Run a program to its end, its lines into the log; returns the last of them.

        Raises :class:`_Stopped`, and ``ValueError`` with ``failure`` and the program's last words.
        """
        log.write(f"--- {' '.join(argv)} ---\n")
        with self._lock:
            if self._cancelled:
                raise _Stopped
            self._process = process = spawn(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        lines: deque[str] = deque(maxlen=2000)
        assert process.stdout
        with process.stdout:
            for line in map(str.rstrip, process.stdout):
                if not line.startswith("Progress "):
                    log.write(line + "\n")
                    log.flush()
                    lines.append(line)
                tell(line)
        code = process.wait()
        if self._cancelled:
            raise _Stopped
        if code != 0:
            errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
            raise ValueError(f"{failure}: {errors[-1] if errors else last_sentence(lines) or f'code {code}'}")
        return list(lines)

    def _progress(self, fraction: float | None, text: str) -> None:
        self._told.put({"event": "progress", "time": time.time(), "fraction": fraction, "text": text})


class _Stopped(Exception):  # noqa: N818 - it is no error, it was asked for
    """The installation was cancelled."""


def _pip_version(answer: list[str]) -> tuple[int, ...]:
    """Of ``pip 24.0 from ...``."""
    words = answer[-1].split() if answer else []
    numbers = words[1].split(".")[:2] if len(words) > 1 else []
    return tuple(int(number) for number in numbers if number.isdigit())


def _devices(doctor: list[str]) -> list[str]:
    """What the backend's doctor calls this machine's devices; libraries may have said something before it."""
    text = "\n".join(doctor)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return [
            device["what"]
            for device in json.loads(text[text.index("\n{\n") + 1 if "\n{\n" in text else 0 :])["devices"]
        ]
    return []


def _read_stamp(folder: Path) -> Message:
    try:
        stamp = json.loads((folder / STAMP).read_bytes())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _write_stamp(folder: Path, stamp: Message) -> None:
    coming = folder / f".{STAMP}"
    coming.write_text(json.dumps(stamp) + "\n", encoding="utf-8")
    coming.replace(folder / STAMP)
