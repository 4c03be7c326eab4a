from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_people import ANNE, make_faceset
from understudy.events import Events
from understudy.faceset.fingerprint import fingerprint
from understudy.faceset.pack import write_pack
from understudy.faceset.store import Faceset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_faceset(tmp_path_factory.mktemp("faces") / "anne", ANNE, 4)


def test_the_same_faces_have_the_same_print_wherever_they_lie(folder, tmp_path):
    faces = Faceset.open(folder).faces()
    known = fingerprint(faces)
    assert len(known) == 64
    assert fingerprint(faces[::-1]) == known
    assert fingerprint(replace(face, file=f"0001.{face.file}") for face in faces) == known
    write_pack(tmp_path / "anne.zip", folder, faces, Events())
    assert fingerprint(Faceset.open(tmp_path / "anne.zip").faces()) == known


def test_any_other_face_has_another_print(folder):
    faces = Faceset.open(folder).faces()
    moved = faces[1].landmarks.copy()
    moved[7, 0] = np.nextafter(moved[7, 0], np.float32(1e9))
    prints = {
        fingerprint(faces),
        fingerprint(faces[1:]),
        fingerprint([*faces, faces[0]]),
        fingerprint([]),
        fingerprint([faces[0], replace(faces[1], landmarks=moved), *faces[2:]]),
        fingerprint([replace(faces[0], analysis={"detector": "another"}), *faces[1:]]),
    }
    assert len(prints) == 6
