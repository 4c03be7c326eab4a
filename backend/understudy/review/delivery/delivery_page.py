"""The quality check of a delivery on one page: the verdicts, the curves over its frames, and its worst frames."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

import numpy as np

from understudy import __version__
from understudy.plate.ranges import format_range
from understudy.review.delivery.checks import CHECKS, Result, Verdict
from understudy.review.delivery.worst_frames import Shown, Worst
from understudy.review.pages import charts, page
from understudy.review.stability import Unrest
from understudy.safe_text import markup

_WORDS: dict[Verdict, str] = {"pass": "pass", "warn": "warning", "fail": "FAIL", "not checked": "not checked"}


def delivery_page(
    name: str,
    about: Mapping[str, str],
    verdict: Verdict,
    results: Sequence[Result],
    unrest: Mapping[int, Unrest],
    worst: Worst,
    most_flicker: float,
) -> str:
    """The page on the sequence ``name``: one HTML document that stands alone.

    ``about`` are facts to be told first, ``unrest`` the figures by frame, ascending.
    """
    count = sum(result.verdict == "fail" for result in results)
    words = {
        "pass": "It passes every check that could be made.",
        "warn": "It passes, with warnings.",
        "fail": f"It does not pass: {count} {'check fails' if count == 1 else 'checks fail'}.",
    }
    body = [
        f"<header><h1>Quality check of {markup(name)}</h1>",
        page.paragraph(f"Understudy {__version__}, {datetime.datetime.now().astimezone():%d %B %Y %H:%M %Z}", "quiet"),
        page.paragraph(words[verdict], "bad" if verdict == "fail" else ""),
        page.facts(about),
        "</header>",
        page.section("checks", "Checks", _table(results)),
    ]
    if charted := _curves(unrest, {result.check: result for result in results}, most_flicker):
        body.append(page.section("curves", "Over the shot", *charted))
    shown = [part for check in CHECKS for one in worst.of(check.name) for part in _pictures(one)]
    if shown:
        body.append(page.section("worst", "Worst frames", *shown))
    return page.page(f"Quality check of {name}", body)


def _table(results: Sequence[Result]) -> str:
    rows = [
        (
            result.check,
            _WORDS[result.verdict],
            result.told,
            str(result.frames or ""),
            format_range(sorted(result.worst)).replace(",", ", ") if result.worst else "",
        )
        for result in results
    ]
    bad = {_WORDS["fail"], _WORDS["warn"]}
    return page.table("verdicts", ("check", "verdict", "what was found", "frames", "the worst of them"), rows, bad)


def _curves(unrest: Mapping[int, Unrest], results: Mapping[str, Result], most_flicker: float) -> list[str]:
    frames = np.array(list(unrest), np.int64)
    flicker = _values([seen.steadiness.flicker for seen in unrest.values()])
    drawn = []
    if np.isfinite(flicker).any():
        line = charts.ChartLine("flicker", frames, flicker, _marks(results["flicker"], frames), ())
        top = max(1.5, 1.1 * most_flicker, min(float(np.nanmax(flicker)) * 1.1, 4 * most_flicker))
        chart = charts.curves("flicker", [line], top=top, limit=most_flicker)
        drawn.append(
            page.figure(chart, "Change inside the matte since the frame before, as a multiple of that of the plate.")
        )
    lines = [
        charts.ChartLine(what, frames, _values([getattr(seen.edge, what, None) for seen in unrest.values()]), marks, ())
        for what, marks in (("composite", _marks(results["edge"], frames)), ("plate", {}))
    ]
    if all(np.isfinite(line.values).any() for line in lines):
        chart = charts.curves("dE2000", lines, top=1.1 * max(float(np.nanmax(line.values)) for line in lines) + 0.1)
        drawn.append(
            page.figure(
                chart, "Step in colour across the matte's edge: of the composite (blue) and of the plate (amber)."
            )
        )
    return drawn


def _values(figures: Sequence[float | None]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([np.nan if figure is None else figure for figure in figures], np.float64)


def _marks(result: Result, frames: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> dict[int, str]:
    return {frame: _WORDS[result.verdict] for frame in result.worst if frame in frames}


def _pictures(shown: Shown) -> list[str]:
    figures = "".join(
        f"<figure>{page.picture(picture, f'frame {shown.frame}: {name}', lossless=True)}"
        f"<figcaption>{markup(name)}</figcaption></figure>"
        for name, picture in shown.pictures.items()
    )
    return [
        f"<h3>{markup(shown.check)}</h3>",
        page.paragraph(f"Frame {shown.frame}: {shown.told}."),
        f'<div class="row">{figures}</div>',
    ]
