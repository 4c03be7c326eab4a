"""What is printed of models."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from understudy.cli.console import Terminal
from understudy.cli.tables import Report, figure, general, new_table

_FOOTAGE = ("faceset", "plate", "faces", "sha256")
"""What is told of footage beside the components that analysed it."""


def model(console: Terminal, report: Report) -> None:
    """What a model is, how well it does, and what it was trained on."""
    told = {name: value for name, value in report.items() if name not in ("trained_on", "validation")}
    told |= {
        "weights": f"{report['weights'] / 1e6:.2f} million",
        "minutes": _duration(60 * report["minutes"]),
        "training_memory": f"{report['training_memory'] / 2**30:.2f} GiB, and what the batch takes",
    }
    words = {"minutes": "trained for", "tflop_per_step": "TFLOP per step", "gflop_per_face": "GFLOP per swapped face"}
    general(console, {words.get(name, name): value for name, value in told.items()})
    if report["validation"]:
        console.print(_validation(report["validation"]))
    table = new_table("Trained on", "side", "faceset", "plate", "faces", "records (sha256)")
    for side, footage in report["trained_on"].items():
        for one in footage:
            plate = one.get("plate", "").replace("\\", "/").rsplit("/", 1)[-1]
            table.add_row(side, one["faceset"], plate, str(one["faces"]), one.get("sha256", "")[:16])
    if table.rows:
        console.print(table)
    everything = [one for footage in report["trained_on"].values() for one in footage]
    for role in dict.fromkeys(role for one in everything for role in one if role not in _FOOTAGE):
        for what in dict.fromkeys(one[role] for one in everything if role in one):
            console.print(f"The {role}: {what}", markup=False, soft_wrap=True)


def _validation(figures: Report) -> Table:
    """Held-out faces rebuilt: the figures of each side begin with its name, the means over the sides do not."""
    table = new_table("Held-out faces rebuilt", "side", "PSNR, dB", "SSIM", "loss")
    sides = dict.fromkeys(name.rpartition("_")[0] for name in figures)
    for side in sorted(sides, key=lambda side: (not side, side)):
        table.add_row(side or "mean", *_figures(figures, f"{side}_" if side else ""))
    return table


def _figures(figures: Report, prefix: str = "") -> Iterator[str]:
    for name, digits in (("psnr", 2), ("ssim", 4), ("loss", 4)):
        yield figure(figures.get(prefix + name), digits)


def backups(console: Terminal, report: Report) -> None:
    """The backups of a model, and why some cannot be restored."""
    if not report["backups"]:
        console.print(f"There are no backups of {report['model']} yet.", markup=False, soft_wrap=True)
        return
    table = new_table(f"Backups of {report['model']}")
    for heading in ("step", "age", "trained for", "PSNR, dB", "SSIM", "loss", "size"):
        table.add_column(heading, justify="right")
    for one in report["backups"]:
        if one["problem"]:
            table.add_row(str(one["step"]), "damaged")
        else:
            ages = (_duration(one["age"]), _duration(60 * one["minutes"]))
            table.add_row(str(one["step"]), *ages, *_figures(one["validation"]), f"{one['size'] / 1e6:.1f} MB")
    console.print(table)
    for one in report["backups"]:
        if one["problem"]:
            console.print(f"Step {one['step']} cannot be restored: {one['problem']}.", markup=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def requested(console: Terminal, report: Report) -> None:
    """Where the preview that was asked for will be."""
    console.print(f"The sheet will be {report['preview']}", markup=False, soft_wrap=True)
