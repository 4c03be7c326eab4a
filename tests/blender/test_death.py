"""Whatever dies is told of soon, and takes nothing with it: the backend, a job, Blender itself.

A killed conversion is in :mod:`test_operators`.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import bpy
import pytest
from beside import timed, until
from conftest import COMMAND, SAMPLE

PATIENCE = 60.0
"""Seconds after which a busy machine is no excuse."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="this system has no SIGKILL")


def _kill(pid):
    os.kill(pid, signal.SIGKILL)


def _lives(pid):
    """Whether the process runs: asked of the system, and not of the add-on."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (ProcessLookupError, FileNotFoundError):
        return False


def _wait_gone(pid):
    since = time.monotonic()
    while _lives(pid):
        assert time.monotonic() - since < PATIENCE
        time.sleep(0.01)


def _inspects(session, scene):
    """The next request is answered, whatever died before."""
    timed(bpy.ops.understudy.inspect_plate)
    [task] = session.tasks(scene, "plate", "inspect")
    until(session, lambda: task.ended)
    assert task.state == "done", task.problem


@pytest.mark.parametrize(
    ("family", "stage", "operator"), [("faces", "find", "find_faces_frame"), ("swap", "preview", "preview_frame")]
)
def test_a_killed_backend_is_told_and_started_again_by_the_next_request_alone(
    session, shot, beside_the_ui, family, stage, operator
):
    shot.frame_set(1002)
    timed(getattr(bpy.ops.understudy, operator))
    [task] = session.tasks(shot, family, stage)
    until(session, lambda: session.backend().state == "ready")  # and the request is with it
    first = session.backend().hello["pid"]
    _kill(first)
    until(session, lambda: task.ended, PATIENCE)
    assert (task.state, task.problem) == ("failed", "The backend was killed by signal 9 (SIGKILL).")
    assert "next request" in task.hint
    ends = time.monotonic() + 0.5
    until(session, lambda: time.monotonic() > ends)
    assert session.backend().state == "lost", "it comes back when it is asked, and never by itself"
    timed(getattr(bpy.ops.understudy, operator))
    [again] = session.tasks(shot, family, stage)
    until(session, lambda: again.ended)
    assert again.state == "done", again.problem
    assert session.backend().hello["pid"] != first


def _find(shot):
    shot.understudy.plate.plate = str(SAMPLE / "plate.####.exr")  # longer, and not looked through yet


def _train(shot):
    shot.understudy.training.iterations = 100000


@pytest.mark.parametrize(
    ("family", "stage", "operator", "prepare", "at_work"),
    [
        ("faces", "extract", "find_faces", _find, lambda task: task.progress),
        ("model", "train", "train", _train, lambda task: task.notes),
    ],
    ids=["extract", "train"],
)
def test_a_killed_job_is_told_with_its_log_and_can_be_begun_again(
    session, shot, beside_the_ui, family, stage, operator, prepare, at_work
):
    prepare(shot)
    timed(getattr(bpy.ops.understudy, operator), "INVOKE_DEFAULT")
    [task] = session.tasks(shot, family, stage)
    until(session, lambda: at_work(task) or task.ended)
    _kill(json.loads((task.job.folder / "alive").read_text())["pid"])
    until(session, lambda: task.ended, PATIENCE)
    assert task.state == "failed"
    assert task.problem.startswith(f"The {stage} job was killed by signal 9 (SIGKILL)")
    assert "go on from what is saved" in task.hint
    timed(bpy.ops.understudy.show_log, number=task.number)
    assert getattr(bpy.ops.understudy, operator).poll()
    _inspects(session, shot)
    assert not session.is_busy(shot), "nothing is begun again by itself"


def test_blenders_death_ends_the_backend_alone_and_another_blender_follows_the_training(shot, tmp_path):
    file = bpy.data.filepath
    with _another("begin", file, tmp_path) as blender:
        told = _told(blender)
        assert _lives(told["serve"]) and _lives(told["training"])
        _kill(blender.pid)
        _wait_gone(told["serve"])
    try:
        alive = Path(told["folder"], "alive")
        beat = json.loads(alive.read_text())["beat"]
        time.sleep(1.2)
        assert json.loads(alive.read_text())["beat"] > beat, "the training goes on"
        assert _lives(told["training"])
        with _another("end", file, tmp_path) as blender:
            last = _told(blender)
            assert blender.wait(60) == 0
        assert last["found"] == ["Training", "running", told["folder"]]
        assert (last["said"], last["state"], last["jobs"]) == ("Stopping", "stopped", 1)
        _wait_gone(told["training"])
        events = [json.loads(line) for line in Path(told["folder"], "events.jsonl").read_text().splitlines()]
        assert "everything is saved" in events[-1]["message"]
    finally:
        if _lives(told["training"]):
            _kill(told["training"])


def _another(what, file, place):
    """Another Blender, in a process of its own, which leaves behind in ``place`` what it must."""
    command = [sys.executable, str(Path(__file__).with_name("another_blender.py")), what, file, COMMAND]
    environment = {**os.environ, "TMPDIR": str(place)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment)


def _told(blender):
    """What it tells, sooner or later."""
    hurry = threading.Timer(120, blender.kill)
    hurry.start()
    for line in blender.stdout:
        if line.startswith("told "):
            hurry.cancel()
            return json.loads(line.removeprefix("told "))
    raise AssertionError("it ended without a word")
