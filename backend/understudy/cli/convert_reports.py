"""What is printed of measurements of conversion."""

from __future__ import annotations

from understudy.cli.console import Terminal
from understudy.cli.tables import Report, general, new_table


def bench_convert(console: Terminal, report: Report) -> None:
    """What conversion promises and whether it keeps it; then all other figures."""
    table = new_table("What conversion promises", "", "what", "measured", "limit", "met")
    for one in report["criteria"]:
        measured = "-" if one["measured"] is None else f"{one['measured']:.3g}"
        table.add_row(str(one["number"]), one["what"], measured, f"{one['limit']:.3g}", "yes" if one["met"] else "NO")
    console.print(table)
    for name, told in report.items():
        if name != "criteria":
            general(console, {name: told})
