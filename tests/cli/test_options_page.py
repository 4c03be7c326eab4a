"""The page of all options is that of the settings, and whoever looks for an option finds it there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from understudy.cli.parser import COMMANDS
from understudy.settings import families, flag_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")


def test_the_page_is_the_one_that_the_settings_make():
    spec = importlib.util.spec_from_file_location("options_page", ROOT / "tools" / "options_page.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.page() == PAGE, "stale: python tools/options_page.py > docs/options.md"


def section(title: str) -> str:
    return PAGE.split(f"\n### {title}\n")[1].split("\n### ")[0].split("\n## ")[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_told_where_the_command_says(command):
    """In its own section, or in that of a family that it names."""
    for family, names in families(COMMANDS[command]):
        title = f"{family.__name__.removesuffix('Options')} options"
        own = family is COMMANDS[command]
        assert own or f"[{title}]" in section(command)
        for name in names:
            assert f"| `{flag_of(family, name)}` |" in section(command if own else title), name
