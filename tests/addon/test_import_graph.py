"""The add-on's imports run one way: no circle, inside functions neither, and ``link`` knows no Blender."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ADDON = Path(__file__).resolve().parents[2] / "addon"


def graph(folder):
    """By module of the package in ``folder``, the other modules that it imports, wherever in the file it does so."""
    files = {_name(file, folder): file for file in sorted(folder.rglob("*.py"))}
    return {name: _imported(name, file, set(files)) - {name} for name, file in files.items()}


def in_order(folder):
    """The package's modules, each after those that it imports. Raises CycleError where there is no such order."""
    return list(TopologicalSorter(graph(folder)).static_order())


def _name(file, folder):
    parts = (folder.name, *file.relative_to(folder).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _folder(module):
    """The folder of the add-on that a module lies in, or the module beside the folders; empty for the add-on itself."""
    return (*module.split(".")[1:2], "")[0]


def _imported(name, file, modules):
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level])
            base = f"{base}.{node.module}" if node.module else base
            # A name that is a module of the package is that module; any other one lies in the package itself.
            found |= {child if (child := f"{base}.{one.name}") in modules else base for one in node.names}
    return found & modules


def _write(folder, **files):
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def test_no_circle_in_the_addon():
    assert len(in_order(ADDON)) > 50


def test_no_circle_between_the_folders():
    folders = {}
    for name, imports in graph(ADDON).items():
        folders.setdefault(_folder(name), set()).update(map(_folder, imports))
    order = list(TopologicalSorter({name: found - {name} for name, found in folders.items()}).static_order())
    assert order.index("link") < order.index("scene") < order.index("jobs") < order.index("operators")
    assert order.index("operators") < order.index("panels") < order.index("")


def test_link_knows_neither_blender_nor_the_rest_of_the_addon():
    for name, imports in graph(ADDON).items():
        if name.startswith("addon.link"):
            assert all(one.startswith("addon.link") for one in imports), name
    for file in (ADDON / "link").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"bpy", "gpu", "blf", "bl_ui", "bpy_extras"} & {one.partition(".")[0] for one in names}, file


def test_an_import_inside_a_function_closes_a_circle(tmp_path):
    circle = _write(tmp_path / "a", one="from . import two\n", two="def f():\n    from .one import x\n", three="")
    with pytest.raises(CycleError) as why:
        in_order(circle)
    assert {"a.one", "a.two"} == set(why.value.args[1])
    straight = _write(tmp_path / "b", __init__="from .two import x\n", two="from . import one\n", one="import two\n")
    assert in_order(straight) == ["b.one", "b.two", "b"]
