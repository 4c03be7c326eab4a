"""The command as a whole, with stages of the tests' own."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import understudy
from understudy.cli import job_folder, main
from understudy.errors import NoFaceError
from understudy.events import Events
from understudy.settings import ExtractSettings

PATIENCE = 240.0  # seconds: a machine may be busy with other things

EXTRACT = ["extract", "p.exr", "--out", "faces"]
DOCUMENT = {"stage": "extract", "settings": {"plate": "p.exr", "out": "faces", "crop_size": 128}}


def events_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def raising(error: BaseException) -> Callable[[Any, Events], dict[str, Any]]:
    def run(settings: Any, events: Events) -> dict[str, Any]:
        raise error

    return run


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"understudy {understudy.__version__}\n"


def test_schema_prints_every_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jobs = set(schema["discriminator"]["mapping"])
    assert jobs >= {"extract", "train", "convert", "swap", "compare", "qc", "faceset sort", "tracks export", "schema"}
    assert jobs.isdisjoint({"run", "serve"}), "these are what runs jobs"


def test_a_report_is_printed_on_stdout_and_the_story_on_stderr(stage, capsys) -> None:
    def run(settings: ExtractSettings, events: Events) -> dict[str, Any]:
        events.note("A word.")
        events.progress(3, 3, "frames")
        return {"faces": 7, "shares": {"reading": 0.25}}

    stage("extract", run)
    assert main(EXTRACT) == 0
    told = capsys.readouterr()
    assert "faces" in told.out and "7" in told.out and "0.25" in told.out
    assert "A word." not in told.out
    assert "A word." in told.err and "3/3 frames" in told.err


def test_json_events_are_all_that_stdout_gets(stage, capsys) -> None:
    def run(settings: ExtractSettings, events: Events) -> dict[str, Any]:
        events.progress(1, 2, "frames")
        return {"faces": 7}

    stage("extract", run)
    assert main([*EXTRACT, "--events", "json"]) == 0
    story = events_of(capsys.readouterr().out)
    assert [event["event"] for event in story] == ["progress", "done"]
    assert story[-1]["report"] == {"faces": 7}


def test_a_job_document_runs_its_stage(stage, tmp_path: Path, capsys) -> None:
    seen = []
    stage("extract", lambda settings, events: seen.append(settings) or {})
    path = tmp_path / "any.json"
    path.write_text(json.dumps(DOCUMENT))
    assert main(["run", str(path), "--events", "json"]) == 0
    assert seen == [ExtractSettings(plate="p.exr", out=Path("faces"), crop_size=128)]
    assert not (tmp_path / "events.jsonl").exists()


def test_a_job_folder_keeps_the_story_of_every_run(stage, tmp_path: Path, capsys) -> None:
    (tmp_path / "job.json").write_text(json.dumps(DOCUMENT))
    stage("extract", lambda settings, events: {"faces": 7})
    assert main(["run", str(tmp_path)]) == 0
    stage("extract", raising(NoFaceError("Nobody.", "Look again.")))
    assert main(["run", str(tmp_path)]) == 6
    started, done, again, failed = events_of((tmp_path / "events.jsonl").read_text())
    for first in (started, again):
        assert (first["event"], first["pid"], first["host"]) == ("started", os.getpid(), socket.gethostname())
        assert first["version"] == understudy.__version__
    assert (done["event"], done["report"]) == ("done", {"faces": 7})
    assert (failed["event"], failed["code"], failed["message"], failed["hint"]) == (
        "failed",
        6,
        "Nobody.",
        "Look again.",
    )


def test_a_job_folder_shows_life_while_its_job_runs(stage, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(job_folder, "BEAT", 0.05)
    alive = tmp_path / "alive"
    signs = []

    def run(settings: Any, events: Events) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while len({sign["beat"] for sign in signs}) < 3 and time.monotonic() < deadline:
            signs.append(json.loads(alive.read_text()))  # whole at every moment
            time.sleep(0.002)
        return {}

    (tmp_path / "job.json").write_text(json.dumps(DOCUMENT))
    stage("extract", run)
    assert main(["run", str(tmp_path)]) == 0
    beats = [sign["beat"] for sign in signs]
    assert beats == sorted(beats) and len(set(beats)) == 3
    assert {(sign["pid"], sign["host"]) for sign in signs} == {(os.getpid(), socket.gethostname())}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.jsonl", "job.json"]


def test_a_job_folder_tells_of_one_run_at_a_time(stage, tmp_path: Path, capsys) -> None:
    """A second run neither writes into the first one's record nor takes its sign of life, or a request to stop, away."""
    (tmp_path / "job.json").write_text(json.dumps(DOCUMENT))
    within: list[tuple[int, bytes, bool]] = []

    def twice(settings: Any, events: Events) -> dict[str, Any]:
        events.metric("loss", 1, 0.5)
        before = (tmp_path / "events.jsonl").read_bytes()
        code = main(["run", str(tmp_path)])
        within.append((code, before, (tmp_path / "alive").exists()))
        assert (tmp_path / "events.jsonl").read_bytes() == before
        return {"model": "m", "steps": 1, "minutes": 0.5, "stopped": "because", "validation": {}}

    stage(DOCUMENT["stage"], twice)
    assert main(["run", str(tmp_path)]) == 0
    ((code, before, alive),) = within
    assert code == 15 and alive and b"loss" in before
    assert "in use by understudy run" in capsys.readouterr().err


def test_a_failed_job_leaves_no_sign_of_life(stage, tmp_path: Path, capsys) -> None:
    (tmp_path / "job.json").write_text(json.dumps(DOCUMENT))
    stage("extract", raising(NoFaceError("Nobody.", "Look again.")))
    assert main(["run", str(tmp_path)]) == 6
    assert not (tmp_path / "alive").exists()


def test_a_document_outside_a_folder_leaves_nothing_beside_it(stage, tmp_path: Path, capsys) -> None:
    (tmp_path / "any.json").write_text(json.dumps(DOCUMENT))
    seen = []
    stage("extract", lambda settings, events: seen.extend(path.name for path in tmp_path.iterdir()) or {})
    assert main(["run", str(tmp_path / "any.json")]) == 0
    assert seen == ["any.json"]


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["inspect", "p.exr"], "inspect"),
        (["find", "p.exr", "--frame", "7"], "find"),
        (["preview", "p.exr", "--frame", "7", "--model", "m", "--out", "o"], "preview"),
        (["faceset", "list", "f"], "faceset.list_faces"),
        (["faceset", "people", "f", "--pictures", "p"], "faceset.people"),
        (["model", "info", "m"], "model.info"),
    ],
)
def test_a_command_runs_its_stage(arguments: list[str], module: str, stage, capsys) -> None:
    stage(module, lambda settings, events: {"ran": module})
    assert main([*arguments, "--events", "json"]) == 0
    assert events_of(capsys.readouterr().out)[-1]["report"] == {"ran": module}


def test_a_stop_file_stops_the_run_and_is_used_up(stage, tmp_path: Path, capsys) -> None:
    def run(settings: Any, events: Events) -> dict[str, Any]:
        events.raise_if_stopping()
        (tmp_path / "stop").touch()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            events.raise_if_stopping()
            time.sleep(0.05)
        return {}

    (tmp_path / "job.json").write_text(json.dumps(DOCUMENT))
    stage("extract", run)
    assert main(["run", str(tmp_path)]) == 130
    assert not (tmp_path / "stop").exists()
    assert events_of((tmp_path / "events.jsonl").read_text())[-1]["code"] == 130


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (b"{", "not a valid job"),
        (b"\xff\xfe", "not a valid job"),
        (b'{"stage": "paint", "settings": {}}', "paint"),
        (json.dumps(DOCUMENT | {"version": 9}).encode(), "version"),
        (b'{"stage": "extract", "settings": {"plate": "p", "out": "f", "crop_size": 1}}', "crop_size"),
        (b'{"stage": "extract", "settings": {"plate": "p", "out": "f", "krop": 1}}', "krop"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_job_is_one_sentence_and_code_2(document: bytes | None, part: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "job.json"
    if document is not None:
        path.write_bytes(document)
    assert main(["run", str(tmp_path), "--events", "json"]) == 2
    told = capsys.readouterr()
    first = told.err.splitlines()[0]
    assert first.startswith("understudy: ") and str(path) in first and part in first
    assert "Traceback" not in told.err
    assert events_of(told.out)[-1]["code"] == 2


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (NoFaceError("Nobody is in shot.exr.", "Look again."), 6, "Nobody is in shot.exr."),
        (MemoryError(), 12, "not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 12, "not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device", "faces/a.exr"), 10, "faces/a.exr"),
        (KeyboardInterrupt(), 130, "Stopped"),
        (ZeroDivisionError("division by zero"), 1, "defect"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 1, "defect"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, "defect"),
    ],
)
def test_every_failure_has_a_sentence_and_its_code(error, code: int, part: str, stage, capsys) -> None:
    stage("extract", raising(error))
    assert main([*EXTRACT, "--events", "json"]) == code
    told = capsys.readouterr()
    assert told.err.splitlines()[0].startswith("understudy: ") and part in told.err
    assert "Traceback" not in told.err
    failed = events_of(told.out)[-1]
    assert (failed["event"], failed["code"]) == ("failed", code)
    assert f"understudy: {failed['message']}" == told.err.splitlines()[0]


def test_torch_out_of_memory_is_told_as_such(stage, capsys) -> None:
    torch = pytest.importorskip("torch")
    stage("extract", raising(torch.OutOfMemoryError("CUDA out of memory")))
    assert main(EXTRACT) == 12


def test_debug_shows_the_traceback(stage, capsys) -> None:
    stage("extract", raising(NoFaceError("Nobody.")))
    assert main([*EXTRACT, "--debug"]) == 6
    told = capsys.readouterr().err
    assert "Traceback" in told and "understudy: Nobody." in told


def test_a_value_out_of_range_ends_with_code_2(capsys) -> None:
    assert main([*EXTRACT, "--crop-size", "8"]) == 2
    assert capsys.readouterr().err.splitlines()[0] == "understudy: --crop-size must be at least 32 px, not 8."


def test_a_full_disk_under_the_record_is_told(stage, tmp_path: Path, capsys, monkeypatch) -> None:
    class Full:
        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, _: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "job.json").write_text(json.dumps(DOCUMENT))
    plain = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *rest, **more: Full() if self.name == "events.jsonl" else plain(self, *rest, **more)
    )
    stage("extract", lambda settings, events: events.note("A word.") or {})
    assert main(["run", str(tmp_path)]) == 10
    assert "The disk is full" in capsys.readouterr().err


@pytest.mark.parametrize("events", ["console", "json"])
def test_bench_writes_its_report_to_a_file(events: str, stage, tmp_path: Path, capsys) -> None:
    stage("bench", lambda settings, events: {"faces": {"frames_per_second": 3.5}})
    assert main(["bench", "faces", "--json", str(tmp_path / "b.json"), "--events", events]) == 0
    assert json.loads((tmp_path / "b.json").read_text()) == {"faces": {"frames_per_second": 3.5}}
    assert "3.5" in capsys.readouterr().out


_SCRIPT = """
import sys, time
from types import ModuleType
from understudy.cli import main

def run(settings, events):
    print("ready", flush=True)
    while settings.force or not events.stopping:
        time.sleep(0.02)
    events.raise_if_stopping()

module = ModuleType("understudy.stages.convert")
module.run = run
sys.modules[module.__name__] = module
sys.exit(main(["convert", "p", "--model", "m", "--out", "o.exr", *sys.argv[1:]]))
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.skipif(os.name == "nt", reason="signals are sent in the POSIX way")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_at_a_safe_place(number: signal.Signals) -> None:
    process = started()
    process.send_signal(number)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "understudy: Stopped on request." in told
    assert "Traceback" not in told


@pytest.mark.skipif(os.name == "nt", reason="signals are sent in the POSIX way")
def test_the_second_signal_stops_at_once() -> None:
    process = started("--force")  # a stage that does not listen
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "next safe place" not in process.stderr.readline():
        pass
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


def test_signals_are_as_before_afterwards(stage, capsys) -> None:
    before = signal.getsignal(signal.SIGINT)
    stage("extract", lambda settings, events: {})
    assert main(EXTRACT) == 0
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "arguments",
    [
        ["schema"],
        ["train", "--help"],
        ["--version"],
        ["convert", "p", "--model", "m", "--out", "o.exr", "--events", "json"],
    ],
)
def test_a_reader_that_goes_away_is_no_failure(arguments: list[str], tmp_path: Path) -> None:
    script = """
import sys
from types import ModuleType
from pathlib import Path
from understudy.cli import main

def run(settings, events):
    for number in range(2000):
        events.note("x" * 100)
    Path("finished").touch()
    return {}

module = ModuleType("understudy.stages.convert")
module.run = run
sys.modules[module.__name__] = module
sys.exit(main(sys.argv[1:]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(understudy.__file__).parents[1])},
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(PATIENCE) == 0
    assert told == b""
    assert (tmp_path / "finished").exists() == (arguments[0] == "convert")
