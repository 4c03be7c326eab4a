"""Doing what was asked: a stage with its watchers around it, ended by a report or a failure."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from understudy.cli.failure import Failure
from understudy.cli.parser import Request, RunOptions, SchemaOptions
from understudy.cli.stopping import stop_request
from understudy.cli.streams import JsonOutput, quiet_when_unread
from understudy.errors import ExitCode, UsageError, cannot_write
from understudy.events import Events, JsonLines, Sink
from understudy.plate.files import write_json
from understudy.settings import BenchSettings, Options, job_schema, parse_job


def perform(request: Request) -> int:
    """Run the request's stage, tell its story, print its report; returns the exit code."""
    try:
        if isinstance(request.settings, SchemaOptions):
            with quiet_when_unread(sys.stdout):
                print(json.dumps(job_schema(), indent=2))
        else:
            _perform_stage(request, request.settings)
    except (Exception, KeyboardInterrupt) as error:
        # The outermost place: whatever comes here has to end in a sentence and a code.
        failure = Failure.of(error)
        failure.tell(error if request.common.debug else None)
        return failure.code
    return ExitCode.OK


def _perform_stage(request: Request, settings: Options) -> None:
    job = settings.job if isinstance(settings, RunOptions) else None
    folder = job if job is not None and job.is_dir() else None
    as_json = request.common.events == "json"
    with stop_request(folder / "stop" if folder else None) as stop:
        with _sinks(as_json, folder) as sinks:
            events = Events(*sinks, stop=stop)
            try:
                stage, settings = _load(job) if job else (request.command, settings)
                module = importlib.import_module(f"understudy.stages.{stage.split()[0]}")
                report: dict[str, Any] = module.run(settings, events)
                if isinstance(settings, BenchSettings) and settings.json_file:
                    write_json(settings.json_file, report)
                events.done(report)
            except (Exception, KeyboardInterrupt) as error:
                failure = Failure.of(error)
                with contextlib.suppress(OSError):  # a full disk keeps the record short, and is told on stderr
                    events.failed(failure.code, failure.message, failure.hint)
                raise
        if not as_json:
            from understudy.cli.reports import show

            show(stage, settings, report)


@contextlib.contextmanager
def _sinks(as_json: bool, folder: Path | None) -> Iterator[list[Sink]]:
    """Who watches: the terminal or the program at the other end, and the job folder's own record."""
    with ExitStack() as opened:
        sinks: list[Sink] = []
        if as_json:
            sinks.append(JsonOutput())
        else:
            from understudy.cli.console import ConsoleSink

            sinks.append(opened.enter_context(ConsoleSink()))
        if folder:
            path = folder / "events.jsonl"
            try:
                sinks.append(JsonLines(opened.enter_context(path.open("a", encoding="utf-8", newline="\n"))))
            except OSError as error:
                raise cannot_write(path, error) from error
        yield sinks


def _load(job: Path) -> tuple[str, Options]:
    """The stage and the settings of a document, or of the folder that holds it. Raises :class:`UsageError`."""
    path = job / "job.json" if job.is_dir() else job
    try:
        document = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The job document {path} cannot be read: {error.strerror}.", "Name a JSON document, or its folder."
        ) from error
    parsed = parse_job(document, str(path))
    return parsed.stage, parsed.settings
