"""What a person sees while a stage runs: bars on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from understudy.cli.streams import silence

_BETWEEN_LINES = 5.0  # seconds between a log's progress lines


class Terminal(Console):
    """A console that shows texts as they are, and goes on in silence when nobody reads it any more.

    Rich's own would take brackets and colons in names for its markup, and end the process when the reader is gone.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        silence(self.file)


class ConsoleSink:
    """Draws events on stderr, so that stdout is left for the report. A context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Terminal(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._metrics: dict[str, dict[str, float]] = {}
        self._next_line = 0.0

    def __enter__(self) -> ConsoleSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def send(self, event: dict[str, Any]) -> None:
        stage = str(event.get("stage", ""))
        match event["event"]:
            case "note":
                self._print(event["text"])
            case "metric":
                self._metrics.setdefault(stage, {})[event["name"]] = event["value"]
            case "progress":
                self._progress(stage, event)

    def _progress(self, stage: str, event: dict[str, Any]) -> None:
        figures = (f"{name} {value:.4g}" for name, value in self._metrics.get(stage, {}).items())
        detail = ", ".join(filter(None, (event["detail"], *figures)))
        done, total, unit = event["done"], event["total"], event["unit"]
        if self._bars.disable:
            if time.monotonic() >= self._next_line or done == total:
                self._next_line = time.monotonic() + _BETWEEN_LINES
                count = f"{done}/{total}" if total is not None else f"{done}"
                self._print(": ".join(filter(None, (stage, " ".join(filter(None, (count, unit, detail)))))))
            return
        key = (stage, unit)
        if key not in self._tasks:
            self._bars.start()
            self._tasks[key] = self._bars.add_task(stage, total=total, unit=unit, detail=detail)
        self._bars.update(self._tasks[key], completed=done, total=total, detail=detail)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)
