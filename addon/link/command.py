"""The backend's command line, as a person writes it in Preferences, made ready to start."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePath

_BLENDERS_OWN = ("datafiles", "colormanagement", "config.ocio")

REMEDY = "Check the backend's command in Preferences."


def split(text: str, *, windows: bool = os.name == "nt") -> list[str]:
    """The words of a command: ``understudy``, a path (spaces and ``~`` included), or ``ssh gpu01 understudy``.

    A closing ``serve`` is left out: it is said where the interactive child is meant. Raises ``ValueError`` with one
    sentence when the text is no command.
    """
    text = text.strip()
    whole = Path(text).expanduser()
    if text and whole.is_file():
        return [str(whole)]
    try:
        words = shlex.split(text, posix=not windows)
    except ValueError:
        raise ValueError(f"The backend's command has a quotation mark too few: {text}") from None
    if windows:  # whose rules keep the marks, and the backslashes of a path
        words = [word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'" else word for word in words]
    if words[1:] and words[-1] == "serve":
        words.pop()
    if not words:
        raise ValueError("The backend's command is empty.")
    return [str(Path(words[0]).expanduser()) if words[0].startswith("~") else words[0], *words[1:]]


def find(argv: Sequence[str]) -> list[str]:
    """``argv`` with its program as a full path. Raises ``FileNotFoundError`` with one sentence."""
    program = shutil.which(argv[0]) if argv else None
    if program is None:
        raise FileNotFoundError(f"{argv[0] if argv else 'The backend'} was not found.")
    return [program, *argv[1:]]


def extended(argv: Sequence[str], *arguments: str) -> list[str]:
    """``argv`` with ``arguments`` behind it, quoted where they have to pass another machine's shell."""
    if argv and PurePath(argv[0]).stem.lower() in {"ssh", "plink"}:
        return [*argv, *map(shlex.quote, arguments)]
    return [*argv, *arguments]


def environment() -> dict[str, str]:
    """This process's environment without what is Blender's and not the backend's: what steers a Python, and colors.

    Blender sets $OCIO for itself, where nobody else did; a show's own configuration is handed on.
    """
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PYTHON")}
    kept.pop("__PYVENV_LAUNCHER__", None)
    if PurePath(kept.get("OCIO", "")).parts[-3:] == _BLENDERS_OWN:
        del kept["OCIO"]
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}
