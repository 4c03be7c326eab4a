"""Preferences: which command the backend has, testing it, setting it up, and presets."""

import os
import sys
import time
import zipfile
from pathlib import Path

import bpy
import pytest

BACKEND = os.environ.get("UNDERSTUDY_COMMAND", "")
FAKE = """
import json, sys
def main():
    if sys.argv[1:] == ["--version"]:
        print("understudy 0.1.0")
    elif sys.argv[1:] == ["doctor", "--json"]:
        print(json.dumps({"devices": [{"name": "cpu", "what": "a test"}]}))
    else:
        sys.exit("unexpected: " + " ".join(sys.argv[1:]))
"""


@pytest.fixture
def addon(extension):
    return extension.addon


@pytest.fixture
def own(addon, tmp_path):
    """The preferences, put back afterwards."""
    own = addon.preferences.preferences()
    names = ("command", "environment", "python", "package", "pip_options", "models")
    before = {name: getattr(own, name) for name in names}
    online = bpy.context.preferences.system.use_online_access
    for name in names:
        setattr(own, name, "")
    own.environment = str(tmp_path / "backend")
    own.python = sys.executable
    own.pip_options = "--no-index"
    yield own
    bpy.context.preferences.system.use_online_access = online
    for name, value in before.items():
        setattr(own, name, value)


@pytest.fixture
def online(own):
    bpy.context.preferences.system.use_online_access = True
    if not bpy.app.online_access:
        pytest.skip("this Blender was started offline")


@pytest.fixture
def wheel(tmp_path):
    """A package that answers as the backend does."""
    file = tmp_path / "understudy_vfx-0.1.0-py3-none-any.whl"
    info = "understudy_vfx-0.1.0.dist-info"
    parts = {
        "understudy_fake.py": FAKE,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: understudy-vfx\nVersion: 0.1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nunderstudy = understudy_fake:main\n",
    }
    parts[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*parts, f"{info}/RECORD"])
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file


def test_without_a_command_or_an_installation_buttons_say_that_there_is_no_backend(addon, own):
    assert addon.preferences.backend_argv() == []
    assert "set it up" in addon.preferences.backend_problem()
    assert not bpy.ops.understudy.test_backend.poll()


def test_the_named_command_comes_first_and_may_have_words(addon, own):
    own.command = "ssh gpu01 understudy serve"
    assert addon.preferences.backend_argv() == ["ssh", "gpu01", "understudy"]
    assert addon.preferences.backend_problem() == ""


def test_a_command_with_a_quotation_mark_too_few_is_named(addon, own):
    own.command = 'understudy "'
    assert addon.preferences.backend_argv() == []
    assert "quotation mark" in addon.preferences.backend_problem()


def test_a_command_that_is_not_there_fails_with_one_sentence(own):
    own.command = str(Path(own.environment) / "nowhere")
    with pytest.raises(RuntimeError, match=r"nowhere was not found\. Check the backend's command in Preferences"):
        bpy.ops.understudy.test_backend()


def test_a_program_that_is_not_the_backend_is_refused(own):
    own.command = f'"{sys.executable}" -c "print(1)"'
    with pytest.raises(RuntimeError, match="is not Understudy"):
        bpy.ops.understudy.test_backend()


@pytest.mark.skipif(not BACKEND, reason="run by hand without the backend: UNDERSTUDY_COMMAND is not set")
def test_the_backend_names_its_device_memory_and_version(addon, own):
    own.command = BACKEND
    assert bpy.ops.understudy.test_backend() == {"FINISHED"}
    hello = addon.jobs.setup.installation.tested.hello
    said = addon.link.messages.description(hello)
    assert hello["device"] in said
    assert "GB" in said
    assert addon.jobs.setup.version() in said
    addon.jobs.session.session.backend().close()


def test_offline_the_button_is_grey_and_nothing_is_installed(own):
    bpy.context.preferences.system.use_online_access = False
    assert not bpy.ops.understudy.set_up_backend.poll()
    with pytest.raises(RuntimeError, match="Blender is offline"):
        bpy.ops.understudy.set_up_backend()
    assert not Path(own.environment).exists()


def test_an_installation_that_finished_is_the_backend(addon, own, online, wheel):
    own.package = str(wheel)
    assert bpy.ops.understudy.set_up_backend() == {"FINISHED"}
    [command] = addon.preferences.backend_argv()
    assert Path(command).is_file()
    assert Path(own.environment) in Path(command).parents
    assert addon.preferences.backend_problem() == ""


def test_an_installation_that_failed_says_why_and_is_not_taken_for_the_backend(addon, own, online, wheel):
    own.package = str(wheel.with_name("understudy_vfx-9.9.9-py3-none-any.whl"))
    with pytest.raises(RuntimeError, match=r"9\.9\.9.*The log is"):
        bpy.ops.understudy.set_up_backend()
    assert addon.preferences.backend_argv() == []


def test_an_installation_that_is_cancelled_is_not_taken_for_the_backend(addon, own, online, wheel):
    own.package = str(wheel)
    setup = addon.jobs.setup.planned()
    assert not bpy.ops.understudy.cancel_set_up.poll()
    addon.jobs.setup.installation.begin(setup)
    until = time.monotonic() + 60
    while not setup.log.is_file() and time.monotonic() < until:
        addon.jobs.setup.installation.poll()
        time.sleep(0.02)
    assert not bpy.ops.understudy.set_up_backend.poll()
    assert bpy.ops.understudy.cancel_set_up() == {"FINISHED"}
    while addon.jobs.setup.installation.poll() is not None and time.monotonic() < until:
        time.sleep(0.02)
    assert setup.state == "stopped"
    assert addon.preferences.backend_argv() == []


def test_what_fits_the_add_on_is_installed_unless_something_else_is_named(addon, own):
    checkout = Path(__file__).parents[2]
    assert addon.jobs.setup.planned().requirement == str(checkout)
    own.package = "understudy-vfx==0.2.0"
    own.pip_options = "--extra-index-url 'https://example.org/cu126'"
    setup = addon.jobs.setup.planned()
    assert setup.requirement == "understudy-vfx==0.2.0"
    assert "CUDA" in setup.plan.sentence
    own.pip_options = "--no-index '"
    assert not bpy.ops.understudy.set_up_backend.poll()


def test_new_models_go_where_the_preferences_say(addon, own, tmp_path):
    assert addon.preferences.models_folder() is None
    own.models = str(tmp_path / "models")
    assert addon.preferences.models_folder() == tmp_path / "models"


def test_a_preset_brings_settings_back_but_not_what_belongs_to_the_shot(fresh):
    settings = fresh.understudy.conversion
    settings.opacity, settings.matte, settings.erode, settings.holdout = 0.5, "hull", 3.0, "//a.####.exr"
    assert bpy.ops.understudy.conversion_preset_add(name="Soft") == {"FINISHED"}
    settings.opacity, settings.matte, settings.erode, settings.holdout = 1.0, "both", 0.0, "//b.####.exr"
    [file] = Path(bpy.utils.user_resource("SCRIPTS", path="presets/understudy/conversion")).glob("*.py")
    bpy.ops.script.execute_preset(filepath=str(file), menu_idname="UNDERSTUDY_PT_conversion_presets")
    assert (settings.opacity, settings.matte, settings.erode) == (0.5, "hull", 3.0)
    assert settings.holdout == "//b.####.exr"
    assert bpy.ops.understudy.conversion_preset_add(name="Soft", remove_name=True) == {"FINISHED"}
    assert not file.exists()


def test_every_setting_is_in_front_or_in_a_sub_panel_or_drawn_by_its_panel(addon):
    settings = addon.panels.settings
    for group in ("plate", "analysis", "training", "conversion"):
        options = addon.scene.properties.GROUPS[group]
        subjects = ("matte", "colour", "finish", "placement") if group == "conversion" else ()
        sections = [name for subject in subjects for name in settings.section(group, subject)]
        shown = [*settings.front(group), *sections, *settings.rest(group)]
        assert len(shown) == len(set(shown))
        assert set(options) - set(shown) <= {"plate", "face"}
        assert set(shown) <= set(options)
