"""What the disk says, for what is drawn: panels ask at each redraw, and a network share may take its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import bpy

GOOD, SLOW = 1.0, 50.0
"""An answer is good for so many seconds; one that took long, for so many times as long as it took."""

T = TypeVar("T")

_answers: dict[tuple[Callable[[Path], Any], Path], tuple[float, Any]] = {}  # question -> good until, answer


def told(ask: Callable[[Path], T], path: Path) -> T:
    """What ``ask`` says of ``path``, or said a moment ago; a script, which acts upon it at once, is told anew."""
    now = time.monotonic()
    until, answer = _answers.get((ask, path), (0.0, None))
    if now >= until or bpy.app.background:
        answer = ask(path)
        took = time.monotonic() - now
        _answers[ask, path] = now + took + max(GOOD, SLOW * took), answer
    return answer
