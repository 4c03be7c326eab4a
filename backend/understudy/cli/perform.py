"""Doing what was asked: a stage with its watchers around it, ended by a report or a failure."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from understudy import stages
from understudy.cli.job_folder import RECORD, STOP, load_job, showing_life
from understudy.cli.parser import Request, RunOptions, ServeOptions
from understudy.cli.stopping import stop_request
from understudy.cli.streams import JsonOutput
from understudy.errors import CheckError, ExitCode, UsageError, cannot_write
from understudy.events import Events, JsonLines, Sink
from understudy.failure import Failure
from understudy.plate.files import write_json
from understudy.plate.lock import hold
from understudy.settings import BenchSettings, Options, QcSettings, TrainSettings
from understudy.training.distributed.process_rank import ProcessRank, place_of_process


def perform(request: Request, serve: Callable[[], int] | None = None) -> int:
    """Run the request's stage, tell its story, print its report; returns the exit code."""
    place = ProcessRank()
    try:
        if isinstance(request.settings, ServeOptions) and serve:
            return serve()
        place = _place(request.settings)
        _perform_stage(request, request.settings, speaks=place.is_main)
    except (Exception, KeyboardInterrupt) as error:
        # The outermost place: whatever comes here has to end in a sentence and a code.
        failure = Failure.of(error)
        stopped = failure.code == ExitCode.INTERRUPTED
        if place.is_main or not stopped:
            failure.tell(error if request.common.debug else None)
        # torchrun takes every code but 0 for a failure, and would start again what was asked to stop.
        return ExitCode.OK if stopped and place.hosted else failure.code
    return ExitCode.OK


def _perform_stage(request: Request, settings: Options, *, speaks: bool) -> None:
    """``speaks``: whether anybody is told; one of several processes that do the same keeps quiet."""
    job = settings.job if isinstance(settings, RunOptions) else None
    folder = job if job is not None and job.is_dir() and speaks else None
    as_json = request.common.events == "json"
    with _held(folder), stop_request(folder / STOP if folder else None) as stop:
        with _sinks(as_json, folder, speaks) as sinks, showing_life(folder) if folder else contextlib.nullcontext():
            events = Events(*sinks, stop=stop)
            try:
                if folder:
                    events.started()
                if job:
                    settings = load_job(job).settings
                report = stages.run(settings, events)
                if isinstance(settings, BenchSettings) and settings.json_file:
                    write_json(settings.json_file, report)
                events.done(report)
            except (Exception, KeyboardInterrupt) as error:
                failure = Failure.of(error)
                with contextlib.suppress(OSError):  # a full disk keeps the record short, and is told on stderr
                    events.failed(failure.code, failure.message, failure.hint)
                raise
        if speaks and not as_json:
            from understudy.cli.reports import show

            show(settings, report)
    if isinstance(settings, QcSettings):
        _check(report)


def _held(folder: Path | None) -> contextlib.AbstractContextManager[None]:
    """A job's folder, which tells of one run: a second one would take its signs of life away."""
    return hold(folder, "run") if folder else contextlib.nullcontext()


def _check(report: dict[str, Any]) -> None:
    """Raise CheckError where a delivery was judged and does not pass: it is told, and has to be heard by a script too."""
    failed = [check["check"] for check in report["checks"] if check["verdict"] == "fail"]
    if failed:
        raise CheckError(
            f"{report['sequence']} does not pass: {', '.join(failed)}.", f"See {report['page']} for the worst frames."
        )


def _place(settings: Options) -> ProcessRank:
    """This process's place among those that train together: the first of them speaks for all. Else it is the only one."""
    if isinstance(settings, RunOptions):
        with contextlib.suppress(UsageError):  # a bad document is told when its job is to be done
            settings = load_job(settings.job).settings
    return place_of_process() if isinstance(settings, TrainSettings) else ProcessRank()


@contextlib.contextmanager
def _sinks(as_json: bool, folder: Path | None, speaks: bool) -> Iterator[list[Sink]]:
    """Who watches: the terminal or the program at the other end, and the job folder's own record; or nobody."""
    with ExitStack() as opened:
        sinks: list[Sink] = []
        if not speaks:
            pass
        elif as_json:
            sinks.append(JsonOutput())
        else:
            from understudy.cli.console import ConsoleSink

            sinks.append(opened.enter_context(ConsoleSink()))
        if folder:
            path = folder / RECORD
            try:
                sinks.append(JsonLines(opened.enter_context(path.open("a", encoding="utf-8", newline="\n"))))
            except OSError as error:
                raise cannot_write(path, error) from error
        yield sinks
