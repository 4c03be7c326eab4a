"""What a poll takes in: events beside the tasks that they belong to, and tasks whose job got on. No Blender."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..link.backend import Backend
from ..link.queue import JobQueue
from ..link.run_state import Event
from .task import Task


def answers(backend: Backend, tasks: Iterable[Task]) -> list[tuple[Task, Event]]:
    """Every new event of the interactive child beside its task; what concerns the child concerns all open questions."""
    by_request = {task.request: task for task in tasks if task.request is not None and not task.ended}
    found: list[tuple[Task, Event]] = []
    for event in backend.drain():
        if "id" in event:
            if task := by_request.get(event["id"]):
                found.append((task, event))
        elif event.get("event") in ("silent", "lost"):
            found.extend((task, event) for task in by_request.values())
    return found


def job_events(queue: JobQueue, tasks: Iterable[Task]) -> list[tuple[Task, Event]]:
    """Every new event of the jobs beside its task. Starts the jobs whose turn it is."""
    by_folder = {task.job.folder: task for task in tasks if task.job is not None}
    return [(task, event) for job, event in queue.tick() if (task := by_folder.get(job.folder))]


def settle(tasks: Sequence[Task], queue: JobQueue) -> Iterator[Task]:
    """Let each task follow its job, and put what waited for another task into the queue.

    Yields each task whose state that changed, before it looks at the next one.
    """
    for task in tasks:
        if task.ended:
            continue
        before = task.state
        if task.after is not None and task.after.ended and task.job is not None:
            first, task.after = task.after, None
            if first.state == "done":
                queue.add(task.job)
            else:
                task.state = "stopped"
        else:
            task.follow()
        if task.state != before:
            yield task


def with_followers(tasks: Iterable[Task]) -> list[Task]:
    """The tasks, and all that followed from them."""
    found: list[Task] = []
    for task in tasks:
        found += [task, *with_followers(task.led_to)]
    return found
