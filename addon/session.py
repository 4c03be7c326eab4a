"""What is going on now: the backend, the jobs, and what becomes of their answers.

Nothing here is saved but the jobs' folders, which the scene records. Threads belong to ``link`` and never touch bpy;
Blender's data is changed by :func:`poll` alone, on the main thread: the timer calls it, and so do tests and farms.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bpy

from . import preferences
from .link.child import Backend
from .link.jobs import Job
from .link.options import taken
from .link.queue import JobQueue
from .link.recall import Recall
from .tasks import Task

_log = logging.getLogger(__name__)

BUDGET = 0.02
"""Seconds that one call of :func:`poll` may take over answers; the rest waits for the next call."""

BUSY, IDLE = 0.1, 1.0  # seconds between two polls

Outcome = Callable[[bpy.types.Scene, Task], str | None]

_outcomes: dict[str, Outcome] = {}
_tasks: list[Task] = []
_pending: deque[tuple[Task, dict[str, Any]]] = deque()
_backend: Backend | None = None
_backend_argv: list[str] = []
_queue: JobQueue | None = None
_handling: list[Task] = []  # the task whose outcome is being worked on, innermost last
_recall_due = False  # what the scenes record has not become tasks again yet
_recall: Recall | None = None


def outcome_of(stage: str) -> Callable[[Outcome], Outcome]:
    """Decorate what is done, on the main thread, with the report of ``stage``; it may return a name for an undo step."""

    def keep(function: Outcome) -> Outcome:
        _outcomes[stage] = function
        return function

    return keep


def tasks(scene: bpy.types.Scene, family: str = "", stage: str = "") -> list[Task]:
    """The scene's tasks, oldest first, perhaps of one panel or one stage only."""
    own = (task for task in _tasks if task.scene == scene.session_uid)
    return [task for task in own if family in ("", task.family) and stage in ("", task.stage)]


def is_busy(scene: bpy.types.Scene, family: str = "", stage: str = "") -> bool:
    """Whether a task of this kind has not ended yet. Until the jobs of an opened file are found again, they count."""
    return any(not task.ended for task in tasks(scene, family, stage)) or (
        _recall_due and not waits() and any(_is_of(entry, family, stage) for entry in scene.understudy.jobs)
    )


def waits() -> bool:
    """Whether there is nobody but a script, who wants it done when the call returns."""
    return bpy.app.background


def backend() -> Backend:
    """The interactive child for the command in the preferences; made, not started, when there is none."""
    global _backend, _backend_argv
    argv = list(preferences.backend_argv())
    if _backend is None or argv != _backend_argv or _backend.state == "refused":
        if _backend is not None:
            _backend.close()
        _backend, _backend_argv = Backend(argv), argv
    return _backend


def ask(scene: bpy.types.Scene, stage: str, settings: dict[str, Any], family: str, title: str) -> Task:
    """Ask the interactive child; a question of the same stage that is still open is withdrawn."""
    for old in [task for task in tasks(scene, family, stage) if not task.ended]:
        stop(old)
        old.state = "stopped"
        _drop(old)
    settings = taken(stage, settings)
    task = Task(stage, family, title, scene.session_uid, settings)
    task.request = backend().ask(stage, settings)
    task.state = "running"
    return _keep(task)


def submit(
    scene: bpy.types.Scene, job: Job, family: str, title: str, *, after: Task | None = None, adopt: bool = False
) -> Task:
    """Follow ``job``, started in its turn, and not before ``after`` is done; ``adopt`` one that runs already."""
    task = _keep(Task(job.stage, family, title, scene.session_uid, job.settings, job=job, after=after))
    if adopt:
        _jobs().adopt(job)
        task.state = "running"
    elif after is None:
        _jobs().add(job)
    record(scene)
    return task


def find(number: int) -> Task | None:
    """The task of that number."""
    return next((task for task in _tasks if task.number == number), None)


def log_of(task: Task) -> list[str]:
    """The last lines that a task's process said."""
    if task.job is not None:
        return task.job.log_tail(200)
    return _backend.log_tail() if _backend is not None else []


def stop(task: Task) -> None:
    """Ask a task to end at its next safe place, and asked again at once; one that has not begun ends here.

    Raises OSError when a job's folder cannot be written.
    """
    if task.ended:
        return
    task.stopping = True
    if task.request is not None:
        if _backend is not None:
            _backend.cancel(task.request)
    elif task.after is not None:
        task.state = "stopped"
    elif task.job is not None:
        _jobs().cancel(task.job)


def dismiss(task: Task) -> None:
    """Forget a task that has ended; its job's folder stays on the disk."""
    if task in _tasks and task.ended:
        _drop(task)
        if scene := scene_of(task):
            record(scene)


def scene_of(task: Task) -> bpy.types.Scene | None:
    """The task's scene, whatever it is called by now."""
    return next((scene for scene in bpy.data.scenes if scene.session_uid == task.scene), None)


def record(scene: bpy.types.Scene) -> None:
    """Write the scene's jobs into the scene, so that the .blend finds them again."""
    records = scene.understudy.jobs
    if not _recall_due:  # else what is there has not been found again yet
        records.clear()
    there = {entry.folder for entry in records}
    for task in tasks(scene):
        if task.job is not None and task.state != "done" and str(task.job.folder) not in there:
            entry = records.add()
            entry.name, entry.stage, entry.folder = f"{task.family}/{task.title}", task.stage, str(task.job.folder)


def poll() -> float | None:
    """Take in what the backend and the jobs told, within :data:`BUDGET`; seconds until the next call, None when idle."""
    started = time.perf_counter()
    if _recall_due:
        _find_again()
    _gather()
    changed = bool(_pending)
    while _pending and time.perf_counter() - started < BUDGET:
        handle(*_pending.popleft())
    if not _pending:
        changed |= _settle()
    if changed:
        redraw()
    if _pending or _recall_due or any(not task.ended for task in _tasks):
        return BUSY
    return IDLE if _backend is not None and _backend.state in ("starting", "ready") else None


def handle(task: Task, event: dict[str, Any]) -> None:
    """The one place where an event of the backend becomes state: of the task and, at its end, of the scene."""
    if task.ended:
        return
    if task.take(event) and task.state == "done":
        _conclude(task)


def wait(*started: Task, tell: Callable[[str], None] = print) -> Task | None:
    """Poll until ``started``, and what follows from them, have ended; the first that went wrong, if any.

    For background use: it blocks. Notes and progress are told line by line.
    """
    told: dict[int, Any] = {}
    try:
        while any(not task.ended for task in _family(started)):
            poll()
            for task in _family(started):
                if task.ended or (line := task.line()) == told.get(id(task)):
                    continue
                told[id(task)] = line
                tell(f"Understudy: {task.title}: {line}")
            time.sleep(0.02)
    except KeyboardInterrupt:
        for task in _family(started):
            stop(task)
        raise
    return next((task for task in _family(started) if task.state != "done"), None)


def redraw() -> None:
    """Have every editor that shows us drawn again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"IMAGE_EDITOR", "NODE_EDITOR", "CLIP_EDITOR", "PREFERENCES"}:
                area.tag_redraw()


def wake() -> None:
    """Have the timer call :func:`poll`, if it does not already."""
    if not bpy.app.timers.is_registered(poll):
        bpy.app.timers.register(poll, first_interval=BUSY, persistent=True)


def _keep(task: Task) -> Task:
    # Of what ended before, the newest answer of each kind is enough.
    kind = (task.scene, task.family, task.stage)
    for old in [one for one in _tasks if one.ended and (one.scene, one.family, one.stage) == kind]:
        _drop(old)
    _tasks.append(task)
    if _handling:
        _handling[-1].led_to.append(task)
    wake()
    return task


def _drop(task: Task) -> None:
    _tasks.remove(task)
    if task.job is not None and _queue is not None:
        _queue.forget(task.job)


def _jobs() -> JobQueue:
    global _queue  # noqa: PLW0603 - the one place that owns it
    if _queue is None:
        _queue = JobQueue(preferences.backend_argv)
    return _queue


def _gather() -> None:
    """Put every new event beside its task; what concerns the backend as a whole concerns all its questions."""
    by_request = {task.request: task for task in _tasks if task.request is not None and not task.ended}
    for event in _backend.drain() if _backend is not None else ():
        if event.get("event") in ("hello", "lost"):
            redraw()
        if "id" in event:
            if task := by_request.get(event["id"]):
                _pending.append((task, event))
        elif event.get("event") in ("silent", "lost"):
            _pending.extend((task, event) for task in by_request.values())
    by_folder = {task.job.folder: task for task in _tasks if task.job is not None}
    # No job is started before it is known which ones run already.
    for job, event in _queue.tick() if _queue is not None and not _recall_due else ():
        if task := by_folder.get(job.folder):
            _pending.append((task, event))


def _settle() -> bool:
    """Let each task follow its job, and start what waited for another task; whether anything changed."""
    changed = False
    for task in [one for one in _tasks if not one.ended]:
        before = task.state
        if task.after is not None and task.after.ended and task.job is not None:
            first, task.after = task.after, None
            if first.state == "done":
                _jobs().add(task.job)
            else:
                task.state = "stopped"
        elif task.follow() and task.state == "done":
            _conclude(task)
        changed |= task.state != before
    return changed


def _conclude(task: Task) -> None:
    """Bring a finished task's report into its scene."""
    scene = scene_of(task)
    outcome = _outcomes.get(task.stage)
    if scene is None:
        return
    _handling.append(task)
    try:
        step = outcome(scene, task) if outcome else None
    except Exception as error:
        # The outermost place: what left here would end the timer, and with it every answer, in silence.
        _log.exception("The answer of %s could not be taken in", task.title)
        task.state, task.problem = "failed", f"{task.title} is done, but Blender could not take it in: {error}"
        step = None
    finally:
        _handling.pop()
    if task.job is not None:
        record(scene)
    if step:
        bpy.ops.ed.undo_push(message=step)


def _family(started: Sequence[Task]) -> list[Task]:
    """The tasks and all that followed from them."""
    found: list[Task] = []
    for task in started:
        found += [task, *_family(task.led_to)]
    return found


def _forget() -> None:
    """Let go of everything live; running jobs go on by themselves."""
    global _queue, _recall  # noqa: PLW0603 - the one place that owns them
    _recall = None
    for task in _tasks:
        if task.request is not None and not task.ended and _backend is not None:
            _backend.cancel(task.request)
    _tasks.clear()
    _pending.clear()
    if _queue is not None:
        for job in list(_queue.jobs):
            _queue.forget(job)
    _queue = None


def _find_again(*, wait: bool = False) -> None:
    """Make tasks of the jobs that the scenes of this file record, once a thread has read how far they are."""
    global _recall, _recall_due  # noqa: PLW0603 - the one place that owns them
    records = [
        (scene, entry.name, Path(bpy.path.abspath(entry.folder)))
        for scene in bpy.data.scenes
        for entry in scene.understudy.jobs
    ]
    if _recall is None:
        _recall = Recall([folder for _, _, folder in records])
    if wait or not records:
        _recall.wait()
    if not _recall.over:
        return
    found, _recall, _recall_due = _recall.jobs, None, False
    for scene, name, folder in records:
        job = found.get(folder)
        known = any(task.job is not None and task.job.folder == folder for task in _tasks)
        if job is None or known or job.state == "waiting":
            continue  # one that never began: whoever wants it still asks again
        family, _, title = name.partition("/")
        submit(scene, job, family, title, adopt=True)
    for scene in bpy.data.scenes:
        record(scene)


def _is_of(entry: bpy.types.PropertyGroup, family: str, stage: str) -> bool:
    """Whether a recorded job belongs to that panel and stage."""
    return family in ("", entry.name.partition("/")[0]) and stage in ("", entry.stage)


@bpy.app.handlers.persistent
def _on_load(*_: Any) -> None:
    global _recall_due  # noqa: PLW0603 - the one place that owns it
    _forget()
    _recall_due = True
    if waits():
        _find_again(wait=True)
    wake()


@bpy.app.handlers.persistent
def _on_save(*_: Any) -> None:
    for scene in bpy.data.scenes:
        record(scene)


def register() -> None:
    """Listen to files being loaded and saved, and look for jobs in the file that is open."""
    global _recall_due  # noqa: PLW0603 - the one place that owns it
    bpy.app.handlers.load_post.append(_on_load)
    bpy.app.handlers.save_pre.append(_on_save)
    _recall_due = True
    wake()


def unregister() -> None:
    """End the interactive child and let go of everything else; running jobs go on."""
    global _backend  # noqa: PLW0603 - the one place that owns it
    if bpy.app.timers.is_registered(poll):
        bpy.app.timers.unregister(poll)
    bpy.app.handlers.save_pre.remove(_on_save)
    bpy.app.handlers.load_post.remove(_on_load)
    _forget()
    if _backend is not None:
        _backend.close()
        _backend = None
