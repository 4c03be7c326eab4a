"""Prints docs/options.md: every command with every option, its range, unit and default, from the settings themselves.

python tools/options_page.py > docs/options.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Literal, get_args, get_origin

from understudy.cli.parser import COMMANDS, CommonOptions, hint_of
from understudy.settings import Options, families, flag_of, needs_of, words_of

HEAD = """# Every option

Written by `tools/options_page.py` from the settings themselves: change it there. A command has its own options and those of the
families that it names. In a job document an option is called the same, with `_` for `-`.
"""


def page() -> str:
    """The whole page."""
    shared = dict[type[Options], list[str]]()
    parts = [HEAD, "## Commands\n"]
    for command, model in COMMANDS.items():
        parts.append(f"### {command}\n\n{_first_line(model)}\n")
        named = []
        for family, names in families(model):
            if family is model:
                parts.append(_table(model, model, names))
            else:
                title = _title(family)
                named.append(f"[{title}](#{title.lower().replace(' ', '-')})")
                shared.setdefault(family, [])
                shared[family] += [name for name in names if name not in shared[family]]
        if named:
            parts.append(f"And: {', '.join(named)}.\n")
    parts.append("## Families\n")
    for family, names in (*shared.items(), (CommonOptions, list(CommonOptions.model_fields))):
        every = " Every command has these." if family is CommonOptions else ""
        parts.append(f"### {_title(family)}\n\n{_first_line(family)}{every}\n")
        parts.append(_table(family, family, names))
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _table(model: type[Options], named: type[Options], names: Sequence[str]) -> str:
    rows = ["| option | what it does |", "|---|---|"]
    rows += [f"| `{flag_of(named, name)}` | {' '.join(_told(model, name))} |" for name in names]
    return "\n".join(rows) + "\n" if names else ""


def _told(model: type[Options], name: str) -> Iterator[str]:
    info = model.model_fields[name]
    yield (info.description or "").replace("|", "\\|")
    if get_origin(info.annotation) is Literal:
        yield f"One of {', '.join(get_args(info.annotation))}."
    if hint := hint_of(info):
        yield hint.replace("|", "\\|")
    for needs in needs_of(model).get(name, ()):
        yield f"Used {' or '.join(words_of(model, condition) for condition in needs)}."


def _first_line(model: type[Options]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _title(family: type[Options]) -> str:
    return f"{family.__name__.removesuffix('Options')} options"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(page())
