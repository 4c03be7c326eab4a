"""Stages that hold what they write while they are at work, so that no second command writes there too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from understudy.errors import UnderstudyError
from understudy.faceset.trash import FOLDER as TRASH
from understudy.plate.files import remove_leftovers
from understudy.plate.lock import check_free, hold, hold_lock, lock_beside
from understudy.plate.sequence import open_plate, output_path, output_pattern
from understudy.settings import PlateOptions

# What is written under the lock; and the index, which whoever reads may write, and does without when it is taken away.
_HELD = {".exr", ".json", ".png", ".npz"}

Run = TypeVar("Run", bound=Callable[..., dict[str, Any]])


def holding(held: Callable[[Any], AbstractContextManager[None]]) -> Callable[[Run], Run]:
    """For a stage's ``run``: be inside what ``held`` makes of its settings while it is at work."""

    def around(run: Run) -> Run:
        @wraps(run)
        def inside(settings: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
            with held(settings):
                return run(settings, *arguments, **named)

        return cast(Run, inside)

    return around


@contextmanager
def existing(folder: Path, command: str, *, unless: bool = False) -> Iterator[None]:
    """Hold the faceset ``folder`` for ``command``, where there is one; ``unless`` nothing will be written to it.

    What a killed command left behind in it is removed. Raises BusyError and OutputError.
    """
    if unless or not folder.is_dir():
        yield
        return
    with hold(folder, command):
        for place in (folder, folder / TRASH):
            remove_leftovers(place, endings=_HELD)
        yield


@contextmanager
def beside(path: Path, command: str) -> Iterator[None]:
    """Hold the file or new folder ``path`` by a lock beside it. Raises BusyError and OutputError."""
    with hold_lock(lock_beside(path), command, path):
        yield


@contextmanager
def frames_of(settings: PlateOptions, out: str, command: str) -> Iterator[None]:
    """Hold the frames of the plate among those of the version ``out``.

    Several machines may convert parts of one version side by side; no frame is written by two. Nothing is held where there
    is no such plate, which the stage says in its own words. Raises BusyError and OutputError.
    """
    frames: tuple[int, ...] = ()
    with suppress(UnderstudyError):
        frames = open_plate(settings.plate, settings.frames, settings.missing).frames
    if not frames:
        yield
        return
    path = Path(output_pattern(out))
    own = lock_beside(path, f".{frames[0]}_{frames[-1]}")
    part = re.compile(re.escape(lock_beside(path).stem) + r"\.(-?[0-9]+)_(-?[0-9]+)\.lock")
    with hold_lock(own, command, path):
        # Only now, held itself: of two that come at the same moment at least one sees the other.
        for lock in path.parent.iterdir():
            span = part.fullmatch(lock.name)
            if span and lock != own and int(span[1]) <= frames[-1] and frames[0] <= int(span[2]):
                check_free(lock, path)
        remove_leftovers(path.parent, of={output_path(out, frame).name for frame in frames})
        yield
