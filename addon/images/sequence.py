"""Which files a numbered sequence is made of: names and numbers, no bpy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_FIELD = re.compile(r"#+|@+|%0?\d*d|\$F\d*")


def frame_path(pattern: str, frame: int) -> Path:
    """The file of ``frame``: ``shot.####.exr``, ``%04d``, ``@@@@`` or ``$F4``; a path without a field is its own file."""
    path = Path(pattern)
    fields = list(_FIELD.finditer(path.name))
    if not fields:
        return path
    field = fields[-1]
    return path.with_name(f"{path.name[: field.start()]}{frame:0{_digits(field[0])}d}{path.name[field.end() :]}")


def is_sequence(pattern: str) -> bool:
    """Whether the file name has a field for the frame number."""
    return bool(_FIELD.search(Path(pattern).name))


def missing_frames(pattern: str, first: int, last: int) -> list[int]:
    """The frames of ``first`` to ``last`` that have no file, ascending; the folder is read once."""
    folder = Path(pattern).parent
    there = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    return [frame for frame in range(first, last + 1) if frame_path(pattern, frame).name not in there]


def frame_ranges(frames: Iterable[int]) -> str:
    """Frames as a person writes them: ``1003, 1007-1010``."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ", ".join(str(start) if start == end else f"{start}-{end}" for start, end in runs)


def number_in(name: str) -> int | None:
    """The frame number in a file's name as Blender sees it: the last group of digits before the extension."""
    groups = re.findall(r"\d+", Path(name).stem)
    return int(groups[-1]) if groups else None


def _digits(field: str) -> int:
    return len(field) if field[0] in "#@" else int(re.sub(r"\D", "", field) or 1)
