"""Charts as inline SVG: no script, no style from elsewhere; what a mark means is in its <title>."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray

from understudy.review.faceset.coverage import Grid
from understudy.safe_text import markup

_LEFT, _RIGHT, _TOP = 56, 14, 12
_WIDTH = 1080
_GAP = 10  # between a chart and the strips below it
_COLUMNS = 700
"""Points of one curve that are drawn at most, for each of its lowest and highest."""

_BINS = 24


@dataclass(frozen=True)
class ChartLine:
    """Values over the frames of a shot."""

    name: str
    frames: NDArray[np.int64]  # (N,) ascending
    values: NDArray[np.float64]  # (N,); NaN leaves a gap
    marked: Mapping[int, str]  # frames with a mark, and what it says
    strip: Sequence[str]  # (N,) what each face is, for the coloured strip below


def curves(
    label: str, lines: Sequence[ChartLine], *, top: float, limit: float | None = None, strips: bool = False
) -> str:
    """An SVG of ``lines`` over the frames, from 0 to ``top``; ``limit`` is a dashed line.

    With ``strips`` there is a strip below for each line, in the colours of the classes ``o-NAME`` of what it says.
    """
    first = min(int(line.frames[0]) for line in lines)
    last = max(int(line.frames[-1]) for line in lines)
    height, row = 220, 14
    base, right = _TOP + height, _WIDTH - _RIGHT
    below = row * len(lines) + _GAP if strips else 0
    parts = []

    def x(frame: float) -> float:
        return _LEFT + (frame - first + 0.5) / (last - first + 1) * (right - _LEFT)

    def y(value: float) -> float:
        return base - min(value / top, 1.0) * height

    for tick in MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(0, top):
        if 0 <= tick <= top * 1.0001:
            parts.append(
                _line(_LEFT, y(tick), right, y(tick), "rule") + _text(_LEFT - 8, y(tick) + 4, f"{tick:g}", "end")
            )
    for tick in MaxNLocator(12, integer=True, min_n_ticks=1).tick_values(first, last):
        if first <= tick <= last:
            parts.append(_text(x(tick), base + below + 18, f"{tick:.0f}", "middle"))
            parts.append(_line(x(tick), base + below, x(tick), base + below + 5, "tick"))
    if limit is not None and limit <= top:
        parts.append(_line(_LEFT, y(limit), right, y(limit), "limit"))
    for index, line in enumerate(lines):
        paths = "".join(
            f"M{' '.join(f'{x(frame):.1f},{y(value):.1f}' for frame, value in run)}" + ("h.1" if len(run) == 1 else "")
            for run in _runs(line)
        )
        parts.append(f'<path class="curve t{index % 8}" d="{paths}"><title>{markup(line.name)}</title></path>')
        value_at = dict(zip(line.frames.tolist(), line.values.tolist(), strict=True))
        for frame, why in line.marked.items():
            if np.isfinite(value_at[frame]):
                told = f"{line.name}, frame {frame}: {value_at[frame]:.2f}; {why}"
                parts.append(
                    f'<circle class="mark" cx="{x(frame):.1f}" cy="{y(value_at[frame]):.1f}" r="3.5">'
                    f"<title>{markup(told)}</title></circle>"
                )
        if strips:
            up = base + _GAP + index * row
            parts.append(_text(_LEFT - 8, up + 9, _short(line.name), "end"))
            parts += [
                _band(x(a - 0.5), x(b + 0.5), up, row - 4, what, line.name, (a, b)) for what, a, b in _strip(line)
            ]
    parts.append(_text((_LEFT + right) / 2, base + below + 38, "plate frame", "middle"))
    parts.append(_upright(14, _TOP + height / 2, label))
    return _svg(_WIDTH, base + below + 46, f"{label} over the plate's frames", parts)


def histogram(label: str, unit: str, sets: Mapping[str, NDArray[np.float64]], *, log: bool = False) -> str:
    """An SVG of how the values of one or two ``sets`` are spread, in percent of each set.

    With ``log`` the bins grow by a factor, and values that are not positive are left out. The first set is filled,
    the second an outline.
    """
    width, height, base = 520, 170, _TOP + 170
    usable = {name: v[np.isfinite(v) & ((v > 0) | (not log))] for name, v in sets.items()}
    values = np.concatenate(list(usable.values()))
    if not len(values):
        return _svg(width, 60, f"{label}: no value", [_text(width / 2, 34, f"{label}: no value", "middle")])
    edges = _edges(values, log)
    shares = {name: 100 * np.histogram(own, edges)[0] / max(1, len(own)) for name, own in usable.items()}
    top = max(float(share.max()) for share in shares.values()) or 1.0
    scale = np.log if log else np.asarray
    low, high = scale(edges[0]), scale(edges[-1])
    parts = []

    def x(value: float) -> float:
        return float(_LEFT + (scale(value) - low) / (high - low) * (width - _RIGHT - _LEFT))

    for tick in MaxNLocator(4).tick_values(0, top):
        if 0 <= tick <= top:
            up = base - tick / top * height
            parts.append(_line(_LEFT, up, width - _RIGHT, up, "rule") + _text(_LEFT - 8, up + 4, f"{tick:g}", "end"))
    wide = log and edges[-1] / edges[0] > 30
    ticks = (
        LogLocator(subs=(1.0, 3.0)).tick_values(edges[0], edges[-1])
        if wide
        else MaxNLocator(6).tick_values(edges[0], edges[-1])
    )
    for tick in ticks:
        if edges[0] <= tick <= edges[-1]:
            parts.append(
                _text(x(tick), base + 18, f"{tick:g}", "middle") + _line(x(tick), base, x(tick), base + 5, "tick")
            )
    for place, (name, share) in enumerate(shares.items()):
        for index, percent in enumerate(share):
            a, b, up = x(edges[index]), x(edges[index + 1]), float(percent) / top * height
            told = f"{name}: {percent:.1f} % at {edges[index]:.3g} to {edges[index + 1]:.3g} {unit}".strip()
            parts.append(
                f'<rect class="bar s{place}" x="{a:.1f}" y="{base - up:.1f}" width="{b - a - 1:.1f}" '
                f'height="{up:.1f}"><title>{markup(told)}</title></rect>'
                if percent
                else ""
            )
    parts.append(_line(_LEFT, base, width - _RIGHT, base, "tick"))
    parts.append(_text((_LEFT + width) / 2, base + 38, f"{label} ({unit})" if unit else label, "middle"))
    parts.append(_upright(14, _TOP + height / 2, "% of faces"))
    return _svg(width, base + 46, f"How {label} is spread", parts)


def heat_map(grid: Grid, source: NDArray[np.int64], target: NDArray[np.int64] | None) -> str:
    """An SVG of how many faces each bin of pose holds; with a ``target``, bins that only it fills stand out."""
    across, down = len(grid.yaws), len(grid.pitches)
    cell = max(14.0, min(56.0, 960 / across))
    tall = min(cell, 40.0)
    left, top = 64, 10
    parts = []
    most = max(1, int(source.max()))
    for row, pitch in enumerate(grid.pitches):
        for column, yaw in enumerate(grid.yaws):
            own, asked = int(source[row, column]), 0 if target is None else int(target[row, column])
            place = f'x="{left + column * cell:.1f}" y="{top + row * tall:.1f}"'
            kind = "lack" if asked and not own else "has" if own else "none"
            # By the root, so that a bin of a few faces is told from none beside one of hundreds.
            strength = 0.25 + 0.75 * float(np.sqrt(own / most)) if own else 1.0
            told = f"yaw {_span(grid, yaw)}, pitch {_span(grid, pitch)} degrees: {own} source faces"
            shown = str(own) if own or target is None else ""
            if target is not None:
                told += f", {asked} target faces"
                shown = f"{own}/{asked}" if own or asked else ""
            parts.append(
                f'<rect class="cell {kind}" {place} width="{cell - 2:.1f}" height="{tall - 2:.1f}" '
                f'fill-opacity="{strength:.2f}"><title>{markup(told)}</title></rect>'
            )
            if shown.strip("0/") and cell >= 30:
                at = left + (column + 0.5) * cell - 1, top + (row + 0.5) * tall + 3
                parts.append(_text(*at, shown, "middle", "count"))
    for row, pitch in enumerate(grid.pitches):
        parts.append(_text(left - 8, top + (row + 0.5) * tall + 4, _signed(pitch * grid.width), "end"))
    for column, yaw in enumerate(grid.yaws):
        if cell >= 30 or not yaw % 3:
            at = left + (column + 0.5) * cell, top + down * tall + 16
            parts.append(_text(*at, _signed(yaw * grid.width), "middle"))
    width = left + across * cell + 8
    under = top + down * tall + 36
    parts.append(_text(left + across * cell / 2, under, "yaw (degrees; left and right in the image)", "middle"))
    parts.append(_upright(14, top + down * tall / 2, "pitch (degrees)"))
    return _svg(max(width, 340), under + 8, "Poses that the faces cover", parts)


def _svg(width: float, height: float, name: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" aria-label="{markup(name)}">'
        + "".join(parts)
        + "</svg>"
    )


def _edges(values: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    if log:
        low, high = (low, high) if high > low * 1.01 else (low / 1.1, high * 1.1)
        edges = np.geomspace(low, high, _BINS + 1)
        edges[[0, -1]] = low, high  # the power may miss them by its last digit, and with them a face
        return edges
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.05, high + 0.05
    return np.linspace(low, high, _BINS + 1)


def _runs(line: ChartLine) -> list[list[tuple[int, float]]]:
    """The points to draw, unbroken runs of frames apart: of a long curve only the lowest and highest of each stretch."""
    known = np.isfinite(line.values)
    step = _step(line)
    keep = np.flatnonzero(known)
    if not len(keep):
        return []
    breaks = np.flatnonzero(np.diff(line.frames[keep]) > step) + 1
    stretch = max(1, -(-len(keep) // _COLUMNS))
    runs = []
    for run in np.split(keep, breaks):
        chosen = run
        if stretch > 2:
            parts = np.array_split(run, max(1, len(run) // stretch))
            ends = [(part[line.values[part].argmin()], part[line.values[part].argmax()]) for part in parts]
            chosen = np.unique(ends)
        runs.append([(int(line.frames[index]), float(line.values[index])) for index in chosen])
    return runs


def _step(line: ChartLine) -> int:
    return int(np.diff(line.frames).min()) if len(line.frames) > 1 else 1


def _strip(line: ChartLine) -> list[tuple[str, int, int]]:
    """Runs of the same: what, first and last frame."""
    step = _step(line)
    bands: list[tuple[str, int, int]] = []
    for frame, what in zip(line.frames.tolist(), line.strip, strict=True):
        if bands and bands[-1][0] == what and bands[-1][2] == frame - step:
            bands[-1] = what, bands[-1][1], frame
        else:
            bands.append((what, frame, frame))
    return bands


def _band(left: float, right: float, top: float, height: float, what: str, name: str, frames: tuple[int, int]) -> str:
    told = f"{name}, frames {frames[0]}-{frames[1]}: {what}"
    return (
        f'<rect class="band o-{markup(what)}" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 0.5):.1f}" '
        f'height="{height}"><title>{markup(told)}</title></rect>'
    )


def _line(x0: float, y0: float, x1: float, y1: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{markup(text)}</text>'


def _upright(x: float, y: float, text: str) -> str:
    return (
        f'<text class="label" x="{x}" y="{y:.1f}" text-anchor="middle" transform="rotate(-90 {x} {y:.1f})">'
        f"{markup(text)}</text>"
    )


def _short(name: str) -> str:
    return name if len(name) <= 8 else f"{name[:7]}…"


def _signed(angle: float) -> str:
    return f"{angle:+.0f}" if angle else "0"


def _span(grid: Grid, place: int) -> str:
    low, high = grid.edges(place)
    return f"{low:.3g} to {high:.3g}"
