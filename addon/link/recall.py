"""Finding jobs again, beside Blender: what a long training has told takes longer to read than a window may wait."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

from .job import Job


class Recall:
    """Opens the jobs in ``folders`` in a thread. ``jobs`` has, by folder, those that are there; not before it is over."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.jobs: dict[Path, Job] = {}
        self._folders = folders
        self._thread = threading.Thread(target=self._look, name="understudy recall", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether all folders were looked into."""
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Block until it is over."""
        self._thread.join()

    def _look(self) -> None:
        for folder in self._folders:
            with contextlib.suppress(OSError, ValueError):  # its folder is gone, and so is the job
                self.jobs[folder] = Job.open(folder)
