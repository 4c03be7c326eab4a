"""How near shots are to their truth, as a person reads it: a row a measure, a column a shot."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from understudy.cli.console import Terminal
from understudy.cli.tables import Report, figure, new_table

MEASURES = (
    ("PSNR", "psnr", 2, "dB; more is nearer"),
    ("SSIM", "ssim", 3, "1 is the same"),
    ("dE2000", "de2000", 2, "0 is the same colour"),
    ("identity gained", "identity", 2, "0 is the plate, 1 the truth"),
    ("detail correlation", "detail_correlation", 3, "1 is the same detail"),
    ("gradient correlation", "gradient_correlation", 3, "1 is the same edges"),
    ("sharpness ratio", "sharpness_ratio", 2, "1 is as sharp as the truth"),
    ("landmarks", "landmark_distance", 2, "% of the eye distance away"),
    ("error of the light", "light", 4, "shading, tone; 0 to 1"),
    ("error of the features", "features", 4, "eyes, nose, mouth; 0 to 1"),
    ("error of the detail", "detail", 4, "lashes, pores; 0 to 1"),
    ("flicker ratio", "flicker_ratio", 2, "1 changes as the truth does"),
    ("change of the error", "error_change", 4, "from frame to frame; 0 to 1"),
)
"""What each measure of a shot against its truth is called, its key, digits, and what it means."""


def truth_table(title: str, shots: Mapping[str, Report | None]) -> Table:
    """A row a measure, a column for each of ``shots`` by its name, and what the measures mean; None are left out."""
    told = {name: shot for name, shot in shots.items() if shot is not None}
    table = new_table(title, "to the truth")
    for name in told:
        table.add_column(name, justify="right")
    table.add_column("")
    for name, key, digits, meaning in MEASURES:
        table.add_row(name, *(figure(shot[key], digits) for shot in told.values()), meaning)
    return table


def demo(console: Terminal, report: Report) -> None:
    """Plate, result and network side by side, and where they are to be seen."""
    shots = {"plate": report["untouched"], "Understudy": report["result"], "network": report["network"]}
    console.print(truth_table(f"The new face, frames {report['first']} to {report['last']}", shots))
    console.print(f"From the footage to the converted shot: {report['seconds']:.0f} s, without training.")
    if network := report["network"]:
        console.print(f"The network was trained for {network['minutes']:.1f} min, {network['steps']} steps.")
    if missing := report["frames_without_face"]:
        console.print(f"{missing} frames have no face; they keep the plate.")
    console.print(f"Look at {report['sheet']}", markup=False, soft_wrap=True)
