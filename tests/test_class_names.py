from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import understudy

PACKAGE = Path(understudy.__file__).parent


def test_no_class_name_stands_for_two_things() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path.relative_to(PACKAGE).as_posix())
    assert len(places) > 300
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
