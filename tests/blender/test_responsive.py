"""Blender's main thread is never held up, and no other thread touches Blender."""

import ast
import json
import os
import socket
import threading
from pathlib import Path

import bpy
import pytest
from beside import timed, until
from environment import ROOT
from test_panels import _draw, _families

STEPS = 100_000
PURE = [
    *sorted((ROOT / "addon" / "link").glob("*.py")),
    *(ROOT / "addon" / name for name in ("jobs/task.py", "jobs/poll.py", "scene/paths.py")),
]


@pytest.fixture
def long_training(extension, fresh, tmp_path, monkeypatch):
    """A saved file, just opened in a window, whose training told a hundred thousand steps and still runs."""
    session = extension.addon.jobs.session.session
    session.backend().close()  # another command is due here, and whoever asks next would wait for the old one's end
    folder = tmp_path / "understudy" / "jobs" / "0001-train"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({"stage": "train", "settings": {"model": "/m"}, "version": 1}))
    with (folder / "events.jsonl").open("w") as record:
        started = {"event": "started", "time": 0, "pid": os.getpid(), "host": socket.gethostname()}
        record.write(json.dumps(started) + "\n")
        for step in range(STEPS):
            metric = {"event": "metric", "time": step, "name": "loss", "step": step, "value": 1 / (1 + step)}
            record.write(json.dumps(metric) + "\n")
    entry = fresh.understudy.jobs.add()
    entry.name, entry.stage, entry.folder = "model/Training", "train", str(folder)
    fresh.understudy.plate.plate = fresh.understudy.source_footage = str(tmp_path / "plate.####.exr")
    session._records.due = True  # so that what is saved is what the scene records
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    monkeypatch.setattr(session, "waits", lambda: False)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    yield session
    session.reopen()


def test_a_long_training_is_found_again_beside_the_window(long_training):
    session, scene = long_training, bpy.context.scene
    assert not bpy.ops.understudy.train.poll(), "what the file records counts before it is found"
    assert len(scene.understudy.jobs) == 1
    until(session, lambda: session.tasks(scene, "model", "train"))
    [task] = session.tasks(scene, "model", "train")
    assert (task.title, task.job.state) == ("Training", "running")
    assert task.job.metrics["loss"][-1][0] == STEPS - 1
    assert len(scene.understudy.jobs) == 1
    for panel in _panels():
        timed(_draw, panel)


def test_a_flood_of_events_is_taken_in_by_and_by(long_training):
    session, scene = long_training, bpy.context.scene
    until(session, lambda: session.tasks(scene, "model", "train"))
    [task] = session.tasks(scene, "model", "train")
    with (task.job.folder / "events.jsonl").open("a") as record:
        for step in range(STEPS, STEPS + 5000):
            metric = {"event": "metric", "time": step, "name": "loss", "step": step, "value": 1.0}
            record.write(json.dumps(metric) + "\n")
        record.write(json.dumps({"event": "done", "time": 0, "report": {}}) + "\n")
    until(session, lambda: task.ended)
    assert task.job.metrics["loss"][-1][0] == STEPS + 4999


def test_what_has_threads_does_not_know_blender():
    assert len(PURE) > 10
    for file in PURE:
        assert "bpy" not in _imported(file), file
    for file in set((ROOT / "addon").rglob("*.py")) - set(PURE):
        assert not {"threading", "concurrent", "multiprocessing", "asyncio"} & _imported(file), file


def _panels():
    return [cls for cls in _families() if issubclass(cls, bpy.types.Panel)]


def _imported(file):
    """The first names of all modules that a file imports, in its functions too."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
            if node.level == 2 and not node.module:  # from .. import
                names |= {one.name for one in node.names}
    return names


def test_every_answer_becomes_state_on_the_main_thread(session, shot, beside_the_ui, monkeypatch):
    callers, handle, conclude = set(), session.handle, session._conclude

    def watch(function):
        def watched(*arguments):
            callers.add(threading.current_thread())
            return function(*arguments)

        return watched

    monkeypatch.setattr(session, "handle", watch(handle))
    monkeypatch.setattr(session, "_conclude", watch(conclude))
    others = set()
    timed(bpy.ops.understudy.inspect_plate)
    shot.understudy.plate.frames = "1002"
    timed(bpy.ops.understudy.convert, "INVOKE_DEFAULT")

    def done():
        others.update(threading.enumerate())
        for panel in _panels():
            timed(_draw, panel)
        return not session.is_busy(shot)

    until(session, done)
    assert callers == {threading.main_thread()}
    assert any(thread.name.startswith("understudy") for thread in others), "threads were at work"
    assert len(shot.understudy.versions) == 1
    assert Path(bpy.path.abspath("//understudy/renders/v001/plate.1002.exr")).is_file()
    timed(bpy.ops.understudy.open_result)
