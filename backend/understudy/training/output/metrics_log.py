"""``metrics.jsonl``: one JSON object a line, one line a measurement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from understudy.errors import cannot_write
from understudy.json_reader import parse_json
from understudy.plate.files import write_text
from understudy.training.output.tensorboard import Board

FILE = "metrics.jsonl"


class MetricsLog:
    """Appends measurements, to the file and for TensorBoard; opening it goes back to ``step``."""

    def __init__(self, folder: Path, step: int) -> None:
        self._folder = folder
        self._path = folder / FILE
        self.records = read_metrics(folder)
        self._board: Board | None = None
        self.go_back(step)

    def go_back(self, step: int) -> None:
        """Forget what came after ``step``, which training makes again. Raises :class:`OutputError`."""
        self.records = [record for record in self.records if record["step"] <= step]
        write_text(self._path, "".join(json.dumps(record) + "\n" for record in self.records))
        self.close()
        self._board = Board(self._folder, step)

    def append(self, record: dict[str, Any]) -> None:
        """Add one measurement, on the disk at once. Raises :class:`OutputError`."""
        self.records.append(record)
        try:
            with self._path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise cannot_write(self._path, error) from error
        if self._board:
            self._board.add(record)

    def close(self) -> None:
        """Let go of TensorBoard's file; nothing is lost without, but in a long-lived process it would stay open."""
        if self._board:
            self._board.close()
            self._board = None


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The measurements of a model folder; a line torn by a crash is left out."""
    path = folder / FILE
    records: list[dict[str, Any]] = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = parse_json(line, nan=True)
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("step"), int):
                records.append({name: value for name, value in record.items() if _is_measured(name, value)})
    return records


def _is_measured(name: str, value: Any) -> bool:
    """Whether a record may hold it: a number, or the name of a phase."""
    return isinstance(value, str if name == "phase" else int | float)
