"""Bring back what a model was."""

from __future__ import annotations

import time
from typing import Any

from understudy.errors import ModelError
from understudy.events import Events
from understudy.settings import ModelRestoreSettings
from understudy.training.output.backups import restore_backup
from understudy.training.output.model_lock import hold


def run(settings: ModelRestoreSettings, events: Events) -> dict[str, Any]:
    """Put the backup of ``settings.step`` in the place of the model and its training, which are backed up.

    Returns ``model``, ``step``, and ``replaced``, the step of what was there before, None where that was damaged.
    Raises BusyError when a training is at work there; ModelError, with nothing changed, when there is no such backup, it is
    damaged or of another network; and OutputError.
    """
    folder = settings.model.resolve()
    if not folder.is_dir():
        raise ModelError(f"There is no model {folder}.", "Give the folder that train was given.")
    with hold(folder, "model restore"):
        replaced = restore_backup(folder, settings.step, time.time())
    if replaced is None:
        events.note("What it replaces was no whole training, and was not backed up.")
    events.note("Train again to go on from there; the curve and the previews are of the later training until then.")
    return {"model": str(folder), "step": settings.step, "replaced": replaced.step if replaced else None}
