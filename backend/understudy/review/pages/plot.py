"""Curves over the frames of a shot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from understudy.plate.files import atomic_path
from understudy.safe_text import plotted

Curves = Mapping[str, Sequence[float | None]]


def plot_frames(path: Path, title: str, frames: Sequence[int], panels: Mapping[str, Curves]) -> None:
    """Write a PNG with one panel above the other: its title to its curves, each a name and a value a frame.

    A value of None leaves a gap. Raises OutputError.
    """
    # Without pyplot, which would keep every figure and look for a screen.
    figure = Figure(figsize=(9, 1 + 2 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(plotted(title), fontsize="medium")
    axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axis, (name, curves) in zip(axes, panels.items(), strict=True):
        for label, values in curves.items():
            known = [float("nan") if value is None else value for value in values]
            axis.plot(frames, known, marker=".", linewidth=1, label=plotted(label))
        axis.set_ylabel(plotted(name))
        axis.grid(alpha=0.3)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(curves) > 1:
            axis.legend(fontsize="small")
    axes[-1].set_xlabel("frame")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
