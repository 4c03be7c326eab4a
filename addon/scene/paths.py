"""Where the things of a shot lie and what they are called. Paths only, no Blender."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHEET = "contact_sheet.png"
"""Extraction writes this last: a faceset that has it is whole."""

_NUMBER = re.compile(r"\d+(?=\D*$)")
_FIELD = re.compile(r"#+|@+|%0?\d*d|\$F\d*")
_JOB = re.compile(r"(\d+)-.*")
_VERSION = re.compile(r"v(\d+)")
_ANALYSIS = (
    "plate", "colour_space", "ocio", "missing", "detector", "landmarker", "recogniser", "pack",
    "face", "reference", "likeness", "crop", "crop_size", "min_face",
)  # fmt: skip


def pattern_of(file: Path) -> str:
    """The sequence that one of its frames belongs to, as ``shot.####.exr``; the file itself when it stands alone."""
    run = _NUMBER.search(file.stem)
    if run is None or not file.is_file():
        return str(file)
    head, tail = file.stem[: run.start()], file.stem[run.end() :] + file.suffix
    frames = re.compile(re.escape(head) + r"(\d+)" + re.escape(tail))
    numbers = [hit[1] for hit in (frames.fullmatch(one.name) for one in file.parent.iterdir()) if hit]
    alike = [number for number in numbers if len(number) == len(run.group())]
    if len(numbers) < 2:
        return str(file)
    padded = any(number.startswith("0") for number in numbers) or len(alike) == len(numbers)
    return str(file.with_name(f"{head}{'#' * (len(run.group()) if padded else 1)}{tail}"))


def stem_of(pattern: str) -> str:
    """What a plate is called: ``/show/sh010.####.exr`` gives ``sh010``."""
    path = Path(pattern)
    name = _FIELD.split(path.name)[0] if _FIELD.search(path.name) else path.stem
    return name.rstrip("._- ") or path.parent.name or "plate"


def faceset(root: Path, role: str, settings: Mapping[str, Any]) -> Path:
    """The faceset that extraction with ``settings`` fills, for ``role`` ``plate`` or ``source``.

    Other settings give another folder, so that faces found in two ways never mix.
    """
    asked = json.dumps({name: settings.get(name) for name in _ANALYSIS}, sort_keys=True, default=str)
    return root / "faces" / role / f"{stem_of(str(settings['plate']))}-{hashlib.sha256(asked.encode()).hexdigest()[:6]}"


def is_current(settings: Mapping[str, Any]) -> bool:
    """Whether the faceset that an extraction with ``settings`` fills is there, and was made with all of them.

    What is not part of its name (smoothing, lens, cuts, corrections) may be another since: then extraction solves and cuts
    it anew, without looking for faces again.
    """
    folder = Path(settings["out"])
    if not is_whole(folder):
        return False
    try:
        wanted = json.loads((folder / "faceset.json").read_text(encoding="utf-8"))["provenance"]["wanted"]
    except (OSError, ValueError, KeyError, TypeError):
        return True  # not one of this kind: extraction will say so
    if not isinstance(wanted, dict):
        return False
    same = all(
        wanted[name] == settings[name] for name in ("smoothing", "lens", "cuts") if name in wanted.keys() & settings
    )
    return same and wanted.get("corrections") == _digest(settings.get("corrections"))


def _digest(file: str | None) -> str | None:
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None
    except OSError:
        return ""


def is_whole(folder: Path) -> bool:
    """Whether an extraction into ``folder`` has come to its end."""
    return (folder / SHEET).is_file()


def new_job(root: Path, stage: str) -> Path:
    """A folder for the next job, not made yet: ``jobs/0007-train``."""
    jobs = root / "jobs"
    return jobs / f"{_highest(jobs, _JOB) + 1:04d}-{stage}"


def new_version(root: Path) -> str:
    """The next name of a render: ``v001``, ``v002``, ..."""
    return f"v{_highest(root / 'renders', _VERSION) + 1:03d}"


def render(root: Path, version: str, plate: str) -> str:
    """The sequence that a version of the shot is written to."""
    return str(root / "renders" / version / f"{stem_of(plate)}.####.exr")


def resumable(root: Path, settings: Mapping[str, Any]) -> str:
    """Where the newest conversion goes on when neither its settings nor what it is made of changed since; else ``""``."""
    jobs = sorted((root / "jobs").glob("*-convert/job.json"))
    if not jobs:
        return ""
    try:
        before = json.loads(jobs[-1].read_text(encoding="utf-8"))["settings"]
        told = (jobs[-1].parent / "events.jsonl").read_text(encoding="utf-8").splitlines()
        done = any(json.loads(line).get("event") == "done" for line in told[-1:])
        begun = min((json.loads(line)["time"] for line in told if '"launched"' in line), default=0.0)
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    same = {k: v for k, v in before.items() if k != "out"} == {k: v for k, v in settings.items() if k != "out"}
    return "" if done or _newest(settings) > begun or not same else str(before.get("out", ""))


def _highest(folder: Path, name: re.Pattern[str]) -> int:
    if not folder.is_dir():
        return 0
    hits = (name.fullmatch(one.name) for one in folder.iterdir())
    return max((int(hit[1]) for hit in hits if hit), default=0)


def _newest(settings: Mapping[str, Any]) -> float:
    """When what a new face is made of was changed last: a model, or the faces of a faceset, which come and go by name."""
    model, source = (settings.get(name) for name in ("model", "source"))
    files = [*(Path(model).glob("*.safetensors") if model else ()), *([Path(source)] if source else ())]
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
