"""``metrics.jsonl``: one JSON object a line, one line a measurement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from understudy.errors import cannot_write
from understudy.plate.files import write_text

FILE = "metrics.jsonl"


class MetricsLog:
    """Appends measurements; opening it forgets those after ``step``, which a resumed training makes again."""

    def __init__(self, folder: Path, step: int) -> None:
        self._path = folder / FILE
        self.records = [record for record in read_metrics(folder) if record["step"] <= step]
        write_text(self._path, "".join(json.dumps(record) + "\n" for record in self.records))

    def append(self, record: dict[str, Any]) -> None:
        """Add one measurement, on the disk at once. Raises :class:`OutputError`."""
        self.records.append(record)
        try:
            with self._path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise cannot_write(self._path, error) from error


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The measurements of a model folder; a line torn by a crash is left out."""
    path = folder / FILE
    records: list[dict[str, Any]] = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("step"), int):
                records.append(record)
    return records
