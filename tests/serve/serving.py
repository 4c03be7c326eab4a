"""The real child process, as a host program sees it, and one with a stage that behaves as tests want."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Any

import understudy

Event = dict[str, Any]

SAMPLE = str(Path(understudy.__file__).parent / "sample" / "plate.####.exr")
PATIENCE = 240.0  # seconds: a machine may be busy with other things

LISTENS, DEAF, NOISY, BROKEN, ANSWERS = range(5)
"""What the stand-in stage does, by the frame it is asked for."""

REAL = [sys.executable, "-m", "understudy", "serve"]
STAND_IN = [
    sys.executable,
    "-c",
    """
import os, subprocess, sys, time
from types import ModuleType
from understudy.__main__ import main

def run(settings, events):
    match settings.frame:
        case 0:
            events.note("running")
            while not events.stopping:
                time.sleep(0.01)
            events.raise_if_stopping()
        case 1:
            events.note("running")
            while True:
                pass
        case 2:
            print("a stray line")
            os.write(1, b"a stray line\\n")
            subprocess.run([sys.executable, "-c", "print('a stray line')"], check=True)
        case 3:
            1 / 0
    return {"frame": settings.frame}

module = ModuleType("understudy.stages.find")
module.run = run
sys.modules[module.__name__] = module
sys.argv = ["understudy", "serve"]
sys.exit(main())
""",
]


class Child:
    """One child and what it said; ``with`` ends it."""

    _numbers = count(1)

    def __init__(self, command: list[str]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(understudy.__file__).parents[1])}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        self.lines: Queue[bytes] = Queue()
        self.errors: list[bytes] = []
        self._threads = [Thread(target=self._hear, daemon=True), Thread(target=self._overhear, daemon=True)]
        for thread in self._threads:
            thread.start()
        self.hello = self.next()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def ask(self, stage: str, **settings: Any) -> int:
        """Ask for a stage; returns the id."""
        number = next(self._numbers)
        self.write(json.dumps({"id": number, "stage": stage, "settings": settings, "version": 1}).encode())
        return number

    def act(self, what: int) -> int:
        """Ask the stand-in stage."""
        return self.ask("find", plate="p.exr", frame=what)

    def cancel(self, number: int) -> None:
        self.write(json.dumps({"id": number, "cancel": True}).encode())

    def next(self) -> Event:
        """The next event; a line that is none fails the test here."""
        event: Event = json.loads(self.lines.get(timeout=PATIENCE))
        return event

    def until(self, kind: str, number: int | None) -> list[Event]:
        """The events up to the first of that kind about that request, without signs of life."""
        story: list[Event] = []
        while not story or (story[-1]["event"], story[-1]["id"]) != (kind, number):
            event = self.next()
            if event["event"] != "alive":
                story.append(event)
        return story

    def overheard(self, text: bytes) -> int:
        """How often ``text`` came on stderr; waits for the first time."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and text not in b"".join(self.errors):
            time.sleep(0.01)
        return b"".join(self.errors).count(text)

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def _overhear(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line)
