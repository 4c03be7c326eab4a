"""Frame ranges as artists type them: Nuke's form, ``1001-1048x2,1060``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from fileseq.exceptions import FileSeqException
from fileseq.frameset import FrameSet

from understudy.errors import UsageError

MOST_FRAMES = 1_000_000
"""As many frames, more than eleven hours, a range may have."""

_SHORT = 2000  # frames that are looked through for steps
_PLAIN = re.compile(r"(-?[0-9]+)(?:-(-?[0-9]+)(?:x([1-9][0-9]*))?)?")
_SPAN = re.compile(r"(-?[0-9]+)-(-?[0-9]+)(?:[xy:](-?[0-9]+))?")


def parse_range(text: str) -> list[int]:
    """The frames of ``text``, sorted, each once.

    Commas or blanks separate the pieces. A piece is ``7``, ``1-10``, ``1-10x2`` (every second), or one of fileseq's
    other forms (``1-10y3``: all but every third, ``10-1``, negative frames). Raises UsageError for anything else, and
    for more than :data:`MOST_FRAMES`.
    """
    # fileseq drops blanks, which would turn Nuke's "1-3 5" into 1-35.
    pieces = re.sub(r"[\s,]+", ",", text.strip(" \t\r\n,"))
    _check_size(text, pieces)
    if plain := _spans(pieces):
        return plain
    try:
        frames = list(FrameSet(pieces)) if pieces else []
    except (FileSeqException, ValueError, ArithmeticError) as error:
        raise _not_a_range(text) from error
    if not frames or any(frame != int(frame) for frame in frames):
        raise _not_a_range(text)
    return sorted({int(frame) for frame in frames})


def format_range(frames: Iterable[int]) -> str:
    """``frames`` in the shortest Nuke form, sorted; the empty text for none."""
    ordered = sorted(set(frames))
    return str(FrameSet.from_iterable(ordered).frameRange()) if ordered else ""


def gaps(present: Sequence[int], first: int, last: int) -> list[tuple[int, int]]:
    """What ``present`` (ascending) lacks of ``first`` to ``last``, as runs (first, last)."""
    edges = [first - 1, *present, last + 1]
    return [(one + 1, two - 1) for one, two in pairwise(edges) if two - one > 1]


def runs_of(frames: Iterable[int]) -> list[tuple[int, int]]:
    """``frames`` as runs (first, last), ascending."""
    runs: list[tuple[int, int]] = []
    for frame in sorted(set(frames)):
        if runs and frame == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], frame
        else:
            runs.append((frame, frame))
    return runs


def runs_told(runs: Sequence[tuple[int, int]], most: int = 8) -> str:
    """Runs of frames in words, however many and long they are: of more than ``most`` pieces the first are told.

    Short runs come in Nuke's form with steps, ``1001-1099x2``.
    """
    if sum(last - first + 1 for first, last in runs) <= _SHORT:
        pieces = format_range(frame for first, last in runs for frame in range(first, last + 1)).split(",")
    else:
        pieces = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ",".join(pieces[:most]) + (f" and {len(pieces) - most} more ranges" if len(pieces) > most else "")


def _spans(pieces: str) -> list[int]:
    """Frames of plain ranges, ``7``, ``1-10`` and ``1-10x2``, which are most; nothing where another form is among them."""
    frames: set[int] = set()
    for piece in pieces.split(","):
        if not (span := _PLAIN.fullmatch(piece)):
            return []
        first, last = int(span[1]), int(span[2] or span[1])
        step = int(span[3] or 1)
        frames.update(range(first, last + 1, step) if first <= last else range(first, last - 1, -step))
    return sorted(frames)


def _check_size(text: str, pieces: str) -> None:
    """Before any frame is counted out: a range may ask for more of them than there is memory."""
    count = 0
    for piece in pieces.split(","):
        if len(piece) > 64:
            raise _not_a_range(text)
        if span := _SPAN.fullmatch(piece):
            first, last, step = int(span[1]), int(span[2]), int(span[3] or 1)
            count += abs(last - first) // (max(abs(step), 1) if "y" not in piece else 1) + 1
        elif not _PLAIN.fullmatch(piece):
            raise _not_a_range(text)  # fileseq takes further forms (fractions, other scripts' digits), uncounted here
        if count > MOST_FRAMES:
            raise _not_a_range(text, f" of at most {MOST_FRAMES} frames")


def _not_a_range(text: str, what: str = "") -> UsageError:
    text = text if len(text) <= 80 else f"{text[:77]}..."
    return UsageError(
        f"{text!r} is not a frame range{what}.", "Write it like 1001-1048, 1001-1048x2 or 1001-1010,1060."
    )
