"""Writes the journal beside the analysis."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from understudy.faceset.journal import LOOKS, Entry, Journal, look_name
from understudy.plate.sheet import write_png


class JournalWriter:
    """Brings entries and their pictures to the disk beside the analysis, in order, the pictures first."""

    _AHEAD = 4  # frames that may wait

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journal = Journal(folder)
        self._pool = ThreadPoolExecutor(1, "journal")
        self._pending: deque[Future[None]] = deque()
        self._broken = False

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()  # what was handed over is finished even when the run ends here

    def enter(self, entry: Entry, looks: Sequence[NDArray[np.uint8]]) -> None:
        """Hand over a frame. Raises what writing an earlier one raised."""
        while len(self._pending) >= self._AHEAD:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(self._write, entry, looks))

    def finish(self) -> None:
        """Wait until everything is on the disk."""
        while self._pending:
            self._pending.popleft().result()

    def _write(self, entry: Entry, looks: Sequence[NDArray[np.uint8]]) -> None:
        if self._broken:  # no gaps: what follows a frame that failed is done again after it
            return
        self._broken = True
        for index, picture in enumerate(looks):
            write_png(self._folder / LOOKS / look_name(entry.frame, index), picture)
        self._journal.append(entry)
        self._broken = False
