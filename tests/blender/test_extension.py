"""The extension as Blender takes it: registered, taken off, built, validated, installed from the zip."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import addon_utils
import bpy
import pytest
from bundle import build
from environment import ROOT, copy

MODULE = "bl_ext.user_default.understudy"


KINDS = ("Operator", "Panel", "Menu", "UIList", "PropertyGroup", "AddonPreferences")


def ours():
    """Every class of the extension that Blender has registered, by name."""
    known = [cls for kind in KINDS for cls in getattr(bpy.types, kind).__subclasses__()]
    return {cls.__name__: cls for cls in known if cls.__module__.startswith(MODULE) and cls.is_registered}


def operators():
    return dir(bpy.ops.understudy)


def test_everything_goes_when_disabled_and_comes_back_when_enabled(extension):
    before = ours()
    names = operators()
    assert len(before) > 10
    problems = []
    addon_utils.disable(MODULE, handle_error=problems.append)
    try:
        assert ours() == {}
        assert operators() == []
        assert not hasattr(bpy.types.Scene, "understudy")
        assert not bpy.app.timers.is_registered(extension.addon.jobs.session.session.timer)
        assert not bpy.app.timers.is_registered(extension.addon.jobs.setup.installation.timer)
        lists = [held for name in dir(bpy.app.handlers) if isinstance(held := getattr(bpy.app.handlers, name), list)]
        handlers = [function for held in lists for function in held]
        assert not [one for one in handlers if one.__module__.startswith(MODULE)]
    finally:
        addon_utils.enable(MODULE, handle_error=problems.append)
    assert problems == []
    assert ours().keys() == before.keys()
    assert operators() == names


def test_every_operator_is_named_and_says_what_it_does(extension):
    assert len(operators()) > 10
    for name in operators():
        rna = getattr(bpy.ops.understudy, name).get_rna_type()
        assert rna.identifier == f"UNDERSTUDY_OT_{name}"
        assert rna.name, name
        assert rna.name == rna.name.strip(), name
        assert rna.description, f"{name} has no tooltip"
        assert not rna.description.endswith("."), name
        assert rna.description[0].isupper(), name
        for prop in rna.properties:
            if prop.identifier not in ("rna_type",) and not prop.is_hidden and not prop.is_skip_save:
                assert prop.description, f"{name}.{prop.identifier} has no tooltip"


def test_every_panel_has_a_label_a_place_and_one_tab(extension):
    panels = {name: cls for name, cls in ours().items() if issubclass(cls, bpy.types.Panel)}
    assert len(panels) > 5
    for name, cls in panels.items():
        assert name.startswith("UNDERSTUDY_PT_")
        assert cls.bl_label, name
        assert cls.bl_space_type, name
        if cls.bl_region_type == "UI" and not getattr(cls, "bl_parent_id", ""):
            assert cls.bl_category == "Understudy", name
        if parent := getattr(cls, "bl_parent_id", ""):
            assert parent in panels, name


def test_every_property_of_the_shot_has_a_name_and_a_tooltip(extension):
    groups = [cls for cls in ours().values() if issubclass(cls, bpy.types.PropertyGroup)]
    assert len(groups) >= 8
    for cls in groups:
        for prop in cls.bl_rna.properties:
            if prop.identifier in ("rna_type", "name") or prop.type in ("POINTER", "COLLECTION"):
                continue
            assert prop.name, f"{cls.__name__}.{prop.identifier}"
            assert prop.description, f"{cls.__name__}.{prop.identifier} has no tooltip"
            assert not prop.description.endswith("."), f"{cls.__name__}.{prop.identifier}"


LITTER = (
    "tests/test_a.py",
    "backend/a.py",
    ".git/config",
    ".venv/a.py",
    "README.md",
    "pyproject.toml",
    "__pycache__/a.pyc",
    "addon/__pycache__/a.pyc",
    "addon/link/__pycache__/a.pyc",
    "addon/.cache/a.json",
    "addon/link/.hidden",
    "shaders/a.blend1",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The extension, built from a checkout with everything around it that people and programs leave there."""
    source, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    copy(source)
    for name in LITTER:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("")
    build(Path(sys.executable), out, source)
    [file] = out.iterdir()
    return file


def test_the_built_extension_holds_the_add_on_and_nothing_else(built):
    with zipfile.ZipFile(built) as archive:
        names = {info.filename for info in archive.infolist() if not info.is_dir()}
    assert {"blender_manifest.toml", "__init__.py", "LICENSE", "addon/schema.json", "shaders/colour.glsl"} <= names
    assert not names & set(LITTER)
    wanted = {
        path.relative_to(ROOT).as_posix() for folder in ("addon", "shaders") for path in (ROOT / folder).rglob("*.*")
    }
    own = {name for name in wanted if not any(part.startswith((".", "__pycache__")) for part in name.split("/"))}
    assert names == own | {"blender_manifest.toml", "__init__.py", "LICENSE"}


INSTALL = """
import json, sys
import bpy
finished = bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True
)
enabled = "bl_ext.user_default.understudy" in bpy.context.preferences.addons
opacity = bpy.context.scene.understudy.conversion.opacity
operators = len(dir(bpy.ops.understudy))
removed = bpy.ops.extensions.package_uninstall(repo_index=[
    index for index, repo in enumerate(bpy.context.preferences.extensions.repos) if repo.module == "user_default"
][0], pkg_id="understudy")
print("RESULT", json.dumps([list(finished), enabled, opacity, operators, list(removed)]))
print("LEFT", hasattr(bpy.types.Scene, "understudy"))
"""


def test_the_built_extension_installs_from_the_zip_and_uninstalls(built, tmp_path):
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", INSTALL, str(built)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    [line] = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    finished, enabled, opacity, count, removed = json.loads(line.removeprefix("RESULT "))
    assert finished == removed == ["FINISHED"]
    assert enabled
    assert opacity == 1
    assert count == len(operators())
    assert "LEFT False" in done.stdout
    assert not list(tmp_path.glob("extensions/user_default/understudy/*"))
