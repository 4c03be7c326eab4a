"""Runs the add-on's tests in a Blender of the wanted version: ``python tests/blender/run.py 4.5.15 [pytest's options]``.

The backend they talk to is the ``understudy`` beside the interpreter that runs this.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from environment import ROOT, NotHereError, clean, python_of

TIMEOUT = 1800.0
"""Seconds. Blender as a module can hang while it exits, and would hold up everything after it."""


def run(version: str, options: list[str]) -> int:
    """Run the tests and return pytest's exit code, 0 when this machine cannot run them, or 124 after the time-out."""
    try:
        python = python_of(version)
    except NotHereError as why:
        print(f"Skipped: the add-on's tests in Blender {version}, because {why}.")
        return 0
    backend = Path(sys.executable).with_name("understudy.exe" if os.name == "nt" else "understudy")
    if not backend.is_file():
        print(f"There is no {backend.name} beside {sys.executable}: tests that need the backend are skipped.")
    environment = {**clean(), "UNDERSTUDY_COMMAND": str(backend) if backend.is_file() else ""}
    print(f"Blender {version}:", flush=True)
    try:
        command = [str(python), "-m", "pytest", "tests/blender", *options]
        return subprocess.run(command, cwd=ROOT, env=environment, timeout=TIMEOUT, check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"The tests in Blender {version} were ended: they took more than {TIMEOUT / 60:.0f} minutes, or hung.")
        return 124


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python tests/blender/run.py VERSION [pytest's options]")
    sys.exit(run(sys.argv[1], sys.argv[2:]))
