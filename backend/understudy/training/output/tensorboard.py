"""The measurements once more, as event files for TensorBoard, where that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

FOLDER = "tensorboard"

_NO_CURVES = ("step", "minutes")


class Board:
    """Writes measurements into the folder ``tensorboard`` of a model.

    ``metrics.jsonl`` is what counts, this is to look at: without the package nothing is written, and a disk that fails
    ends the writing here and not the training.
    """

    def __init__(self, folder: Path, step: int) -> None:
        """Points after ``step``, of a training that was taken back, are declared void."""
        self._writer: Any = None
        self._said: dict[str, str] = {}
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        with suppress(OSError):
            self._writer = SummaryWriter(str(folder / FOLDER), purge_step=step + 1)

    def add(self, record: Mapping[str, Any]) -> None:
        """Add each number of a ``record`` as a point at its ``step``, and a text (the phase) where it changes."""
        if self._writer is None:
            return
        step = record["step"]
        try:
            for name, value in record.items():
                if isinstance(value, str):
                    if self._said.get(name) != value:
                        self._writer.add_text(name, value, step)
                    self._said[name] = value
                elif name not in _NO_CURVES and isinstance(value, int | float):
                    self._writer.add_scalar(name, value, step)
            self._writer.flush()  # a person looks while the training runs
        except OSError:
            self._writer = None

    def close(self) -> None:
        """Let go of the file."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
            self._writer = None
