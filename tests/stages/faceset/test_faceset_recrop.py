from __future__ import annotations

import shutil

import numpy as np
import pytest
from made_shots import register, two, walk, write_shot
from understudy.errors import FacesetError, Interrupted, MissingInputError, UsageError
from understudy.events import Events, Recorder
from understudy.face.components import registry
from understudy.faceset.store import Faceset
from understudy.settings import ExtractSettings, PackSettings, RecropSettings, TracksExportSettings
from understudy.stages import extract
from understudy.stages.faceset import pack
from understudy.stages.faceset import recrop as faceset_recrop
from understudy.stages.tracks import export_tracks


@pytest.fixture
def faces(monkeypatch, tmp_path):
    """Extracts a plate; nobody can build a detector afterwards."""
    register(monkeypatch.setitem)

    def made(plate, name="faces", **options):
        extract.run(ExtractSettings(plate=plate, out=tmp_path / name, **({"crop_size": 64} | options)), Events())
        return tmp_path / name

    return made


def recrop(faceset, out, **options):
    return faceset_recrop.run(RecropSettings(faceset=faceset, out=out, **options), Events())


def test_new_crops_are_those_that_extraction_would_have_made(faces, monkeypatch, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(6))
    old, other = faces(plate), faces(plate, "other", crop="head", crop_size=96)
    monkeypatch.setattr(registry, "DETECTORS", {})
    report = recrop(old, tmp_path / "new", crop="head", crop_size=96)
    assert (report["faces"], report["crop"], report["crop_size"]) == (6, "head", 96)
    new, expected = Faceset.open(tmp_path / "new"), Faceset.open(other)
    for one, wanted in zip(new.faces(), expected.faces(), strict=True):
        assert one.to_json() == wanted.to_json()
        np.testing.assert_array_equal(new.read(one), expected.read(wanted))
    assert {path.name for path in new.folder.iterdir()} >= {path.name for path in other.iterdir()} - {"index.npz"}
    # Extraction takes it for its own: nothing is looked for, nothing is cut again.
    again = Recorder()
    settings = ExtractSettings(plate=plate, out=new.folder, crop="head", crop_size=96)
    assert extract.run(settings, Events(again))["faces"] == 6
    assert "complete already" in again.of("note")[-1]["text"]


def test_a_face_that_was_deleted_or_not_meant_does_not_come_back(faces, tmp_path):
    old = faces(write_shot(tmp_path / "plate", two(4)), face="index:1")
    gone = Faceset.open(old).faces()[2]
    (old / gone.file).unlink()
    recrop(old, tmp_path / "new", crop="full")
    kept = [(face.frame, face.track) for face in Faceset.open(tmp_path / "new").faces()]
    assert kept == [(face.frame, face.track) for face in Faceset.open(old).faces()]
    assert len(kept) == 3


def test_what_was_stopped_goes_on(faces, tmp_path):
    old = faces(write_shot(tmp_path / "plate", walk(6)))
    recrop(old, tmp_path / "through", crop="face")
    settings = RecropSettings(faceset=old, out=tmp_path / "parts", crop="face")
    begun = Recorder()
    with pytest.raises(Interrupted):
        faceset_recrop.run(settings, Events(begun, stop=lambda: len(begun.of("progress")) >= 2))
    rest = Recorder()
    faceset_recrop.run(settings, Events(rest))
    assert 0 < len(rest.of("progress")) < 6
    one, other = (Faceset.open(tmp_path / name) for name in ("parts", "through"))
    for left, right in zip(one.faces(), other.faces(), strict=True):
        np.testing.assert_array_equal(one.read(left), other.read(right))


def test_a_plate_that_moved_is_said_or_named(faces, tmp_path):
    old = faces(write_shot(tmp_path / "plate", walk(3)))
    (tmp_path / "plate").rename(tmp_path / "archive")
    with pytest.raises(MissingInputError, match="plate"):
        recrop(old, tmp_path / "new")
    recrop(old, tmp_path / "new", plate=(tmp_path / "archive" / "shot.%04d.exr").as_posix())
    assert {face.plate for face in Faceset.open(tmp_path / "new").faces()} == {
        (tmp_path / "archive" / "shot.%04d.exr").resolve().as_posix()
    }


def test_another_plate_is_refused(faces, tmp_path):
    old = faces(write_shot(tmp_path / "plate", walk(3)))
    (tmp_path / "more").mkdir()
    for number in (1001, 1002, 1003):
        shutil.copy(tmp_path / "plate" / f"shot.{number}.exr", tmp_path / "more" / f"other.{number}.exr")
    with pytest.raises(UsageError, match=r"other\.%04d\.exr is not the plate"):
        recrop(old, tmp_path / "new", plate=(tmp_path / "more" / "other.%04d.exr").as_posix())


def test_crops_of_two_kinds_are_not_mixed(faces, tmp_path):
    old = faces(write_shot(tmp_path / "plate", walk(2)))
    with pytest.raises(UsageError, match="folder of their own"):
        recrop(old, old)
    recrop(old, tmp_path / "new", crop="face")
    with pytest.raises(FacesetError, match="made otherwise"):
        recrop(old, tmp_path / "new", crop="head")
    with pytest.raises(FacesetError, match="no faceset"):
        recrop(tmp_path / "nothing", tmp_path / "more")


def test_a_pack_brings_its_journal_and_tracks_along(faces, monkeypatch, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(3))
    old = faces(plate)
    pack.run(PackSettings(faceset=old, out=tmp_path / "faces.zip"), Events())
    monkeypatch.setattr(registry, "DETECTORS", {})
    recrop(tmp_path / "faces.zip", tmp_path / "new", crop="head")
    settings = ExtractSettings(plate=plate, out=tmp_path / "new", crop="head", smoothing=2.0)
    assert extract.run(settings, Events())["faces"] == 3
    for origin, name in ((old, "one.csv"), (tmp_path / "faces.zip", "other.csv")):
        export_tracks.run(TracksExportSettings(faceset=origin, format="csv", out=tmp_path / name), Events())
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "other.csv").read_text()
