"""What lies in the package of stages is stages, and each is in the one list of them."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest
import understudy
from understudy.stages.registry import MODULES

PACKAGE = Path(understudy.__file__).parent
STAGES = PACKAGE / "stages"
FILES = sorted(file for file in STAGES.rglob("*.py") if not file.name.startswith("_") and file.name != "registry.py")


def has_run(file: Path) -> bool:
    """Whether a module defines ``run(settings, events, ...)`` at its top."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == "run":
            return [argument.arg.lstrip("_") for argument in node.args.args[:2]] == ["settings", "events"]
    return False


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(STAGES)))
def test_a_file_among_the_stages_is_a_stage_that_the_registry_names(file):
    assert has_run(file), "what is no stage begins with an underscore, or lies in a package below"
    name = ".".join(("understudy", *file.relative_to(PACKAGE).with_suffix("").parts))
    assert name in MODULES.values()


@pytest.mark.parametrize("name", sorted(MODULES.values()))
def test_the_registry_names_modules_that_are_there_and_run(name):
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    assert has_run(Path(found.origin))


def test_no_module_is_named_twice():
    assert len(set(MODULES.values())) == len(MODULES)
