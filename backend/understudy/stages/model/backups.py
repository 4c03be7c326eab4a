"""The backups that training kept of a model."""

from __future__ import annotations

import time
from typing import Any

from understudy.errors import ModelError
from understudy.events import Events
from understudy.settings import BackupsSettings
from understudy.training.output.backups import list_backups


def run(settings: BackupsSettings, events: Events) -> dict[str, Any]:  # noqa: ARG001 - every stage is called alike
    """List the backups of ``settings.model`` by step; what they hold is not checked, but for its length.

    Returns ``model`` and ``backups``: of each ``step``, ``age`` in seconds, ``minutes`` of training, ``validation``,
    ``size`` in bytes, and ``problem``, which is empty unless it cannot be restored; the others are None then.
    Raises ModelError when there is no such folder.
    """
    folder = settings.model.resolve()
    if not folder.is_dir():
        raise ModelError(f"There is no model {folder}.", "Give the folder that train was given.")
    now = time.time()
    backups: list[dict[str, Any]] = []
    for one in list_backups(folder):
        card = one.card
        backups.append(
            {
                "step": one.step,
                "age": round(now - one.time) if card else None,
                "minutes": card.minutes if card else None,
                "validation": card.validation if card else None,
                "size": one.size if card else None,
                "problem": one.problem,
            }
        )
    return {"model": str(folder), "backups": backups}
