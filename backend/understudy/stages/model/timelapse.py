"""A movie of how the swap came to be."""

from __future__ import annotations

from typing import Any

from understudy.events import Events
from understudy.settings import TimelapseSettings
from understudy.training.output.timelapse import write_timelapse


def run(settings: TimelapseSettings, events: Events) -> dict[str, Any]:
    """Write ``settings.out`` from the pictures that training kept in ``settings.model``.

    Returns ``model``, ``movie`` and ``pictures``, how many it shows. Raises ModelError when there are none, UsageError
    for a file that is no movie, and OutputError.
    """
    count = write_timelapse(settings.model, settings.out, events)
    return {"model": str(settings.model.resolve()), "movie": str(settings.out.resolve()), "pictures": count}
