"""The message handler with events alone, and jobs that a file finds again."""

import json
import os
import time
from types import SimpleNamespace

import bpy
import pytest


@pytest.fixture
def session(extension, fresh):
    from bl_ext.user_default.understudy.addon.jobs.session import session

    yield session
    session.reopen()


@pytest.fixture
def a_task(session, fresh):
    """A question that no backend is asked."""
    from bl_ext.user_default.understudy.addon.jobs.task import Task

    def make(stage="inspect", family="plate", **more):
        task = Task(stage, family, "Title", fresh.session_uid, {}, **more)
        session._tasks.append(task)
        return task

    return make


def _event(kind, **fields):
    return {"event": kind, "time": time.time(), **fields}


def test_events_become_state(session, a_task):
    task = a_task()
    session.handle(task, _event("started"))
    session.handle(task, _event("progress", done=12, total=48, unit="frames", detail=""))
    session.handle(task, _event("note", text="Mind the gap."))
    assert (task.state, task.factor, task.line()) == ("running", 0.25, "Frame 12 of 48")
    assert task.notes == [], "the answer to a question has its facts in the report"
    session.handle(task, _event("silent", seconds=10.0))
    assert task.line() == "No word for 10 s"
    session.handle(task, _event("alive"))
    assert task.line() == "Frame 12 of 48"
    session.handle(task, _event("failed", code=3, message="No file matches x.", hint="Check the name."))
    assert (task.state, task.problem, task.hint) == ("failed", "No file matches x.", "Check the name.")
    session.handle(task, _event("done", report={}))
    assert task.state == "failed", "what ended has ended"


def test_training_tells_its_step(a_task, session):
    task = a_task("train", "model")
    session.handle(task, _event("progress", done=20, total=1000, unit="permille", detail="step 80, loss 0.1234"))
    assert task.line() == "Step 80, loss 0.1234"


def test_an_answer_that_cannot_be_taken_in_is_told_and_the_next_one_is_taken(session, a_task, monkeypatch):
    def refuse(_scene, _task):
        raise KeyError("files")

    monkeypatch.setitem(session._outcomes, "preview", refuse)
    broken, sound = a_task("preview", "swap"), a_task("train", "model")
    session._pending.extend(
        [(broken, _event("done", report={})), (sound, _event("progress", done=1, total=2, unit="x"))]
    )
    while session._pending:
        session.poll()
    assert broken.state == "failed" and "Blender could not take it in" in broken.problem
    assert sound.state == "running"


def test_a_request_that_was_asked_to_stop_is_no_failure(session, a_task):
    task = a_task()
    session.handle(task, _event("failed", code=130, message="Stopped on request.", hint=""))
    assert task.state == "stopped"


def test_a_report_fills_the_scene_even_when_it_was_renamed(session, a_task, fresh):
    report = {
        "plate": "/nowhere/shot.%04d.exr", "first": 1001, "last": 1010, "missing": "1003,1007-1008",
        "width": 2048, "height": 1152, "fps": [24000, 1001], "colour_space": "ACEScg",
    }  # fmt: skip
    task = a_task(extra={"set_scene": True})
    fresh.name = "Another Name"
    session.handle(task, _event("done", report=report))
    shot = fresh.understudy
    assert (shot.width, shot.height, shot.first, shot.last) == (2048, 1152, 1001, 1010)
    assert shot.gaps == "1003, 1007-1008"
    assert shot.fps == pytest.approx(23.976, abs=1e-3)
    assert (fresh.frame_start, fresh.frame_end, fresh.frame_current) == (1001, 1010, 1001)
    assert fresh.render.fps / fresh.render.fps_base == pytest.approx(24000 / 1001)
    assert "not there" in task.notes[0], "the plate cannot be shown, and that is said"


def test_an_answer_for_a_scene_that_is_gone_is_dropped(session, a_task):
    scene = bpy.data.scenes.new("Other")
    task = a_task()
    task.scene = scene.session_uid
    bpy.data.scenes.remove(scene)
    session.handle(task, _event("done", report={}))
    assert task.state == "done"


def _person(track, first, last):
    return {
        "track": track, "frames": last - first + 1, "first": first, "last": last, "weakest": first,
        "weakest_confidence": 0.25, "confidence": 0.9, "picture": "/nowhere/1.png",
    }  # fmt: skip


def test_the_most_seen_of_several_people_is_chosen(session, a_task, fresh):
    people = [_person(2, 1001, 1048), _person(5, 1010, 1020)]
    session.handle(a_task("people", "faces"), _event("done", report={"people": people, "faces": []}))
    shot = fresh.understudy
    assert [person.track for person in shot.people] == [2, 5]
    assert (shot.person_index, shot.analysis.face) == (0, "track:2")
    assert shot.people[0].weakest_confidence == 0.25
    bpy.ops.understudy.select_person(index=1)
    assert (shot.person_index, shot.analysis.face) == (1, "track:5")
    bpy.ops.understudy.show_frame(frame=shot.people[1].weakest)
    assert fresh.frame_current == 1010


def test_a_point_from_the_clip_editor_outlives_finding_faces(session, a_task, fresh):
    fresh.understudy.analysis.face = "point:1001,250.0,140.0"
    people = [_person(1, 1001, 1048), _person(2, 1001, 1048)]
    session.handle(a_task("people", "faces"), _event("done", report={"people": people, "faces": []}))
    assert fresh.understudy.analysis.face == "point:1001,250.0,140.0"
    assert fresh.understudy.person_index == -1


def test_one_person_whose_track_is_broken_stays_one(session, a_task, fresh):
    people = [_person(1, 1001, 1030), _person(2, 1033, 1048)]
    session.handle(a_task("people", "faces"), _event("done", report={"people": people, "faces": []}))
    assert (fresh.understudy.person_index, fresh.understudy.analysis.face) == (0, "one")


def test_polling_is_idle_without_work_and_keeps_its_budget(session, a_task, extension, monkeypatch):
    module = extension.addon.jobs.session
    monkeypatch.setattr(session, "_backend", None)
    assert session.poll() is None
    task = a_task()
    seen = []
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: 0.006 * len(seen)))
    monkeypatch.setattr(session, "handle", lambda *_: seen.append(1))
    session._pending.extend((task, _event("alive")) for _ in range(50))
    assert session.poll() == module.BUSY
    assert len(seen) == 4, "the fourth ended after the 20 ms"
    session._pending.clear()


def _job(folder, *events):
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({"stage": "train", "settings": {"model": "/m"}, "version": 1}))
    (folder / "events.jsonl").write_text("".join(json.dumps(_event(**event)) + "\n" for event in events))
    return folder


def test_a_file_finds_its_jobs_again(session, fresh, extension, tmp_path):
    started = {"kind": "started", "pid": os.getpid(), "host": "elsewhere"}
    failed = {"kind": "failed", "code": 12, "message": "Out of memory.", "hint": "Lower the batch."}
    jobs = {
        "waiting": _job(tmp_path / "0001-train"),
        "failed": _job(tmp_path / "0002-train", started, failed),
        "gone": tmp_path / "0003-train",
    }
    for folder in jobs.values():
        entry = fresh.understudy.jobs.add()
        entry.name, entry.stage, entry.folder = "model/Train", "train", str(folder)
    path = tmp_path / "shot.blend"
    session._records.due = False
    on_save = extension.addon.jobs.session._on_save  # the records above are not tasks of this session
    bpy.app.handlers.save_pre.remove(on_save)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.app.handlers.save_pre.append(on_save)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    session.poll()
    scene = bpy.context.scene
    [task] = session.tasks(scene)
    assert (task.family, task.title, task.state, task.problem) == ("model", "Train", "failed", "Out of memory.")
    assert [entry.folder for entry in scene.understudy.jobs] == [str(jobs["failed"])]
    bpy.ops.understudy.forget_job(number=task.number)
    assert len(scene.understudy.jobs) == 0
    assert jobs["failed"].is_dir()


def test_a_backend_that_is_not_there_is_said_in_one_sentence(session, fresh, extension, tmp_path):
    from bl_ext.user_default.understudy.addon.preferences import preferences

    preferences().command = str(tmp_path / "nowhere")
    try:
        fresh.understudy.plate.plate = str(tmp_path)
        with pytest.raises(RuntimeError, match="nowhere"):
            bpy.ops.understudy.inspect_plate()
        [task] = session.tasks(fresh, "plate")
        assert task.state == "failed"
    finally:
        preferences().command = ""
    with pytest.raises(RuntimeError, match="no backend yet"):
        bpy.ops.understudy.inspect_plate()
