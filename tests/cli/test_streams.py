from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from understudy.cli import main
from understudy.events import Events

TOLD = "Müller 日本 \U0001f3ac \udcfc"  # the last is a byte of a name that is not UTF-8


ENCODINGS = ["ascii", "cp1252", "cp437", "utf-8"]


def consoles(monkeypatch: pytest.MonkeyPatch, encoding: str) -> dict[str, io.BytesIO]:
    """What arrives at consoles of that encoding, which are strict as a file is on Windows. From within a test."""
    arrived = {name: io.BytesIO() for name in ("stdout", "stderr")}
    for name, stream in arrived.items():
        monkeypatch.setattr(sys, name, io.TextIOWrapper(stream, encoding=encoding, errors="strict", write_through=True))
    return arrived


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_letter_makes_a_command_fail(stage: Any, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    def talk(settings: Any, events: Events) -> dict[str, Any]:
        events.note(TOLD)
        events.progress(1, 1, "frames", TOLD)
        return {"model": TOLD, "steps": 7, "minutes": 0.5, "stopped": TOLD, "validation": {}}

    stage("train", talk)
    arrived = consoles(monkeypatch, encoding)
    assert main(["train", "--source", "a", "--target", "b", "--model", "c"]) == 0
    assert main(["inspect", f"{TOLD[:-1]}.exr"]) == 3
    assert all(b"ller" in stream.getvalue() for stream in arrived.values())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_help_is_told_to_any_console(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    arrived = consoles(monkeypatch, encoding)
    with pytest.raises(SystemExit) as caught:
        main(["convert", "--help"])
    assert caught.value.code == 0
    told = arrived["stdout"].getvalue().decode(encoding)
    assert "--out" in told and "\\u" not in told


@pytest.mark.skipif(os.name == "nt", reason="names of Windows are always Unicode")
@pytest.mark.parametrize("where", ["--out", "plate"])
def test_a_name_that_is_not_utf8_is_refused_before_anything_is_done(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller")
    Path(folder).mkdir()
    arguments = [
        "extract",
        folder if where == "plate" else "x.####.exr",
        "--out",
        folder if where == "--out" else "faces",
    ]
    assert main(arguments) == 4
    monkeypatch.chdir(folder)
    assert main(["extract", "x.####.exr", "--out", "faces"]) == 4
    assert capsys.readouterr().err.count("M\\xfcller is not UTF-8") == 2
    assert not list(Path(folder).iterdir())
