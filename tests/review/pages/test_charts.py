from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from understudy.review.faceset.coverage import Grid
from understudy.review.pages.charts import ChartLine, curves, heat_map, histogram


def parsed(svg: str) -> ElementTree.Element:
    """SVG inside HTML that is sound XML as well is sound for every reader."""
    return ElementTree.fromstring(svg)


def titles(root: ElementTree.Element, kind: str) -> list[str]:
    return [e.findtext("title") or "" for e in root.iter() if kind in (e.get("class") or "").split()]


def curve(values: list[float], frames: list[int] | None = None, **changes: object) -> ChartLine:
    frames = frames or list(range(1001, 1001 + len(values)))
    told: dict[str, object] = {"name": "track 0", "marked": {}, "strip": ["seen"] * len(values)}
    return ChartLine(frames=np.array(frames), values=np.array(values), **(told | changes))  # type: ignore[arg-type]


def points(root: ElementTree.Element) -> list[list[tuple[float, float]]]:
    path = next(e for e in root.iter() if e.tag == "path").get("d") or ""
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", run)]
        for run in path.split("M")
        if run.strip()
    ]


def test_a_curve_rises_with_its_values_and_moves_on_by_even_steps() -> None:
    (run,) = points(parsed(curves("confidence", [curve([0.0, 0.25, 0.5, 1.0])], top=1.0)))
    xs, ys = np.array(run).T
    assert np.ptp(np.diff(xs)) < 0.21 and xs[0] < xs[-1]
    np.testing.assert_allclose((ys[0] - ys) / (ys[0] - ys[-1]), [0, 0.25, 0.5, 1.0], atol=1e-3)


def test_a_curve_breaks_where_frames_are_missing_but_not_at_every_step_of_a_sparse_plate() -> None:
    broken = points(parsed(curves("c", [curve([0.5] * 4, [1, 2, 5, 6])], top=1.0)))
    assert [len(run) for run in broken] == [2, 2]
    every_other = parsed(curves("c", [curve([0.5] * 4, [1, 3, 5, 7])], top=1.0, strips=True))
    assert [len(run) for run in points(every_other)] == [4]
    assert titles(every_other, "band") == ["track 0, frames 1-7: seen"]
    gap = points(parsed(curves("c", [curve([0.5, float("nan"), 0.5, 0.5])], top=1.0)))
    assert [len(run) for run in gap] == [1, 2]


def test_a_long_curve_is_thinned_and_keeps_its_single_weak_frame() -> None:
    values = [0.9] * 10_000
    values[7123] = 0.1
    svg = curves("c", [curve(values)], top=1.0, strips=True)
    assert len(svg) < 60_000
    (run,) = points(parsed(svg))
    # One tenth of the way from 0 to 1, where 0.9 is nine tenths.
    low, high = max(y for _, y in run), min(y for _, y in run)
    assert (low - high) == pytest.approx(0.8 * 220, abs=0.2)


def test_marks_and_strips_say_what_they_mean() -> None:
    line = curve(
        [0.9, 0.2, 0.9, 0.9],
        marked={1002: "weak & <odd>"},
        strip=["seen", "bridged", "bridged", "seen"],
        name="track <1>",
    )
    root = parsed(curves("confidence", [line], top=1.0, limit=0.5, strips=True))
    assert titles(root, "mark") == ["track <1>, frame 1002: 0.20; weak & <odd>"]
    assert titles(root, "o-bridged") == ["track <1>, frames 1002-1003: bridged"]
    assert len(titles(root, "o-seen")) == 2 and len(titles(root, "limit")) == 1


@pytest.mark.parametrize("log", [False, True])
def test_a_histogram_shows_the_share_of_each_bin(log: bool) -> None:
    values = np.random.default_rng(0).lognormal(0, 0.5, 400)
    root = parsed(histogram("size", "px", {"source": values}, log=log))
    edges = np.geomspace(*(values.min(), values.max()), 25) if log else np.linspace(values.min(), values.max(), 25)
    edges[[0, -1]] = values.min(), values.max()
    told = [float(match) for match in re.findall(r"([\d.]+) %", " ".join(titles(root, "bar")))]
    expected = [100 * ((values >= a) & (values < b)).mean() for a, b in pairwise(edges)]
    expected[-1] += 100 / 400  # the largest value itself
    np.testing.assert_allclose(told, [share for share in expected if share], atol=0.051)


def test_two_sets_share_their_bins_and_are_told_apart() -> None:
    root = parsed(histogram("size", "px", {"source": np.full(5, 10.0), "target": np.full(7, 20.0)}))
    assert titles(root, "s0") == ["source: 100.0 % at 10 to 10.4 px"]
    assert titles(root, "s1") == ["target: 100.0 % at 19.6 to 20 px"]


@pytest.mark.parametrize(
    "values",
    [[], [float("nan")], [0.0, 0.0], [0.5], [-1.0, float("inf"), 2.0]],
    ids=["no", "nan", "zero", "one", "odd"],
)
@pytest.mark.parametrize("log", [False, True])
def test_odd_sets_have_a_histogram(values: list[float], log: bool) -> None:
    root = parsed(histogram("sharpness", "", {"source": np.array(values, np.float64)}, log=log))
    shares = [float(match) for match in re.findall(r"([\d.]+) %", " ".join(titles(root, "bar")))]
    usable = [value for value in values if np.isfinite(value) and (value > 0 or not log)]
    assert sum(shares) == pytest.approx(100 if usable else 0, abs=0.1)


def test_a_heat_map_tells_what_is_there_and_what_lacks() -> None:
    grid = Grid(15.0, range(-1, 2), range(1, -2, -1))
    source, target = np.zeros((3, 3), np.int64), np.zeros((3, 3), np.int64)
    source[1, 1], source[1, 2], target[1, 1], target[0, 2] = 4, 1, 2, 3
    root = parsed(heat_map(grid, source, target))
    assert titles(root, "lack") == ["yaw 7.5 to 22.5, pitch 7.5 to 22.5 degrees: 0 source faces, 3 target faces"]
    assert titles(root, "has") == [
        "yaw -7.5 to 7.5, pitch -7.5 to 7.5 degrees: 4 source faces, 2 target faces",
        "yaw 7.5 to 22.5, pitch -7.5 to 7.5 degrees: 1 source faces, 0 target faces",
    ]
    assert len(titles(root, "cell")) == 9
    counts = [e.text for e in root.iter("text") if e.get("class") == "count"]
    assert counts == ["0/3", "4/2", "1/0"]
