"""Runs the add-on inside the bpy module, as an enabled extension, with user resources of its own.

``tests/blender/run.py`` makes the environments. Elsewhere, where bpy cannot be imported, the folder is passed over.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from environment import ROOT, copy

MODULE = "bl_ext.user_default.understudy"
COMMAND = os.environ.get("UNDERSTUDY_COMMAND", "")
SAMPLE = ROOT / "backend" / "understudy" / "sample"

if importlib.util.find_spec("bpy") is None:
    collect_ignore_glob = ["*"]
else:
    # Blender reads this once, when it is imported.
    RESOURCES = Path(tempfile.mkdtemp(prefix="understudy-blender-"))
    os.environ["BLENDER_USER_RESOURCES"] = str(RESOURCES)
    import bpy

    # isort: split
    import addon_utils  # found only after bpy was imported

    # Whether a process is missed, and what is said of it, does not depend on Blender: the newest one answers for all.
    collect_ignore = [] if bpy.app.version >= (5, 0, 0) else ["test_death.py", "test_mistakes.py"]


def install(extensions: Path) -> None:
    """Put the checkout among Blender's extensions: a link where links are allowed, else a copy."""
    extensions.mkdir(parents=True)
    place = extensions / "understudy"
    try:
        place.symlink_to(ROOT, target_is_directory=True)
    except OSError:
        copy(place)


@pytest.fixture(scope="session", autouse=True)
def extension() -> Iterator[Any]:
    """The enabled extension's module."""
    install(RESOURCES / "extensions" / "user_default")
    problems: list[Exception] = []
    module = addon_utils.enable(MODULE, default_set=True, handle_error=problems.append)
    if problems or module is None:
        raise problems[0] if problems else RuntimeError("Blender did not enable the extension")
    yield module
    addon_utils.disable(MODULE, default_set=True, handle_error=problems.append)
    shutil.rmtree(RESOURCES, ignore_errors=True)
    if problems:
        raise problems[0]


@pytest.fixture
def fresh() -> Any:
    """The scene of a new, empty file."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return bpy.context.scene


@pytest.fixture
def session(extension: Any) -> Iterator[Any]:
    """The add-on's live state, with the real backend in the preferences.

    The interactive child lives on from test to test, as it does from file to file.
    """
    if not COMMAND:
        pytest.skip("UNDERSTUDY_COMMAND does not name a backend")
    with _backend(extension) as live:
        yield live


@pytest.fixture
def beside_the_ui(extension: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Operators return at once, as they do in a window; calling it has them wait again."""
    monkeypatch.setattr(extension.addon.jobs.session.session, "waits", lambda: False)
    return monkeypatch.undo


@pytest.fixture(scope="session")
def trained(extension: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved file whose plate of four frames has its faces, and whose model was trained a little, all by operators."""
    if not COMMAND:
        pytest.skip("UNDERSTUDY_COMMAND does not name a backend")
    folder = tmp_path_factory.mktemp("shot")
    (folder / "footage").mkdir()
    (folder / "show").mkdir()
    for name in ("plate.100[1-4].exr", "source_B.100[1-8].exr"):
        for file in SAMPLE.glob(name):
            shutil.copy(file, folder / "footage")
    blend = folder / "show" / "shot.blend"
    with _backend(extension):
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        bpy.ops.wm.save_as_mainfile(filepath=str(blend))
        own = bpy.context.scene.understudy
        plate = str(folder / "footage" / "plate.1001.exr")
        assert bpy.ops.understudy.load_plate(filepath=plate, relative_path=False) == {"FINISHED"}
        assert bpy.ops.understudy.find_faces() == {"FINISHED"}
        own.source_footage = str(folder / "footage" / "source_B.####.exr")
        training = own.training
        training.preset, training.resolution, training.batch, training.iterations = "cpu", 64, 2, 6
        assert bpy.ops.understudy.train() == {"FINISHED"}
        bpy.ops.wm.save_mainfile()
    return blend


@pytest.fixture
def shot(session: Any, trained: Path, tmp_path: Path) -> Any:
    """The scene of a copy of that file, opened, with all that lies beside it."""
    shutil.copytree(trained.parent, tmp_path / "show")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "show" / trained.name))
    return bpy.context.scene


@contextmanager
def _backend(extension: Any) -> Iterator[Any]:
    preferences, live = extension.addon.preferences.preferences(), extension.addon.jobs.session.session
    preferences.command = COMMAND
    yield live
    live.reopen()
    preferences.command = ""
