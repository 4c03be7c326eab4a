"""Pictures of a training: what the model paints now, and how it came there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.model.encoding import decode_bounded
from understudy.model.presentation import Light
from understudy.plate.colour import ColourManager
from understudy.plate.files import atomic_path
from understudy.plate.sheet import contact_sheet, write_png

ROWS = ("source", "source rebuilt", "target", "target rebuilt", "swap", "swap mask")


def write_preview(
    path: Path, rows: dict[str, torch.Tensor], lights: dict[str, Light], colour: ColourManager, title: str
) -> None:
    """Write a sheet of ``rows`` of normalised pictures (N, 3, R, R): people, their rebuilt faces, the swap, its mask."""
    tiles: list[NDArray[np.floating[Any]]] = []
    captions: list[str] = []
    count = len(rows["swap"])
    for name in ROWS:
        if name.endswith("mask"):
            pictures = rows[name].expand(-1, 3, -1, -1)
        else:
            light = lights["source" if name.startswith("source") else "target"]
            pictures = decode_bounded(light.restore(rows[name]))
        for index, picture in enumerate(pictures):
            pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy(), np.float32)
            tiles.append(pixels if name.endswith("mask") else colour.to_display(pixels))
            captions.append(name if index == 0 else "")
    write_png(path, contact_sheet(tiles, captions, columns=count, tile_height=160, title=title))


def write_curve(path: Path, metrics: list[dict[str, Any]]) -> None:
    """Draw the losses and the validation error of ``metrics.jsonl`` records over steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, steps, values in _curves(metrics):
        validation = name.startswith("validation")
        axes.plot(steps, values, label=name, linewidth=2.0 if validation else 1.0, marker="o" if validation else None)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def _curves(metrics: list[dict[str, Any]]) -> Iterator[tuple[str, list[int], list[float]]]:
    for name in ("source", "target", "pairs", "validation"):
        points = [(record["step"], record[name]) for record in metrics if record.get(name, 0) > 0]
        if points:
            yield name, [step for step, _ in points], [value for _, value in points]
