"""One thing that the backend was asked for, and how far it is. No Blender."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from ..link.hints import in_panel, labelled
from ..link.job import Job
from ..link.run_state import Event, RunState


@dataclass(eq=False)
class Task(RunState):
    """A question to the interactive child (``request``) or a job in a folder of its own (``job``).

    ``family`` is the panel that shows it, ``scene`` the scene's session_uid, ``after`` a task that has to be done first.
    It is at its job's state once the session has handled the job's events, and calls one that is lost "failed".
    """

    stage: str
    family: str
    title: str
    scene: int
    settings: dict[str, Any]
    request: int | None = None
    job: Job | None = None
    after: Task | None = None
    led_to: list[Task] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)  # what the asker wants to know again at the end
    number: int = field(default_factory=count(1).__next__)  # for operators, which can only name a task

    def apply(self, event: Event) -> None:
        """Take in one event of the backend."""
        if event.get("event") == "note" and self.job is None:
            return  # a question's answer has its facts in the report
        super().apply(event)
        self._word_end()

    def follow(self) -> None:
        """Take over what became of the job, should no event have told it."""
        if self.job is None or self.ended or self.job.state == "waiting":
            return
        self.state, self.report = self.job.state, self.job.report
        self.problem, self.hint = self.job.problem, self.job.hint
        self._word_end()

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

    def _word_end(self) -> None:
        """Where it went wrong, say so in the words of Blender's panels."""
        if self.state in {"failed", "lost", "stopped"}:
            self.state = "failed" if self.state == "lost" else self.state
            self.problem = labelled(self.problem) or "The backend ended without a word."
            self.hint = in_panel(self.hint)


def spell(seconds: float) -> str:
    """A duration as people say it: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
