"""The conversation with the child process."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import understudy
from serving import ANSWERS, BROKEN, DEAF, LISTENS, NOISY, PATIENCE, SAMPLE, STAND_IN, Child
from understudy.settings import STAGES, job_schema

INTERACTIVE = {"inspect", "find", "people", "faceset people", "model", "model info", "preview", "schema"}


def test_the_child_introduces_itself_first(real: Child) -> None:
    hello = real.hello
    assert (hello["event"], hello["protocol"], hello["events"]) == ("hello", 1, 1)
    assert (hello["version"], hello["python"]) == (understudy.__version__, platform.python_version())
    assert hello["pid"] == real.process.pid
    assert hello["memory"] > 2**28
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert hello["device"] == f"CPU, {os.cpu_count()} cores"


def test_a_plate_is_described(real: Child) -> None:
    number = real.ask("inspect", plate=SAMPLE)
    note, done = real.until("done", number)
    assert note["event"] == "note" and note["id"] == number and "Linear Rec.709" in note["text"]
    report = done["report"]
    assert (report["first"], report["last"], report["width"], report["height"]) == (1001, 1024, 512, 288)


def test_the_schema_is_told(real: Child) -> None:
    assert real.until("done", real.ask("schema"))[-1]["report"] == job_schema()


def test_a_face_is_found_and_found_again(real: Child) -> None:
    reports = [real.until("done", real.ask("find", plate=SAMPLE, frame=1010))[-1]["report"] for _ in range(2)]
    assert reports[0] == reports[1]
    (face,) = reports[0]["faces"]
    x0, y0, x1, y1 = face["box"]
    assert 0 < x0 < 256 < x1 < 512 and 0 < y0 < 144 < y1 < 288  # the sample shows one large face in the middle
    assert len(face["landmarks"]) == 68 and all(x0 - 20 < x < x1 + 20 for x, _ in face["landmarks"])


def test_a_mistake_is_told_and_the_child_goes_on(real: Child) -> None:
    number = real.ask("find", plate=SAMPLE, frame=99)
    failed = real.until("failed", number)[-1]
    assert failed["code"] == 3 and "Frame 99" in failed["message"] and failed["hint"]
    real.until("done", real.ask("inspect", plate=SAMPLE))


@pytest.mark.parametrize(
    "line",
    [b"junk", b"\xff\xfe", b"[1]", b"{}", b'{"id": "7"}', b'{"id": true, "stage": "find"}', b"[" * 100_000],
    ids=["junk", "bytes", "list", "empty", "text", "bool", "deep"],
)
def test_a_malformed_line_is_told_without_an_id(line: bytes, stand_in: Child) -> None:
    stand_in.write(line)
    (failed,) = stand_in.until("failed", None)
    assert failed["code"] == 2 and failed["message"].startswith("A request ") and failed["hint"]


@pytest.mark.parametrize(
    ("rest", "part"),
    [
        ('"stage": "paint", "settings": {}', "paint"),
        ('"stage": [], "settings": {}', "stage"),
        ('"stage": "find", "settings": {"plate": "p"}', "frame"),
        ('"stage": "inspect", "settings": {"plate": "p"}, "version": 9', "version"),
    ],
)
def test_a_bad_document_is_told_with_its_id(rest: str, part: str, stand_in: Child) -> None:
    stand_in.write(f'{{"id": -7, {rest}}}'.encode())
    (failed,) = stand_in.until("failed", -7)
    assert failed["code"] == 2 and part in failed["message"] and "\n" not in failed["message"]


@pytest.mark.parametrize("stage", sorted(STAGES.keys() - INTERACTIVE))
def test_long_stages_are_refused(stage: str, stand_in: Child) -> None:
    number = stand_in.ask(stage)
    (failed,) = stand_in.until("failed", number)
    assert failed["code"] == 2
    assert failed["message"] == f"The stage {stage} is a job for a process of its own, not for this one."


def test_nothing_printed_gets_between_the_lines(stand_in: Child) -> None:
    number = stand_in.act(NOISY)
    assert [event["event"] for event in stand_in.until("done", number)] == ["done"]
    assert stand_in.overheard(b"a stray line") >= 1


def test_a_defect_ends_the_request_with_its_traceback_in_the_log(stand_in: Child) -> None:
    number = stand_in.act(BROKEN)
    (failed,) = stand_in.until("failed", number)
    assert failed["code"] == 1 and "defect" in failed["message"]
    assert stand_in.overheard(b"ZeroDivisionError: division by zero") == 1
    stand_in.until("done", stand_in.act(ANSWERS))


def test_a_running_request_is_cancelled_at_its_next_safe_place(stand_in: Child) -> None:
    number = stand_in.act(LISTENS)
    stand_in.until("note", number)
    stand_in.cancel(number)
    cancelling, failed = stand_in.until("failed", number)
    assert (cancelling["event"], cancelling["id"]) == ("cancelling", number)
    assert failed["code"] == 130


def test_a_waiting_request_is_cancelled_at_once_and_never_done(stand_in: Child) -> None:
    running, waiting, later = (stand_in.act(what) for what in (LISTENS, ANSWERS, ANSWERS))
    stand_in.until("note", running)
    stand_in.cancel(waiting)
    (failed,) = stand_in.until("failed", waiting)
    assert failed["code"] == 130
    stand_in.cancel(running)
    rest = stand_in.until("done", later)
    assert [(event["event"], event["id"]) for event in rest] == [
        ("cancelling", running),
        ("failed", running),
        ("done", later),
    ]


def test_cancelling_what_is_done_says_nothing(stand_in: Child) -> None:
    number = stand_in.act(ANSWERS)
    stand_in.until("done", number)
    stand_in.cancel(number)
    again = stand_in.act(ANSWERS)
    assert [event["id"] for event in stand_in.until("done", again)] == [again]


def test_an_id_in_hand_cannot_be_used_again(stand_in: Child) -> None:
    number = stand_in.act(LISTENS)
    stand_in.write(f'{{"id": {number}, "stage": "find", "settings": {{"plate": "p", "frame": {ANSWERS}}}}}'.encode())
    failed = stand_in.until("failed", None)[-1]
    assert failed["code"] == 2 and str(number) in failed["message"]
    stand_in.cancel(number)
    assert stand_in.until("failed", number)[-1]["code"] == 130


def test_life_is_shown_while_a_request_runs_and_no_longer(stand_in: Child) -> None:
    for _ in range(2):  # of the first one's signs, none is left in the second one's time
        number = stand_in.act(LISTENS)
        beats = []
        while len(beats) < 2:
            event = stand_in.next()
            assert event["id"] == number
            if event["event"] == "alive":
                beats.append(event["time"])
        assert beats == sorted(beats)
        stand_in.cancel(number)
        stand_in.until("failed", number)


def test_it_ends_with_its_input_however_busy_it_is(own: Child) -> None:
    own.until("note", own.act(DEAF))
    assert own.process.stdin is not None
    own.process.stdin.close()
    assert own.process.wait(PATIENCE) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals are sent in the POSIX way")
def test_it_ends_with_its_host_however_that_ends() -> None:
    host = f"""
import json, subprocess, sys, time
child = subprocess.Popen({STAND_IN!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
request = {{"id": 1, "stage": "find", "settings": {{"plate": "p.exr", "frame": {DEAF}}}}}
child.stdin.write(json.dumps(request).encode() + b"\\n")
child.stdin.flush()
while b"running" not in child.stdout.readline():
    pass
print(child.pid, flush=True)
time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(understudy.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", host], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert not gone(child)
        process.send_signal(signal.SIGKILL)
    give_up = time.monotonic() + PATIENCE
    while not gone(child):
        assert time.monotonic() < give_up, f"process {child} still runs"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether no such process runs; one that nobody has asked for its end yet counts as ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return status.is_file() and status.read_text().rpartition(")")[2].split()[0] == "Z"
