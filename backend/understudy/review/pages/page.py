"""The pieces of a page that stands alone: one file, nothing fetched from anywhere, readable without scripts."""

from __future__ import annotations

import base64
import io
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from understudy.safe_text import markup

_STYLE = """
:root { color-scheme: dark; --ink: #d6d6d6; --quiet: #9a9a9a; --line: #3a3a3a; --panel: #232323;
  --source: #6fa8c7; --target: #e0b15e; --bad: #e0654f; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 32px 64px; max-width: 1220px; background: #1a1a1a; color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 22px; font-weight: 600; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 16px; font-weight: 600; margin: 36px 0 8px; padding-top: 12px; border-top: 1px solid var(--line); }
h3 { font-size: 14px; font-weight: 600; margin: 18px 0 6px; overflow-wrap: anywhere; }
p { margin: 4px 0 10px; max-width: 88ch; overflow-wrap: anywhere; }
.quiet, figcaption { color: var(--quiet); font-size: 13px; }
.source { color: var(--source); } .target { color: var(--target); } .bad { color: var(--bad); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 16px; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 12px 16px; }
.row { display: flex; flex-wrap: wrap; gap: 12px; } .row img { image-rendering: pixelated; max-width: 100%; }
.scroll { overflow-x: auto; }
figure { margin: 0 0 12px; } .columns figure { margin: 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 12px 3px 0; text-align: left; vertical-align: top; font-weight: 400; overflow-wrap: anywhere; }
thead th, table.facts th { color: var(--quiet); white-space: nowrap; }
table.list tbody tr { border-top: 1px solid var(--line); }
td.figure, th.figure { text-align: right; }
#verdicts td:nth-child(-n+2) { white-space: nowrap; }
table.sheet { border-spacing: 2px; border-collapse: separate; }
table.sheet th { color: var(--quiet); font-size: 12px; padding: 0 6px; text-align: center; vertical-align: middle; }
table.sheet td { width: 80px; min-width: 80px; height: 80px; padding: 0; background: #202020; position: relative; }
table.sheet img { display: block; width: 80px; height: 80px; }
table.sheet td span { position: absolute; right: 0; bottom: 0; padding: 0 5px; font-size: 11px; background: #000a; }
svg { display: block; max-width: 100%; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; } svg text.count { fill: #f0f0f0; font-size: 11px; }
svg .rule { stroke: #303030; } svg .tick { stroke: #6a6a6a; }
svg .limit { stroke: var(--bad); stroke-dasharray: 5 4; opacity: .8; }
svg .curve { fill: none; stroke-width: 1.5; stroke-linejoin: round; stroke-linecap: round; }
svg .mark { fill: none; stroke: var(--bad); stroke-width: 1.5; pointer-events: all; }
svg .bar.s0 { fill: var(--source); fill-opacity: .75; }
svg .bar.s1 { fill: none; stroke: var(--target); stroke-width: 1.5; pointer-events: all; }
svg .cell.none { fill: #262626; } svg .cell.has { fill: #3f7d9e; } svg .cell.lack { fill: #b8432f; }
.t0 { stroke: #6fa8c7; } .t1 { stroke: #d9a441; } .t2 { stroke: #86b875; } .t3 { stroke: #b48ad0; }
.t4 { stroke: #d98a8a; } .t5 { stroke: #5fc0b0; } .t6 { stroke: #b0b0b0; } .t7 { stroke: #a8a04a; }
.o-seen { fill: #4f7f98; background: #4f7f98; } .o-followed { fill: #d9a441; background: #d9a441; }
.o-bridged { fill: #d0583f; background: #d0583f; } .o-given { fill: #a77bc8; background: #a77bc8; }
.key { list-style: none; margin: 4px 0 8px; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 20px; }
.key i { display: inline-block; width: 12px; height: 12px; margin-right: 7px; vertical-align: -1px; }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole HTML document. ``title`` is text, ``body`` markup."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{markup(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def section(name: str, heading: str, *parts: str) -> str:
    """A section with the id ``name``. ``heading`` is text, ``parts`` markup."""
    return f'<section id="{markup(name)}">\n<h2>{markup(heading)}</h2>\n' + "\n".join(parts) + "\n</section>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain ``text``, with a class."""
    return f'<p class="{kind}">{markup(text)}</p>' if kind else f"<p>{markup(text)}</p>"


def facts(values: Mapping[str, str]) -> str:
    """A table of names and texts."""
    rows = "".join(
        f'<tr><th scope="row">{markup(name)}</th><td>{markup(text)}</td></tr>' for name, text in values.items()
    )
    return f'<table class="facts"><tbody>{rows}</tbody></table>'


def table(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], bad: Container[str] = ()) -> str:
    """A table with the id ``name``; what is no text stands to the right, and a text among ``bad`` stands out."""
    body = ""
    figures: set[int] = set()
    for row in rows:
        figures |= {place for place, value in enumerate(row) if not isinstance(value, str)}
        body += "<tr>" + "".join(
            f'<td class="figure">{_figure(value)}</td>'
            if not isinstance(value, str)
            else f'<td class="bad">{markup(value)}</td>'
            if value in bad
            else f"<td>{markup(value)}</td>"
            for value in row
        )
        body += "</tr>"
    head = "".join(
        f'<th scope="col"{" class=figure" if place in figures else ""}>{markup(heading)}</th>'
        for place, heading in enumerate(headings)
    )
    return (
        f'<div class="scroll"><table class="list" id="{markup(name)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def figure(svg: str, caption: str = "") -> str:
    """A chart with its caption (text)."""
    below = f"<figcaption>{markup(caption)}</figcaption>" if caption else ""
    return f'<figure class="panel scroll">{svg}{below}</figure>'


def key(entries: Mapping[str, str]) -> str:
    """What colours mean: the class of each to its words."""
    items = "".join(f'<li><i class="{markup(kind)}"></i>{markup(words)}</li>' for kind, words in entries.items())
    return f'<ul class="key">{items}</ul>'


def picture(display: NDArray[Any], alt: str, *, lossless: bool = False) -> str:
    """An image in the page itself, of (H, W, 3) display-encoded pixels in 0..1; ``lossless`` where single pixels count."""
    pixels = np.rint(np.clip(display, 0.0, 1.0) * 255.0).astype(np.uint8)
    kind = "png" if lossless else "jpeg"
    with io.BytesIO() as buffer:
        Image.fromarray(pixels).save(buffer, format=kind, **({} if lossless else {"quality": 85}))
        data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{markup(alt)}" title="{markup(alt)}" src="data:image/{kind};base64,{data}">'


def _figure(value: float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
