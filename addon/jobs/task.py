"""One thing that the backend was asked for, and how far it is. No Blender."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from ..link.hints import in_panel, labelled
from ..link.jobs import Job

ENDED = frozenset({"done", "failed", "stopped"})
STOPPED_ON_REQUEST = 130
"""The backend's exit code of a run that was asked to stop."""


@dataclass(eq=False)
class Task:
    """A question to the interactive child (``request``) or a job in a folder of its own (``job``).

    ``family`` is the panel that shows it, ``scene`` the scene's session_uid, ``after`` a task that has to be done first.
    """

    stage: str
    family: str
    title: str
    scene: int
    settings: dict[str, Any]
    request: int | None = None
    job: Job | None = None
    after: Task | None = None
    state: str = "waiting"  # then "running", and at last "done", "failed" or "stopped"
    stopping: bool = False
    progress: tuple[int, int | None, str, str] | None = None  # done, total, unit, detail
    quiet: float = 0.0  # seconds without a word, when that is worth telling
    report: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    hint: str = ""
    notes: list[str] = field(default_factory=list)
    led_to: list[Task] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)  # what the asker wants to know again at the end
    number: int = field(default_factory=count(1).__next__)  # for operators, which can only name a task

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ENDED

    def take(self, event: dict[str, Any]) -> bool:
        """Take in one event of the backend; True when it ended the task."""
        kind = event.get("event")
        self.quiet = 0.0
        if kind == "progress":
            self.progress = (event["done"], event["total"], event["unit"], event.get("detail", ""))
        elif kind == "note" and self.job is not None:  # a question's answer has its facts in the report
            self.notes.append(event["text"])
        elif kind == "silent":
            self.quiet = float(event["seconds"])
        elif kind == "done":
            self.state, self.report = "done", event.get("report") or {}
        elif kind == "failed":
            self._fail(event.get("code"), event.get("message", ""), event.get("hint", ""))
        elif kind == "lost":
            self._fail(None, event.get("message", ""), event.get("hint", ""))
        if not self.ended and kind in ("started", "progress"):
            self.state = "running"
        return self.ended

    def follow(self) -> bool:
        """Take over what became of the job, should no event have told it; True when the task has ended now."""
        if self.job is None or self.ended:
            return False
        if self.job.state == "running":
            self.state = "running"
        elif self.job.state == "done":
            self.state, self.report = "done", self.job.report or {}
        elif self.job.state == "stopped":
            self._fail(STOPPED_ON_REQUEST, self.job.problem, self.job.hint)
        elif self.job.state in ("failed", "lost"):
            self._fail(None, self.job.problem, self.job.hint)
        return self.ended

    def line(self) -> str:
        """How far it is, in a few words: ``Frame 12 of 48, 2 min left``."""
        if self.state == "waiting":
            return "Waiting"
        if self.quiet:
            return f"No word for {self.quiet:.0f} s"
        words = "Stopping" if self.stopping else "Starting" if self.job is not None else "Working"
        if self.progress and not self.stopping:
            done, total, unit, detail = self.progress
            if unit == "permille":  # training: the detail names the step
                words = detail[:1].upper() + detail[1:]
            else:
                noun = unit[:-1].capitalize() if unit.endswith("s") else unit.capitalize()
                words = f"{noun} {done}" + (f" of {total}" if total else "")
        left = None if self.job is None or self.stopping else self.job.seconds_left
        return words if left is None else f"{words}, {spell(left)} left"

    @property
    def factor(self) -> float:
        """The finished part, from 0 to 1."""
        if not self.progress or not self.progress[1]:
            return 0.0
        return min(1.0, self.progress[0] / self.progress[1])

    def _fail(self, code: int | None, message: str, hint: str) -> None:
        self.state = "stopped" if code == STOPPED_ON_REQUEST else "failed"
        self.problem, self.hint = labelled(message) or "The backend ended without a word.", in_panel(hint)


def spell(seconds: float) -> str:
    """A duration as people say it: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
