"""What is printed of the quality check of a delivery."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table
from rich.text import Text

from understudy.cli.console import Terminal
from understudy.cli.tables import Report
from understudy.plate.ranges import format_range

_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red", "not checked": "dim"}


def quality(console: Terminal, report: Report) -> None:
    """Every check with its verdict, on how many frames something was found, the worst of them, and a sentence."""
    table = Table(
        "check", "verdict", "frames", Column("worst", max_width=14), "what was found", box=SIMPLE_HEAD, pad_edge=False
    )
    for check in report["checks"]:
        # With blanks a narrow column wraps between ranges.
        worst = format_range(sorted(check["worst"])).replace(",", ", ") if check["worst"] else ""
        count = str(check["frames"] or "")
        table.add_row(
            check["check"], Text(check["verdict"], _STYLES[check["verdict"]]), count, worst, Text(check["told"])
        )
    console.print(report["sequence"], markup=False, soft_wrap=True)
    console.print(table)
    verdicts = [check["verdict"] for check in report["checks"]]
    told = ", ".join(f"{verdicts.count(one)} {one}" for one in _STYLES if one in verdicts)
    console.print(f"{report['checked']} frames read: {told}.")
    console.print(f"Written: {report['page']}", markup=False, soft_wrap=True)
