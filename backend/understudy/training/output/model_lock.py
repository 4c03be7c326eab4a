"""One training at a time in a model's folder."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from understudy.plate import lock
from understudy.plate.lock import is_held

__all__ = ["hold", "is_held"]


def hold(folder: Path, command: str = "train") -> AbstractContextManager[None]:
    """Hold the model's ``folder``, which is made, while the block runs: whatever changes the training's state needs it.

    The system lets go when the process ends, however it ends. Where the disk knows no locks (some network shares) the
    block runs all the same. Raises BusyError when another holds it, in this process or another, and OutputError.
    """
    return lock.hold(folder, command)
