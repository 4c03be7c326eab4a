"""What a host writes: job documents with an ``id``, and requests to cancel one."""

from __future__ import annotations

import json
from typing import Any

from understudy.errors import UsageError
from understudy.json_reader import parse_json
from understudy.settings import OTHER_NAMES, STAGES, Options, parse_job

INTERACTIVE = frozenset({"inspect", "find", "people", "faceset people", "model", "model info", "preview", "schema"})
"""The stages that answer while somebody waits; the others are jobs with a process of their own."""

_HINT = 'Write one JSON object a line, such as {"id": 1, "stage": "inspect", "settings": {"plate": "shot.####.exr"}}.'


def read_line(line: bytes) -> tuple[int, dict[str, Any]]:
    """The id of what a line asks, and the rest of it. Raises :class:`UsageError`."""
    try:
        message = parse_json(line)
    except ValueError as error:
        raise UsageError(f"A request is not JSON: {error}.", _HINT) from None
    number = message.pop("id", None) if isinstance(message, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise UsageError("A request has no id that is a whole number.", _HINT)
    return number, message


def check(number: int, document: dict[str, Any]) -> Options:
    """The settings of the interactive stage that ``document`` asks for. Raises :class:`UsageError`."""
    stage = document.get("stage")
    if isinstance(stage, str) and stage in {*STAGES, *OTHER_NAMES} - INTERACTIVE:
        raise UsageError(
            f"The stage {stage} is a job for a process of its own, not for this one.", "Use: understudy run FOLDER"
        )
    return parse_job(json.dumps(document), f"request {number}").settings
