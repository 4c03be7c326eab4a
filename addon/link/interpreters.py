"""Finding a Python that the backend can live in: Blender's own may be too new for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .process import spawn

VERSIONS = ("3.11", "3.12")
"""What the backend runs on, the one that is tested most first."""

_ASK = "import sys, venv, ensurepip; print('%d.%d.%d' % sys.version_info[:3])"
_NEEDED = " or ".join(VERSIONS)


def find_python(preferred: str = "") -> tuple[list[str], str]:
    """The command and the version of a Python that can make the environment. Takes up to some seconds.

    ``preferred`` is the program that the artist named. Raises ``ValueError`` with one sentence.
    """
    if preferred:
        version = _version([str(Path(preferred).expanduser())])
        if version is None:
            raise ValueError(f"{preferred} is no Python that can make a virtual environment.")
        if not _fits(version):
            raise ValueError(f"{preferred} is Python {version}; the backend needs {_NEEDED}.")
        return [str(Path(preferred).expanduser())], version
    for command in _candidates():
        version = _version(command)
        if version is not None and _fits(version):
            return command, version
    raise ValueError(f"No Python {_NEEDED} that can make a virtual environment was found on this machine.")


def _candidates() -> Iterator[list[str]]:
    for version in VERSIONS:
        if os.name == "nt":
            yield ["py", f"-{version}"]
        yield [f"python{version}"]
    yield [sys.executable]
    yield ["python3"]
    yield ["python"]


def _fits(version: str) -> bool:
    return version.rpartition(".")[0] in VERSIONS


def _version(command: list[str]) -> str | None:
    """What version the program answers; None when it is not there, or lacks ``venv`` or pip."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        process = spawn(
            [program, *command[1:], "-I", "-c", _ASK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
        )
    except OSError:
        return None
    try:
        answer, _ = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    return answer.strip() if process.returncode == 0 else None
