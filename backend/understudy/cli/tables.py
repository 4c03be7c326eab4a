"""Tables of figures, as the reports of all stages are told in."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from understudy.cli.console import Terminal
from understudy.safe_text import printable

Report = dict[str, Any]


def shown(report: Any) -> Any:
    """``report`` with all its texts, and the names in it, as a terminal may show them."""
    match report:
        case str():
            return printable(report)
        case dict():
            return {printable(name) if isinstance(name, str) else name: shown(value) for name, value in report.items()}
        case list() | tuple():
            return type(report)(map(shown, report))
        case _:
            return report


def general(console: Terminal, report: Report) -> None:
    """Any report: its single values in one table, and one more for each group of values."""
    single = {name: value for name, value in report.items() if not isinstance(value, dict)}
    groups = {name: value for name, value in report.items() if isinstance(value, dict)}
    for title, values in (("", single), *groups.items()):
        table = Table(title=_words(title) or None, title_justify="left", show_header=False)
        for name, value in _rows(values):
            table.add_row(_words(name), value)
        if table.rows:
            console.print(table)


def _rows(values: Report, prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += _rows(value, f"{prefix}{name} ")
        elif isinstance(value, list):
            rows.append((prefix + name, ", ".join(map(_value, value)) if len(value) <= 8 else f"{len(value)} entries"))
        elif value is not None:
            rows.append((prefix + name, _value(value)))
    return rows


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def new_table(title: str, *headings: str) -> Table:
    """An empty table with its title and headings at the left."""
    return Table(*headings, title=title, title_justify="left")


def figure(value: float | None, digits: int) -> str:
    """A number with so many digits behind the point; a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"
