import dataclasses
import io

import numpy as np
import pytest
from made_faces import make_face, make_pixels, turned
from understudy.face.geometry import Camera
from understudy.faceset import store
from understudy.faceset.index import read_index, write_index
from understudy.faceset.store import Faceset


def written(known) -> io.BytesIO:
    target = io.BytesIO()
    write_index(target, known)
    target.seek(0)
    return target


def test_every_record_comes_back_exactly() -> None:
    faces = [
        make_face(1001, file="a.exr"),
        make_face(1002, 7, file="b.exr", dense=None, raw=None, origin="bridged", analysis={}),
        make_face(5, file="d.exr", eye_opening=None, mouth_opening=None),
        make_face(6, file="e.exr", eye_trust=None, gaze=None),
        make_face(1003, file="c.exr", identity=None, head=turned(5, camera=Camera(900.5, (1.25, 2.5)))),
        dataclasses.replace(
            make_face(4),
            frame=-4,
            file="Ä.exr",
            plate="Aufnahme für Ä.mov",
            identity=(0.5, 0.5),
            dense=np.ones((3, 2), np.float32),
        ),
    ]
    known = {face.file: ((100 + row, 1_700_000_000_123_456_789 + row), face) for row, face in enumerate(faces)}
    again = read_index(written(known))
    assert list(again) == list(known)
    for name, (stamp, face) in known.items():
        assert again[name][0] == stamp
        assert again[name][1].to_json() == face.to_json()
        for field in ("box", "landmarks", "raw", "refined", "dense", "matrix", "eye_opening", "gaze"):
            before, after = getattr(face, field), getattr(again[name][1], field)
            assert (after is None) == (before is None)
            assert before is None or after.dtype == before.dtype


def test_an_index_of_nothing_is_one_too() -> None:
    assert read_index(written({})) == {}


def test_ten_thousand_faces_are_listed_without_opening_one(faceset, monkeypatch) -> None:
    stored = faceset.add(make_face(), make_pixels())
    content = (faceset.folder / stored.file).read_bytes()
    known = {}
    for frame in range(2000, 12000):
        path = faceset.folder / f"plate.{frame}.00.exr"
        path.write_bytes(content[:9])  # never opened: the index vouches for it
        status = path.stat()
        face = dataclasses.replace(stored, frame=frame, file=path.name)
        known[path.name] = ((status.st_size, status.st_mtime_ns), face)
    (faceset.folder / stored.file).unlink()
    write_index(faceset.folder / "index.npz", known)
    monkeypatch.setattr(store, "read_record", lambda path: pytest.fail(f"{path} was opened"))
    faces = Faceset.open(faceset.folder).faces()
    assert [face.frame for face in faces] == list(range(2000, 12000))
