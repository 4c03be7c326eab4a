"""A plate that is delivered again: what was seen on its old frames is not believed any more."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from made_shots import DARK_RED, RED, Square, content, picture, register, walk, write_frame, write_shot
from understudy.events import Events, Recorder
from understudy.faceset.journal import Journal
from understudy.faceset.store import Faceset
from understudy.settings import ExtractSettings, TrashSettings
from understudy.stages import extract
from understudy.stages.faceset import trash


@pytest.fixture(autouse=True)
def squares(monkeypatch):
    register(monkeypatch.setitem)


def run(plate: str, out: Path) -> Recorder:
    recorder = Recorder()
    extract.run(ExtractSettings(plate=plate, out=out, crop_size=64), Events(recorder))
    return recorder


def looked_at(recorder: Recorder) -> int:
    return sum(event["unit"] == "frames" for event in recorder.of("progress"))


def deliver_again(folder: Path, frame: int, square: Square) -> None:
    """Write a frame anew, with another time, however coarse the file system's clock is."""
    path = folder / f"shot.{frame}.exr"
    write_frame(path, picture(320, 200, [square]))
    os.utime(path, (1.7e9, 1.7e9))


def test_the_faceset_becomes_that_of_the_new_plate(tmp_path):
    plate = write_shot(tmp_path / "plate", walk(8))
    run(plate, tmp_path / "faces")
    deliver_again(tmp_path / "plate", 1004, (38.0, 64.0, 56.0, RED))  # it moved
    deliver_again(tmp_path / "plate", 1007, (44.0, 60.0, 60.0, DARK_RED))  # only its colour is another
    again = run(plate, tmp_path / "faces")
    run(plate, tmp_path / "fresh")
    assert content(tmp_path / "faces") == content(tmp_path / "fresh")
    assert looked_at(again) == 5
    assert any("1004,1007" in event["text"] for event in again.of("note"))
    assert "nothing was done" in " ".join(event["text"] for event in run(plate, tmp_path / "faces").of("note"))


def test_crops_of_other_frames_are_left_alone(tmp_path):
    plate = write_shot(tmp_path / "plate", walk(4))
    run(plate, tmp_path / "faces")
    before = {path.name: path.read_bytes() for path in (tmp_path / "faces").glob("*.exr")}
    deliver_again(tmp_path / "plate", 1004, (32.0, 60.0, 60.0, DARK_RED))
    run(plate, tmp_path / "faces")
    after = {path.name: path.read_bytes() for path in (tmp_path / "faces").glob("*.exr")}
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"shot.1004.00.exr"}


def test_who_was_deleted_does_not_come_back_with_a_new_plate(tmp_path):
    plate = write_shot(tmp_path / "plate", walk(4))
    run(plate, tmp_path / "faces")
    trash.run(TrashSettings(faceset=tmp_path / "faces", frames="1002"), Events())
    deliver_again(tmp_path / "plate", 1002, (24.0, 60.0, 60.0, DARK_RED))
    deliver_again(tmp_path / "plate", 1003, (28.0, 60.0, 60.0, DARK_RED))
    run(plate, tmp_path / "faces")
    assert [face.frame for face in Faceset.open(tmp_path / "faces").faces()] == [1001, 1003, 1004]


def test_one_that_is_killed_before_it_looks_again_still_does(tmp_path, monkeypatch):
    plate = write_shot(tmp_path / "plate", walk(4))
    run(plate, tmp_path / "faces")
    deliver_again(tmp_path / "plate", 1003, (28.0, 60.0, 60.0, DARK_RED))

    def killed(journal: Journal, count: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Journal, "keep", killed)
        run(plate, tmp_path / "faces")
    run(plate, tmp_path / "faces")
    run(plate, tmp_path / "fresh")
    assert content(tmp_path / "faces") == content(tmp_path / "fresh")


def test_a_journal_that_notes_no_files_is_believed(tmp_path):
    plate = write_shot(tmp_path / "plate", walk(3))
    run(plate, tmp_path / "faces")
    journal = tmp_path / "faces" / "frames.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps({k: v for k, v in one.items() if k != "file"}) + "\n" for one in lines))
    deliver_again(tmp_path / "plate", 1002, (24.0, 60.0, 60.0, DARK_RED))
    assert looked_at(run(plate, tmp_path / "faces")) == 0
