"""Setting up: real environments by venv and pip, filled from a wheel that the test makes."""

import json
import os
import sys
import tomllib
import zipfile

import pytest
from link import interpreters
from link import setup as setting_up
from link.pip import Progress, plan
from link.setup import STAMP, Setup
from standins import ROOT, has, kinds, until

COMMAND = """
import json, sys, time
def main():
    if sys.argv[1:] == ["--version"]: print("understudy 9.9.9")
    elif sys.argv[1:] == ["doctor", "--json"]:
        print("a library's greeting", file=sys.stderr)
        print(json.dumps({"devices": [{"name": "cpu", "what": "2 cores"}]}, indent=2))
"""


def wheel(folder):
    """A wheel with an ``understudy`` command, as the format's specification (PEP 427) says."""
    path = folder / "understudy_vfx-9.9.9-py3-none-any.whl"
    info = "understudy_vfx-9.9.9.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("standin_understudy.py", COMMAND)
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: understudy-vfx\nVersion: 9.9.9\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/entry_points.txt", "[console_scripts]\nunderstudy = standin_understudy:main\n")
        file.writestr(f"{info}/RECORD", "")
    return path


def ended(events):
    return has("done")(events) or has("failed")(events)


def test_an_environment_is_made_filled_proved_and_only_then_stamped(tmp_path):
    folder = tmp_path / "my environment"
    setup = Setup(folder, str(wheel(tmp_path)), options=["--no-index"])
    assert Setup.installed(folder) is None
    setup.start()
    assert setup.state == "running"
    events = until(lambda: [setup_event(setup, event) for event in setup.drain()], ended)
    assert setup.state == "done", setup.problem
    assert setup.report["version"] == "9.9.9" and setup.report["devices"] == ["2 cores"]
    assert setup.report["python"].rpartition(".")[0] in interpreters.VERSIONS
    assert Setup.installed(folder) == "9.9.9" and setup.report["command"] == str(Setup.command(folder))
    stamp = json.loads((folder / STAMP).read_text())
    assert stamp == {"state": "complete", "version": "9.9.9", "python": setup.report["python"]}
    fractions = [
        event["fraction"] for event in events if event["event"] == "progress" and event["fraction"] is not None
    ]
    assert fractions == sorted(fractions) and fractions[-1] == 0.95
    assert all(was == "incomplete" for was in (event["stamp"] for event in events[1:-1]) if was)
    assert any("Successfully installed" in line for line in setup.log_tail(200))
    Setup.command(folder).unlink()
    assert Setup.installed(folder) is None  # a stamp alone is no installation


def setup_event(setup, event):
    """The event, with what the stamp said when it was heard, unless it is the last one."""
    stamp = setup.folder / STAMP
    state = json.loads(stamp.read_text())["state"] if stamp.exists() and setup.state == "running" else ""
    return {**event, "stamp": state}


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
@pytest.mark.parametrize(
    ("pip", "command", "told"),
    [
        (
            "true",
            "echo 'understudy: torch could not be loaded.' >&2; exit 11",
            "does not answer: torch could not be loaded.",
        ),
        ("true", "echo a calculator", 'is not Understudy: it said "a calculator"'),
        ("true", '[ "$1" = --version ] && echo understudy 1 || exit 3', "was installed but does not work: code 3"),
        ("echo 'ERROR: No space left on device'; exit 1", "true", "was not installed: No space left on device"),
        (
            "echo 'ERROR: Could not find a version that satisfies the requirement understudy-vfx (from versions: none)'; "
            "echo 'ERROR: No matching distribution found for understudy-vfx'; exit 1",
            "true",
            "was not installed: No matching distribution found for understudy-vfx",
        ),
        ("kill -9 $$", "true", "was not installed: code -9"),
    ],
)
def test_what_is_installed_but_does_not_run_is_not_finished_even_where_something_was(
    tmp_path, monkeypatch, pip, command, told
):
    """With a shell script in Python's place, which makes "environments" of shell scripts."""
    script = tmp_path / "python"
    script.write_text(
        f"""#!/bin/sh
case "$*" in
  "-m venv"*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; cp "{tmp_path}/command" "$4/bin/understudy";;
  *--version) echo pip 25.0 from here;;
  *) {pip};;
esac
"""
    )
    (tmp_path / "command").write_text(f"#!/bin/sh\n{command}\n")
    for file in (script, tmp_path / "command"):
        file.chmod(0o755)
    monkeypatch.setattr(setting_up, "find_python", lambda _: ([str(script)], "3.11.0"))
    setup = Setup(tmp_path / "environment", "understudy-vfx")
    setup.folder.mkdir()
    (setup.folder / STAMP).write_text(json.dumps({"state": "complete", "version": "9.9.8", "python": "3.11.7"}))
    setup.start()
    until(setup.drain, has("failed"))
    assert str(setup.log) in setup.hint
    assert told in setup.problem and Setup.installed(setup.folder) is None
    assert json.loads((setup.folder / STAMP).read_text())["state"] == "incomplete"


def test_cancelling_ends_it_at_once_and_it_stays_unfinished(tmp_path):
    setup = Setup(tmp_path / "environment", str(wheel(tmp_path)), options=["--no-index"])
    setup.start()
    until(setup.drain, lambda events: any("virtual" in event.get("text", "") for event in events))
    setup.cancel()
    until(setup.drain, has("failed", code=130))
    assert setup.state == "stopped" and Setup.installed(setup.folder) is None
    assert json.loads((setup.folder / STAMP).read_text())["state"] == "incomplete"


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "shot.blend").touch()
    setup = Setup(tmp_path, "understudy-vfx")
    setup.start()
    until(setup.drain, has("failed"))
    assert "choose an empty folder" in setup.problem and [file.name for file in tmp_path.iterdir()] == ["shot.blend"]


def test_the_pythons_looked_for_are_those_that_the_package_allows():
    allowed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert allowed == ">=3.11,<3.13" and interpreters.VERSIONS == ("3.11", "3.12")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_a_python_that_does_not_fit_is_named_and_another_is_found(tmp_path, monkeypatch):
    for name, answer in (("python3.11", "3.13.1"), ("python3", "3.12.4")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {answer}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3.11"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreters.find_python() == (["python3"], "3.12.4")
    (tmp_path / "python3").unlink()
    with pytest.raises(ValueError, match=r"No Python 3\.11 or 3\.12 .* was found"):
        interpreters.find_python()
    with pytest.raises(ValueError, match=r"python3\.11 is Python 3\.13\.1; the backend needs 3\.11 or 3\.12"):
        interpreters.find_python(str(tmp_path / "python3.11"))
    with pytest.raises(ValueError, match="is no Python"):
        interpreters.find_python(str(tmp_path / "nothing"))


def test_pips_story_becomes_a_fraction_that_never_falls():
    progress = Progress(1000)
    story = [
        ("Collecting torch>=2.6", None, None),
        ("  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (31 kB)", None, None),
        (
            "  Downloading https://x/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl (500.0 MB)",
            "Downloading torch",
            0.0,
        ),
        ("Progress 250000000 of 500000000", "Downloading torch: 250 of 500 MB", 0.25),
        ("Progress 500000000 of 500000000", "Downloading torch: 500 of 500 MB", 0.5),
        ("  Using cached scipy-1.17.1-cp311-linux_x86_64.whl (35.3 MB)", "Found scipy in the cache", 0.5),
        ("Downloading jaxlib-0.7.1-cp311-linux_x86_64.whl (1.2 GB)", "Downloading jaxlib", 0.5353),
        ("Progress 1200000000 of 1200000000", "Downloading jaxlib: 1200 of 1200 MB", 1.0),
        ("Installing collected packages: torch, scipy, jaxlib", "Unpacking 3 packages", 1.0),
    ]
    for line, text, fraction in story:
        assert progress.read(line) == (text is not None), line
        if text:
            assert progress.text == text and progress.fraction == pytest.approx(0.85 * fraction), line


def test_the_plan_tells_of_cuda_where_pip_brings_it():
    assert "PyTorch with CUDA" in plan(system="Linux").sentence and "3.4 GB" in plan(system="Linux").sentence
    assert "0.6 GB" in plan(system="Windows").sentence and "CUDA" not in plan(system="Darwin").sentence
    assert plan(["--extra-index-url", "https://x/whl/cu128"], system="Windows").download > 3000
    assert plan(["--index-url", "https://x/whl/cpu/"], system="Linux").download < 1000


def test_nothing_happens_before_it_is_started(tmp_path):
    setup = Setup(tmp_path / "environment", "understudy-vfx")
    assert (setup.state, kinds(setup.drain()), setup.log_tail()) == ("off", [], []) and not setup.folder.exists()
    setup.cancel()
