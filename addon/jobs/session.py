"""What is going on now: the backend, the jobs, and what becomes of their answers.

Nothing here is saved but the jobs' folders, which the scene records. Threads belong to ``link`` and never touch bpy;
Blender's data is changed by :meth:`Session.poll` alone, on the main thread: the timer calls it, and so do tests and farms.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import bpy

from .. import preferences
from ..images.editor import redraw
from ..link.backend import Backend
from ..link.job import Job
from ..link.options import taken
from ..link.queue import JobQueue
from ..link.run_state import Event
from .poll import answers, job_events, settle, with_followers
from .records import Records
from .task import Task

_log = logging.getLogger(__name__)

BUDGET = 0.02
"""Seconds that one poll may take over answers; the rest waits for the next one."""

BUSY, IDLE = 0.1, 1.0  # seconds between two polls

_EDITORS = ("IMAGE_EDITOR", "NODE_EDITOR", "CLIP_EDITOR", "PREFERENCES")

Outcome = Callable[[bpy.types.Scene, Task], str | None]


class Session:
    """What this Blender has asked the backend for. There is one, :data:`session`, and only the main thread calls it."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcome] = {}
        self._tasks: list[Task] = []
        self._pending: deque[tuple[Task, Event]] = deque()
        self._concluding: list[Task] = []  # the task whose report is being brought in, innermost last
        self._backend: Backend | None = None
        self._queue = JobQueue(preferences.backend_argv)
        self._records = Records()
        self.timer = self.poll
        """What Blender's timer calls: one and the same object, for it knows functions by their address."""

    def outcome_of(self, stage: str) -> Callable[[Outcome], Outcome]:
        """Decorate what is done, on the main thread, with the report of ``stage``; it may return a name for an undo step."""

        def keep(function: Outcome) -> Outcome:
            self._outcomes[stage] = function
            return function

        return keep

    # What is asked.

    def backend(self) -> Backend:
        """The interactive child for the command in the preferences; made, not started, when there is none."""
        argv = list(preferences.backend_argv())
        if self._backend is None or argv != self._backend.argv or self._backend.state == "refused":
            if self._backend is not None:
                self._backend.close()
            self._backend = Backend(argv)
        return self._backend

    def ask(self, scene: bpy.types.Scene, stage: str, settings: dict[str, Any], family: str, title: str) -> Task:
        """Ask the interactive child; a question of the same stage that is still open is withdrawn."""
        for old in [task for task in self.tasks(scene, family, stage) if not task.ended]:
            self.stop(old)
            old.state = "stopped"
            self._drop(old)
        settings = taken(stage, settings)
        task = Task(stage, family, title, scene.session_uid, settings)
        task.request = self.backend().ask(stage, settings)
        task.state = "running"
        return self._keep(task)

    def submit(
        self,
        scene: bpy.types.Scene,
        job: Job,
        family: str,
        title: str,
        *,
        after: Task | None = None,
        adopt: bool = False,
    ) -> Task:
        """Follow ``job``, started in its turn, and not before ``after`` is done; ``adopt`` one that runs already."""
        task = self._keep(Task(job.stage, family, title, scene.session_uid, job.settings, job=job, after=after))
        if adopt:
            self._queue.adopt(job)
            task.state = "running"
        elif after is None:
            self._queue.add(job)
        self.record(scene)
        return task

    def stop(self, task: Task) -> None:
        """Ask a task to end at its next safe place, and asked again at once; one that has not begun ends here.

        Raises OSError when a job's folder cannot be written.
        """
        if task.ended:
            return
        task.stopping = True
        if task.request is not None:
            if self._backend is not None:
                self._backend.cancel(task.request)
        elif task.after is not None:
            task.state = "stopped"
        elif task.job is not None:
            self._queue.cancel(task.job)

    def dismiss(self, task: Task) -> None:
        """Forget a task that has ended; its job's folder stays on the disk."""
        if task in self._tasks and task.ended:
            self._drop(task)
            if scene := scene_of(task):
                self.record(scene)

    # What is known.

    def tasks(self, scene: bpy.types.Scene, family: str = "", stage: str = "") -> list[Task]:
        """The scene's tasks, oldest first, perhaps of one panel or one stage only."""
        own = (task for task in self._tasks if task.scene == scene.session_uid)
        return [task for task in own if family in ("", task.family) and stage in ("", task.stage)]

    def is_busy(self, scene: bpy.types.Scene, family: str = "", stage: str = "") -> bool:
        """Whether a task of this kind has not ended yet. Until the jobs of an opened file are found again, they count."""
        open_ones = any(not task.ended for task in self.tasks(scene, family, stage))
        return open_ones or (not self.waits() and self._records.holds(scene, family, stage))

    @staticmethod
    def waits() -> bool:
        """Whether there is nobody but a script, who wants it done when the call returns."""
        return bpy.app.background

    @property
    def is_recalling(self) -> bool:
        """Whether what the file's scenes record has not become tasks again yet."""
        return self._records.due

    def find(self, number: int) -> Task | None:
        """The task of that number."""
        return next((task for task in self._tasks if task.number == number), None)

    def log_of(self, task: Task) -> list[str]:
        """The last lines that a task's process said."""
        if task.job is not None:
            return task.job.log_tail(200)
        return self._backend.log_tail() if self._backend is not None else []

    # What becomes of it.

    def poll(self) -> float | None:
        """Take in what the backend and the jobs told, within :data:`BUDGET`; seconds until the next call, None when idle."""
        started = time.perf_counter()
        if self._records.due:
            self._find_again()
        self._gather()
        changed = bool(self._pending)
        while self._pending and time.perf_counter() - started < BUDGET:
            self.handle(*self._pending.popleft())
        if not self._pending:
            changed |= self._settle()
        if changed:
            self.redraw()
        if self._pending or self._records.due or any(not task.ended for task in self._tasks):
            return BUSY
        return IDLE if self._backend is not None and self._backend.state in ("starting", "ready") else None

    def handle(self, task: Task, event: Event) -> None:
        """The one place where an event of the backend becomes state: of the task and, at its end, of the scene."""
        if task.ended:
            return
        task.apply(event)
        if task.state == "done":
            self._conclude(task)

    def wait(self, *started: Task, tell: Callable[[str], None] = print) -> Task | None:
        """Poll until ``started``, and what follows from them, have ended; the first that went wrong, if any.

        For background use: it blocks. Notes and progress are told line by line.
        """
        told: dict[int, str] = {}
        try:
            while any(not task.ended for task in with_followers(started)):
                self.poll()
                for task in with_followers(started):
                    if task.ended or (line := task.line()) == told.get(task.number):
                        continue
                    told[task.number] = line
                    tell(f"Understudy: {task.title}: {line}")
                time.sleep(0.02)
        except KeyboardInterrupt:
            for task in with_followers(started):
                self.stop(task)
            raise
        return next((task for task in with_followers(started) if task.state != "done"), None)

    @staticmethod
    def redraw() -> None:
        """Have every editor that shows us drawn again."""
        redraw(_EDITORS)

    def wake(self) -> None:
        """Have the timer call :meth:`poll`, if it does not already."""
        if not bpy.app.timers.is_registered(self.timer):
            bpy.app.timers.register(self.timer, first_interval=BUSY, persistent=True)

    # The file, opened and saved.

    def record(self, scene: bpy.types.Scene) -> None:
        """Write the scene's jobs into the scene, so that the .blend finds them again."""
        self._records.write(scene, self.tasks(scene))

    def reopen(self) -> None:
        """Let go of all that went on, and find the jobs of the file that is open now."""
        self.forget()
        self._records.expect()
        if self.waits():
            self._find_again(wait=True)
        self.wake()

    def forget(self) -> None:
        """Let go of everything live but the interactive child; running jobs go on by themselves."""
        self._records.forget()
        for task in self._tasks:
            if task.request is not None and not task.ended and self._backend is not None:
                self._backend.cancel(task.request)
        self._tasks.clear()
        self._pending.clear()
        for job in list(self._queue.jobs):
            self._queue.forget(job)
        self._queue = JobQueue(preferences.backend_argv)

    def start(self) -> None:
        """Look for jobs in the file that is open, as soon as the timer comes."""
        self._records.expect()
        self.wake()

    def close(self) -> None:
        """End the interactive child and let go of everything else; running jobs go on."""
        if bpy.app.timers.is_registered(self.timer):
            bpy.app.timers.unregister(self.timer)
        self.forget()
        if self._backend is not None:
            self._backend.close()
            self._backend = None

    def _keep(self, task: Task) -> Task:
        # Of what ended before, the newest answer of each kind is enough.
        kind = (task.scene, task.family, task.stage)
        for old in [one for one in self._tasks if one.ended and (one.scene, one.family, one.stage) == kind]:
            self._drop(old)
        self._tasks.append(task)
        if self._concluding:
            self._concluding[-1].led_to.append(task)
        self.wake()
        return task

    def _drop(self, task: Task) -> None:
        self._tasks.remove(task)
        if task.job is not None:
            self._queue.forget(task.job)

    def _gather(self) -> None:
        """Put every new event beside its task."""
        if self._backend is not None:
            before = self._backend.state
            self._pending += answers(self._backend, self._tasks)
            if self._backend.state != before:
                self.redraw()
        if not self._records.due:  # no job is started before it is known which ones run already
            self._pending += job_events(self._queue, self._tasks)

    def _settle(self) -> bool:
        """Take in what became of jobs, should no event have told it; whether anything changed."""
        changed = False
        for task in settle(list(self._tasks), self._queue):
            changed = True
            if task.state == "done":
                self._conclude(task)
        return changed

    def _conclude(self, task: Task) -> None:
        """Bring a finished task's report into its scene."""
        scene = scene_of(task)
        outcome = self._outcomes.get(task.stage)
        if scene is None:
            return
        self._concluding.append(task)
        try:
            step = outcome(scene, task) if outcome else None
        except Exception as error:
            # The outermost place: what left here would end the timer, and with it every answer, in silence.
            _log.exception("The answer of %s could not be taken in", task.title)
            task.state, task.problem = "failed", f"{task.title} is done, but Blender could not take it in: {error}"
            step = None
        finally:
            self._concluding.pop()
        if task.job is not None:
            self.record(scene)
        if step:
            bpy.ops.ed.undo_push(message=step)

    def _find_again(self, *, wait: bool = False) -> None:
        """Make tasks of the jobs that the scenes of this file record."""
        found = self._records.find(wait=wait)
        if found is None:
            return
        for scene, family, title, job in found:
            if not any(task.job is not None and task.job.folder == job.folder for task in self._tasks):
                self.submit(scene, job, family, title, adopt=True)
        for scene in bpy.data.scenes:
            self.record(scene)


session = Session()
"""The one session of this Blender."""


def scene_of(task: Task) -> bpy.types.Scene | None:
    """The task's scene, whatever it is called by now."""
    return next((scene for scene in bpy.data.scenes if scene.session_uid == task.scene), None)


@bpy.app.handlers.persistent
def _on_load(*_: Any) -> None:
    session.reopen()


@bpy.app.handlers.persistent
def _on_save(*_: Any) -> None:
    for scene in bpy.data.scenes:
        session.record(scene)


def register() -> None:
    """Listen to files being loaded and saved, and look for jobs in the file that is open."""
    bpy.app.handlers.load_post.append(_on_load)
    bpy.app.handlers.save_pre.append(_on_save)
    session.start()


def unregister() -> None:
    """Stop listening, and end what is this Blender's own."""
    bpy.app.handlers.save_pre.remove(_on_save)
    bpy.app.handlers.load_post.remove(_on_load)
    session.close()
