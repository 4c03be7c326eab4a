"""The course of a training as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.plate.files import atomic_path
from understudy.safe_text import plotted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE = "curve.png"

_FIGURES = (("validation_psnr", "PSNR, dB", "tab:blue", "-"), ("validation_ssim", "SSIM", "tab:orange", "--"))

_NO_TERMS = ("step", "minutes", "phase", "loss", "validation", *(name for name, *_ in _FIGURES))


def write_curve(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """Draw the ``records`` of ``metrics.jsonl``: losses over steps, held-out PSNR and SSIM below, phases as lines.

    Raises :class:`OutputError`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    measured = [figure for figure in _FIGURES if any(figure[0] in record for record in records)]
    figure = Figure(figsize=(9, 7 if measured else 5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    if measured:
        above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        _draw_figures(below, records, measured)
    else:
        above = below = figure.add_subplot()
    _draw_losses(above, records)
    for step, name in phases(records):
        for axes in {above, below}:
            axes.axvline(step, color="0.5", linewidth=1.0, linestyle="--")
        above.annotate(
            plotted(name),
            (step, 1),
            (3, -3),
            xycoords=above.get_xaxis_transform(),
            textcoords="offset points",
            rotation=90,
            va="top",
            color="0.35",
        )
    below.set_xlabel("step")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def phases(records: Sequence[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """The first step that was measured in each phase of the training, and the phase's name."""
    before = None
    for record in records:
        phase = record.get("phase", before)
        if phase != before:
            yield record["step"], str(phase)
        before = phase


def _draw_losses(axes: Axes, records: Sequence[dict[str, Any]]) -> None:
    """Whatever terms the loss has, but not their sum; and that of the held-out faces over them."""
    terms = dict.fromkeys(name for record in records for name in record if name not in _NO_TERMS)
    for name in (*terms, "validation"):
        steps, values = _points(records, name)
        validation = name == "validation"
        if steps:
            style = {"linewidth": 2.0, "marker": "o", "markersize": 4.0} if validation else {"linewidth": 1.0}
            axes.plot(steps, values, label="held-out faces" if validation else plotted(name), **style)
    axes.set_ylabel("loss")
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()


def _draw_figures(axes: Axes, records: Sequence[dict[str, Any]], measured: Sequence[tuple[str, ...]]) -> None:
    """Each figure with an axis of its own: the first on the left, the second on the right."""
    axes.grid(alpha=0.3)
    axes.set_title("held-out faces rebuilt", fontsize="medium")
    for index, (name, label, colour, line) in enumerate(measured):
        scale = axes if index == 0 else axes.twinx()
        scale.plot(*_points(records, name), color=colour, linestyle=line, marker="o", markersize=4.0)
        scale.set_ylabel(label, color=colour)
        scale.tick_params(axis="y", labelcolor=colour)


def _points(records: Sequence[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    """Steps and values of the records that have ``name``, above 0 where a logarithm shows it."""
    points = [(record["step"], record[name]) for record in records if record.get(name, 0) > 0]
    return [step for step, _ in points], [value for _, value in points]
