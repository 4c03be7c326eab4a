"""The stages: one file each, with one function ``run(settings, events) -> report``.

Only here are rooms wired together. A stage reports through its events and never prints; its report is plain JSON data.
"""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any

from understudy import settings as schema
from understudy.events import Events
from understudy.plate.files import check_name
from understudy.stages.registry import MODULES


def run(settings: schema.Options, events: Events) -> dict[str, Any]:
    """Run the stage that ``settings`` are made for; returns its report and raises what it raises.

    Where it writes is looked at before anything is loaded or read: see :func:`~understudy.stages._outputs.check_outputs`.
    """
    from understudy.stages._outputs import check_outputs  # it knows pictures, which the command line does not load

    _check_names(settings)
    check_outputs(settings)
    module = importlib.import_module(MODULES[type(settings)])
    report: dict[str, Any] = module.run(settings, events)
    return report


def _check_names(settings: schema.Options) -> None:
    """Raise UnreadableError where something that ``settings`` name, or the folder that they start from, is not UTF-8."""
    with contextlib.suppress(FileNotFoundError):  # a folder that was removed meanwhile
        check_name(Path.cwd())
    for _, value in settings:
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, str | Path):
                check_name(one)
