"""Where a shot's things lie: names alone, no Blender."""

import hashlib
import json
import os
import time

import pytest
from scene import paths


def _touch(folder, *names):
    for name in names:
        (folder / name).touch()


@pytest.mark.parametrize(
    ("names", "picked", "pattern"),
    [
        (["sh.1001.exr", "sh.1002.exr"], "sh.1002.exr", "sh.####.exr"),
        (["sh.0009.exr", "sh.0010.exr"], "sh.0009.exr", "sh.####.exr"),
        (["sh.9.exr", "sh.10.exr"], "sh.10.exr", "sh.#.exr"),
        (["sh_v02_1001.exr", "sh_v02_1002.exr"], "sh_v02_1001.exr", "sh_v02_####.exr"),
        (["sh.1001.exr", "other.1002.exr"], "sh.1001.exr", "sh.1001.exr"),
        (["take2.mov"], "take2.mov", "take2.mov"),
    ],
)
def test_a_frame_stands_for_its_sequence(tmp_path, names, picked, pattern):
    _touch(tmp_path, *names)
    assert paths.pattern_of(tmp_path / picked) == str(tmp_path / pattern)


@pytest.mark.parametrize(
    ("plate", "stem"),
    [("/p/sh010.####.exr", "sh010"), ("/p/sh010_%04d.exr", "sh010"), ("/p/take.mov", "take"), ("/p/####.exr", "p")],
)
def test_a_plate_has_a_name(plate, stem):
    assert paths.stem_of(plate) == stem


def test_faces_found_in_another_way_go_elsewhere(tmp_path):
    plain = {"plate": "/p/sh010.####.exr", "crop": "whole", "frames": None}
    folder = paths.faceset(tmp_path, "plate", plain)
    assert folder.parent == tmp_path / "faces" / "plate"
    assert folder.name.startswith("sh010-")
    assert paths.faceset(tmp_path, "plate", {**plain, "crop": "face"}) != folder
    assert paths.faceset(tmp_path, "plate", {**plain, "out": "/x"}) == folder, "where it goes decides nothing"


def test_jobs_and_versions_are_counted_on(tmp_path):
    assert paths.new_job(tmp_path, "train").name == "0001-train"
    assert paths.new_version(tmp_path) == "v001"
    (tmp_path / "jobs" / "0012-extract").mkdir(parents=True)
    (tmp_path / "renders" / "v009").mkdir(parents=True)
    assert paths.new_job(tmp_path, "train").name == "0013-train"
    assert paths.new_version(tmp_path) == "v010"


@pytest.mark.parametrize(
    ("event", "opacity", "resumes"), [("failed", 1, True), ("done", 1, False), ("failed", 0.5, False)]
)
def test_only_an_unfinished_conversion_with_the_same_settings_goes_on(tmp_path, event, opacity, resumes):
    settings = {"model": str(tmp_path / "model"), "opacity": 1, "out": "/r/v003/a.####.exr"}
    job = tmp_path / "jobs" / "0001-convert"
    job.mkdir(parents=True)
    (job / "job.json").write_text(json.dumps({"stage": "convert", "settings": settings}))
    (job / "events.jsonl").write_text(json.dumps({"event": event}) + "\n")
    found = paths.resumable(tmp_path, {**settings, "opacity": opacity, "out": ""})
    assert found == ("/r/v003/a.####.exr" if resumes else "")


@pytest.mark.parametrize("made_of", ["model", "source"])
def test_a_conversion_does_not_go_on_once_what_it_is_made_of_is_another(tmp_path, made_of):
    (tmp_path / made_of).mkdir()
    other = {"model": "source", "source": "model"}[made_of]
    settings = {made_of: str(tmp_path / made_of), other: None, "out": "/r/v003/a.####.exr"}
    job = tmp_path / "jobs" / "0001-convert"
    job.mkdir(parents=True)
    (job / "job.json").write_text(json.dumps({"stage": "convert", "settings": settings}))
    (tmp_path / made_of / "first.safetensors").touch()  # what was made while the conversion waited for it
    told = [{"event": "launched", "time": time.time() + 10}, {"event": "failed"}]
    (job / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told))
    assert paths.resumable(tmp_path, settings) == "/r/v003/a.####.exr"
    later = tmp_path / made_of / "second.safetensors"
    later.touch()
    for path in (later, later.parent):
        os.utime(path, (time.time() + 20,) * 2)
    assert paths.resumable(tmp_path, settings) == ""


def test_a_faceset_is_current_when_it_was_solved_with_the_settings_of_now(tmp_path):
    word = tmp_path / "word.json"
    word.write_text("{}")
    made = {"smoothing": 0.5, "lens": None, "cuts": "auto", "out": str(tmp_path / "faces"), "corrections": None}
    assert not paths.is_current(made)
    (tmp_path / "faces").mkdir()
    _touch(tmp_path / "faces", paths.SHEET)

    def wanted(**values):
        told = {"smoothing": 0.5, "lens": None, "cuts": "auto", "face": "all", **values}
        (tmp_path / "faces" / "faceset.json").write_text(json.dumps({"provenance": {"wanted": told}}))

    wanted()
    assert paths.is_current(made)
    for change in ({"smoothing": 2.0}, {"lens": 50.0}, {"cuts": "none"}, {"corrections": str(word)}):
        assert not paths.is_current({**made, **change}), change
    wanted(corrections=hashlib.sha256(b"{}").hexdigest())
    assert paths.is_current({**made, "corrections": str(word)}) and not paths.is_current(made)
    word.write_text('{"kind": 1}')
    assert not paths.is_current({**made, "corrections": str(word)})
    (tmp_path / "faces" / "faceset.json").write_text('{"provenance": {"wanted": null}}')  # killed while it was cut
    assert not paths.is_current(made)
