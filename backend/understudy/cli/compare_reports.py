"""A comparison as a person reads it: the pictures frame by frame, then the faces in them."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from understudy.cli.console import Terminal
from understudy.cli.tables import Report, figure, new_table

_FACE = (
    ("error of the light", "light", 4, "shading and tone; display-encoded, 0 to 1"),
    ("error of the features", "features", 4, "shapes of eyes, nose and mouth"),
    ("error of the detail", "detail", 4, "lashes, lids, pores"),
    ("detail correlation", "detail_correlation", 3, "1 is the same detail, 0 is unrelated"),
    ("gradient correlation", "gradient_correlation", 3, "1 is the same edges"),
    ("sharpness ratio", "sharpness_ratio", 3, "below 1 is softer than B"),
    ("change of the error", "residual", 4, "from frame to frame, 0 to 1"),
)
"""Measures of the inside of a matte: what they are called, their key, digits, and what they mean."""

_POSES = (
    ("PSNR", "psnr_mean", 2),
    ("SSIM", "ssim", 4),
    ("dE2000", "de2000", 3),
    ("detail\ncorrelation", "detail_correlation", 3),
    ("sharpness\nratio", "sharpness_ratio", 3),
)


def comparison(console: Terminal, report: Report) -> None:
    """Frame by frame, then the face's figures, the poses apart, and what was written."""
    regions = list(report["shot"])
    title = f"{report['a']}\nagainst {report['b']}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("frame", justify="right", no_wrap=True)
    for region in regions:
        for column in ("PSNR", "SSIM", "dE2000", "flicker"):
            table.add_column(f"{region}\n{column}", justify="right", no_wrap=True)
    for frame in report["frames"]:
        cells = (_measures(frame[region], frame[region]["psnr"]) for region in regions)
        table.add_row(str(frame["frame"]), *(cell for row in cells for cell in row))
    table.add_section()
    for label, psnr in (("mean", "psnr_mean"), ("shot", "psnr_shot")):
        cells = (_measures(report["shot"][region], report["shot"][region][psnr]) for region in regions)
        table.add_row(label, *(cell for row in cells for cell in row))
    console.print(table)
    console.print("PSNR in dB: 'mean' is the mean of the frames' values, 'shot' that of their mean squared error.")
    console.print("Flicker: change from frame to frame as a multiple of that of B; 1 is as steady as B.")
    _face(console, report)
    _poses(console, report)
    for region, shot in report["shot"].items():
        if shot["not_finite"]:
            console.print(f"{shot['not_finite']} pixels {region} are Inf or NaN in A or B and were left out.")
    for path in report["files"]:
        console.print(f"Written: {path}", markup=False, soft_wrap=True)


def _measures(record: Report, psnr: float | None) -> tuple[str, str, str, str]:
    same = record["mse"] == 0
    return (
        "same" if same else figure(psnr, 2),
        figure(record["ssim"], 4),
        figure(record["de2000"], 3),
        figure(record["flicker"], 3),
    )


def _face(console: Terminal, report: Report) -> None:
    inside = report["shot"].get("inside", {})
    rows = [
        (name, figure(inside[key], digits), means) for name, key, digits, means in _FACE if inside.get(key) is not None
    ]
    if marks := report.get("landmarks"):
        told = f"{figure(marks['pixels'], 2)} px; left in % of the eye distance"
        rows.append(("landmarks of A from B's", figure(marks["percent"], 2), told))
        if marks["not_found"]:
            missed = f"frames, of {marks['frames'] + marks['not_found']}, on which A shows no face"
            rows.append(("not found", str(marks["not_found"]), missed))
    if identity := report.get("identity"):
        told = figure(identity["gained"], 3)
        rows.append(("identity gained", told, f"0 is the plate, 1 is B; {identity['frames']} frames"))
        cosines = f"cosine; the plate {identity['plate']:.3f}, B {identity['b']:.3f}"
        rows.append(("likeness to the source", figure(identity["a"], 3), cosines))
    if rows:
        table = Table(title="The face", title_justify="left", show_header=False, box=SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            table.add_row(*row)
        console.print(table)


def _poses(console: Terminal, report: Report) -> None:
    poses = report.get("poses")
    if not poses:
        return
    columns = [(heading, key, digits) for heading, key, digits in _POSES if key in next(iter(poses.values()))]
    table = new_table("By pose", "", "frames")
    for heading, *_ in columns:
        table.add_column(heading, justify="right")
    for pose, own in poses.items():
        figures = (figure(own[key], digits) for _, key, digits in columns)
        table.add_row(pose.replace("_", " "), str(own["frames"]), *figures)
    console.print(table)
