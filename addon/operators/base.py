"""What every operator that asks the backend has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .. import preferences
from ..jobs.session import session
from ..jobs.task import Task
from ..link.messages import unusable
from ..scene.requests import ShotError

if TYPE_CHECKING:
    from bpy.types import Context


class BackendOperator:
    """Asks the backend, and beside the UI returns at once: the timer follows it. In background it waits until everything is done.

    Both end in ``Session.handle``. A failure in background is reported as an error, which raises in a script.
    """

    family = ""
    """The panel that shows what becomes of it."""

    def asks(self, context: Context) -> Task | None:
        """Ask for everything, in order; the last task, or None when nothing is left to do. May raise ShotError."""
        raise NotImplementedError

    def execute(self, context: Context) -> set[str]:
        """Ask, and in background see it through."""
        for old in session.tasks(context.scene, self.family):
            session.dismiss(old)
        try:
            if problem := preferences.backend_problem():
                raise ShotError(problem)
            last = self.asks(context)
        except (ShotError, OSError) as error:
            told = unusable("The shot's folder", error) if isinstance(error, OSError) else str(error)
            self.report({"ERROR"}, told)
            return {"CANCELLED"}
        if last is not None and session.waits() and (wrong := session.wait(*_chain(last))):
            self.report({"ERROR"}, " ".join(filter(None, (wrong.problem, wrong.hint))))
            return {"CANCELLED"}
        return {"FINISHED"}


def can(operator: type[bpy.types.Operator], reason: str) -> bool:
    """For ``poll``: whether there is no ``reason`` against it; else the button says the reason."""
    if reason:
        operator.poll_message_set(reason)
    return not reason


def _chain(task: Task) -> list[Task]:
    """The task and all that it waits for, the first one first."""
    return [*(_chain(task.after) if task.after else []), task]
