"""What the backend advises, which speaks of its command line, in the words of the panels."""

from __future__ import annotations

import re
from functools import cache

from .options import Option, read, words

_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)(?: ([a-z0-9]+)\b)?")
_COMMAND = re.compile(r"--[a-z]|\bunderstudy [a-z]|\bcommand line\b")
_SENTENCE = re.compile(r"(?<=[.!?]) +")


def in_panel(hint: str) -> str:
    """``Lower --convert-batch.`` as ``Lower “Convert Batch”.``; a sentence that names a command besides is left out.

    What it says besides is for somebody in front of a terminal, and would send an artist the wrong way.
    """
    return " ".join(sentence for sentence in _SENTENCE.split(labelled(hint)) if not _COMMAND.search(sentence))


def labelled(text: str) -> str:
    """``--colour-match is not used.`` as ``“Color Match” is not used.``"""
    return _OPTION.sub(_label, text)


def _label(named: re.Match[str]) -> str:
    option = _options().get(named[1].replace("-", "_"))
    if option is None:
        return named[0]
    if named[2] in option.choices:
        return f"“{option.label}: {words(named[2])}”"
    return f"“{option.label}”" + (f" {named[2]}" if named[2] else "")


@cache
def _options() -> dict[str, Option]:
    """Every option that a panel shows, by name."""
    return {option.name: option for group in read().groups.values() for option in group}
