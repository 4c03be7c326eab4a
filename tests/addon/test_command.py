"""The command line of the preferences, split and extended."""

import os
import shlex
import sys

import pytest
from link import command


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("understudy", ["understudy"]),
        ("understudy serve", ["understudy"]),
        ("ssh gpu01 understudy serve", ["ssh", "gpu01", "understudy"]),
        ('"/opt/my tools/understudy" --x', ["/opt/my tools/understudy", "--x"]),
        ("serve", ["serve"]),  # a program may be called so
    ],
)
def test_a_command_is_split_as_a_shell_would_and_needs_no_serve(text, words):
    assert command.split(text, windows=False) == words


def test_a_windows_path_keeps_its_backslashes_and_loses_its_marks():
    text = r'"C:\Program Files\Understudy\understudy.exe" --events json'
    assert command.split(text, windows=True) == [
        r"C:\Program Files\Understudy\understudy.exe",
        "--events",
        "json",
    ]


def test_the_path_of_a_file_may_hold_spaces_without_marks(tmp_path):
    program = tmp_path / "my tools" / "understudy"
    program.parent.mkdir()
    program.touch()
    assert command.split(str(program)) == [str(program)]


def test_the_home_folder_is_found():
    assert command.split("~/bin/nothing-here run", windows=False)[0] == os.path.expanduser("~/bin/nothing-here")  # noqa: PTH111 - the oracle


@pytest.mark.parametrize(("text", "told"), [("  ", "empty"), ("serve 'x", "quotation mark")])
def test_what_is_no_command_is_told_in_a_sentence(text, told):
    with pytest.raises(ValueError, match=told):
        command.split(text, windows=False)


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"^no-such-program was not found\.$"):
        command.find(["no-such-program", "serve"])


def test_what_follows_ssh_survives_the_other_machines_shell():
    argv = command.extended(["ssh", "gpu01", "understudy"], "run", "/shots/sh 010/it's here")
    assert shlex.split(" ".join(argv[2:])) == ["understudy", "run", "/shots/sh 010/it's here"]
    assert command.extended(["understudy"], "run", "/shots/sh 010") == ["understudy", "run", "/shots/sh 010"]


def test_nothing_that_steers_blenders_python_reaches_the_backend(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/blender/python")
    monkeypatch.setenv("PYTHONPATH", "/blender/scripts")
    monkeypatch.setenv("OCIO", "/show/config.ocio")
    made = command.environment()
    assert not {"PYTHONHOME", "PYTHONPATH"} & made.keys()
    assert (made["PYTHONUTF8"], made["PYTHONUNBUFFERED"], made["OCIO"]) == ("1", "1", "/show/config.ocio")
    assert sys.executable and made["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("folder", ["/usr/share/blender", "/opt/blender/5.2"])
def test_blenders_own_colors_are_not_taken_for_the_shows(monkeypatch, folder):
    monkeypatch.setenv("OCIO", f"{folder}/datafiles/colormanagement/config.ocio")
    assert "OCIO" not in command.environment()
