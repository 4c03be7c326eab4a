"""Makes and keeps the environments ``.venv/blender-VERSION``: Blender as the Python module bpy, and pytest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = (3, 11)  # the only one that bpy 4.5 and 5.0 have wheels for

PARTS = ("blender_manifest.toml", "__init__.py", "LICENSE", "addon", "shaders")
"""What the extension is made of."""


class NotHereError(Exception):
    """This machine cannot have the environment; the message says why."""


def python_of(version: str) -> Path:
    """The interpreter of the environment of bpy ``version``, made if it is not there.

    Raises :class:`NotHereError` without Python 3.11 or a wheel for this machine, and
    :class:`subprocess.CalledProcessError` when the installation fails for another reason.
    """
    folder = ROOT / ".venv" / f"blender-{version}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = [f"bpy=={version}", "pytest>=8"]
    stamp = folder / "installed"
    wanted = "\n".join(packages)
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    interpreter = _interpreter()
    print(f"making {folder.relative_to(ROOT)}: bpy {version} is a download of some 350 MB", flush=True)
    subprocess.run([*interpreter, "-m", "venv", "--clear", str(folder)], check=True, env=clean())
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--only-binary=:all:", *packages]
    done = subprocess.run(install, check=False, env=clean(), stderr=subprocess.PIPE, text=True)
    if done.returncode:
        # Without a connection pip says the same, but after warnings that it tries again.
        if "No matching distribution found for bpy" in done.stderr and "Retrying" not in done.stderr:
            raise NotHereError(f"there is no wheel of bpy {version} for this machine")
        sys.stderr.write(done.stderr)
        done.check_returncode()
    stamp.write_text(wanted)  # last, so that an installation that failed is tried again
    return python


def copy(place: Path) -> None:
    """Copy the extension's parts of the checkout into the folder ``place``."""
    place.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy2(ROOT / part, place / part)


def clean() -> dict[str, str]:
    """This process's environment without what would lead another Python astray."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _interpreter() -> list[str]:
    """A command that starts Python 3.11: this one, or one on the path."""
    if sys.version_info[:2] == PYTHON:
        return [sys.executable]
    name = ".".join(map(str, PYTHON))
    for command in ([f"python{name}"], ["py", f"-{name}"]):
        if shutil.which(command[0]):
            try:
                subprocess.run([*command, "-c", ""], check=True, capture_output=True, env=clean())
            except subprocess.CalledProcessError:
                continue  # a launcher or shim without that Python behind it
            return command
    raise NotHereError(f"bpy needs Python {name}, which was not found on the path")
