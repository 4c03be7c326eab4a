"""Frame ranges as artists type them: Nuke's form, ``1001-1048x2,1060``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fileseq.exceptions import FileSeqException
from fileseq.frameset import FrameSet

from understudy.errors import UsageError


def parse_range(text: str) -> list[int]:
    """The frames of ``text``, sorted, each once.

    Commas or blanks separate the pieces. A piece is ``7``, ``1-10``, ``1-10x2`` (every second), or one of fileseq's
    other forms (``1-10y3``: all but every third, ``10-1``, negative frames). Raises UsageError for anything else.
    """
    # fileseq drops blanks, which would turn Nuke's "1-3 5" into 1-35.
    pieces = re.sub(r"[\s,]+", ",", text.strip(" \t\r\n,"))
    try:
        frames = list(FrameSet(pieces)) if pieces else []
    except (FileSeqException, ValueError) as error:
        raise _not_a_range(text) from error
    if not frames or any(frame != int(frame) for frame in frames):
        raise _not_a_range(text)
    return sorted({int(frame) for frame in frames})


def format_range(frames: Iterable[int]) -> str:
    """``frames`` in the shortest Nuke form, sorted; the empty text for none."""
    ordered = sorted(set(frames))
    return str(FrameSet.from_iterable(ordered).frameRange()) if ordered else ""


def _not_a_range(text: str) -> UsageError:
    return UsageError(f"{text!r} is not a frame range.", "Write it like 1001-1048, 1001-1048x2 or 1001-1010,1060.")
