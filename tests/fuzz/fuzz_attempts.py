"""One spoilt input and what became of it: taken, refused in a sentence, or a failure."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import ExitCode, UnderstudyError
from understudy.failure import Failure

_UNSAFE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\ud800-\\udfff]")

LONGEST = 400
"""Letters that a refusal stays below."""


@dataclass(frozen=True)
class Attempt:
    """What became of an input; ``failure`` is empty unless it was neither taken nor refused in a good sentence."""

    taken: bool
    failure: str
    seconds: float  # of this process's own work


def attempt(read: Callable[[bytes, Path], object], data: bytes, folder: Path) -> Attempt:
    """Let ``read`` have the input ``data``; ``folder`` is its own to write to."""
    start = time.process_time()
    try:
        read(data, folder)
    except UnderstudyError as error:
        return Attempt(False, _fault(error), time.process_time() - start)
    except Exception as error:
        told = Failure.of(error)
        if told.code == ExitCode.MEMORY:
            return Attempt(False, "", time.process_time() - start)
        last = traceback.extract_tb(error.__traceback__)[-1]
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if "understudy" in frame.filename]
        place = own[-1] if own else last
        where = f"{Path(place.filename).name}:{place.lineno} in {place.name}"
        return Attempt(False, f"{type(error).__name__} at {where}: {str(error)[:150]}", time.process_time() - start)
    return Attempt(True, "", time.process_time() - start)


def _fault(error: UnderstudyError) -> str:
    """What is wrong with a refusal's sentence."""
    if error.code == ExitCode.INTERNAL:
        return f"a refusal without a code: {error.message}"
    if not error.message or len(error.message) >= LONGEST:
        return f"a refusal of {len(error.message)} letters: {error.message[:80]}"
    if _UNSAFE.search(error.message + error.hint):
        return f"a refusal that is no line: {error.message!r} {error.hint!r}"
    if not error.message.rstrip("'\"").endswith((".", "?")):
        return f"a refusal that is no sentence: {error.message}"
    return ""
