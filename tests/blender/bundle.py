"""Validates the extension and builds it into a folder: ``python tests/blender/bundle.py 5.0.1 dist``.

Blender's own build script, which comes with the bpy wheel, does both; a Blender binary is not needed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from environment import ROOT, NotHereError, clean, python_of

_LOCATE = "import pathlib, importlib.util as u; print(pathlib.Path(u.find_spec('bpy').origin).parent)"


def build(python: Path, out: Path, source: Path = ROOT) -> None:
    """Validate ``source``, build it into the folder ``out`` and validate what was built, with ``python``'s bpy.

    Raises :class:`subprocess.CalledProcessError` when Blender's script refuses.
    """
    found = subprocess.run([python, "-c", _LOCATE], check=True, capture_output=True, text=True, env=clean())
    [scripts] = Path(found.stdout.strip()).glob("[0-9]*/scripts")
    script = [python, scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"]
    tags = f"--valid-tags={scripts / 'modules' / '_bpy_internal' / 'extensions' / 'tags.py'}"
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("understudy-*.zip"):
        old.unlink()
    subprocess.run([*script, "validate", tags, source], check=True, env=clean())
    subprocess.run([*script, "build", "--source-dir", source, "--output-dir", out], check=True, env=clean())
    for made in out.glob("understudy-*.zip"):
        subprocess.run([*script, "validate", tags, made], check=True, env=clean())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python tests/blender/bundle.py VERSION FOLDER")
    try:
        build(python_of(sys.argv[1]), Path(sys.argv[2]).absolute())
    except NotHereError as why:
        sys.exit(f"The extension cannot be built, because {why}.")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
