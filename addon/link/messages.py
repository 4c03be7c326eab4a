"""What a process and its last lines say, in one sentence."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

_OURS = "understudy: "
# What libraries say about themselves, event lines, frames of a traceback and the rules of a box are no reasons.
_NOISE = re.compile(r"[IWE]\d{4} |INFO\b|WARNING\b|\{|hint: |--- |Traceback \(|\S*: UserWarning|WARNING:|\s")
_BOX = "│╭╮╰╯─┃━ \t"


def last_sentence(lines: Sequence[str]) -> str:
    """The reason in a log: its last line ``understudy: ...``, else the last line that could be one; else empty."""
    for line in reversed(lines):
        if line.startswith(_OURS):
            return line.removeprefix(_OURS).strip()
    for line in reversed(lines):
        told = line.strip(_BOX)
        if told and not _NOISE.match(line) and any(map(str.isalpha, told)):
            return told
    return ""


def unusable(what: object, error: OSError) -> str:
    """Why a file or folder cannot be used, in one sentence; ``what`` is meant where the error names none."""
    return f"{error.filename or what} cannot be used: {error.strerror or error}."


def ending(who: str, code: int | None, lines: Sequence[str]) -> str:
    """How a process ended, in one sentence; ``code`` as :mod:`subprocess` tells it, None when nobody knows."""
    told = last_sentence(lines)
    if code is not None and code < 0:
        name = next((f" ({one.name})" for one in signal.Signals if one == -code), "")
        how = f"{who} was killed by signal {-code}{name}"
    elif code is None:
        how = f"{who} is gone without a word" if not told else f"{who} is gone"
    else:
        how = f"{who} ended with code {code if code < 2**31 else hex(code)}"
    return f"{how}: {told}" if told else f"{how}."


class _WentWrong(Protocol):
    problem: str
    hint: str


def failure(of: _WentWrong) -> str:
    """What went wrong and what to do about it."""
    return f"{of.problem} {of.hint}".rstrip()


def description(hello: Mapping[str, Any]) -> str:
    """What a backend says of itself in its ``hello``: ``NVIDIA RTX 4090, 24 GB, version 0.1.0``."""
    return f"{hello['device']}, {hello['memory'] / 2**30:.0f} GB, version {hello['version']}"
