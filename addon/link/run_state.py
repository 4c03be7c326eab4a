"""How far a run of the backend is, event by event: one state machine for jobs and for questions."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

STOPPED = 130
"""The exit code of what ended on request."""

NOTES = 100
"""Notes that are kept: the newest ones."""

Event = dict[str, Any]


@dataclass(eq=False, kw_only=True)
class RunState:
    """What the events of a run came to.

    ``state`` is "waiting", "running", "done", "failed", "stopped" (on request) or "lost" (its process went without a
    word). ``progress`` is (done, total, unit, detail) and ``within`` the stage it belongs to ("" for the run's own);
    ``quiet`` are seconds without a word, when that is worth telling; ``problem`` and ``hint`` say what went wrong and
    what to do.
    """

    state: str = "waiting"
    stopping: bool = False
    progress: tuple[int, int | None, str, str] | None = None
    within: str = ""
    quiet: float = 0.0
    notes: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    hint: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come, unless it is run again."""
        return self.state not in {"waiting", "running"}

    def begin(self, state: str) -> None:
        """Start over, "waiting" or "running"; that it is to stop is told anew."""
        self.state, self.stopping = state, False
        self.progress, self.within, self.quiet = None, "", 0.0
        self.notes, self.report = [], {}
        self.problem = self.hint = ""

    def apply(self, event: Event) -> None:
        """Take in one event. One that is not what it should be, or not known here, is passed over."""
        self.quiet = 0.0
        with contextlib.suppress(KeyError, TypeError, ValueError):
            match event["event"]:
                case "launched" | "started":
                    stopping = self.stopping
                    self.begin("running")
                    self.stopping = stopping
                case "progress":
                    self.progress = (event["done"], event["total"], event["unit"], event.get("detail", ""))
                    self.within = event.get("stage", "")
                    if not self.ended:
                        self.state = "running"
                case "note":
                    self.notes = [*self.notes[1 - NOTES :], event["text"]]
                case "silent":
                    self.quiet = float(event["seconds"])
                case "done":
                    self.state, self.report, self.stopping = "done", event.get("report") or {}, False
                case "failed" | "lost" as kind:
                    self.state = "stopped" if event.get("code") == STOPPED else kind
                    self.stopping = False
                    self.problem, self.hint = event.get("message", ""), event.get("hint", "")
