from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_curation import face
from understudy.errors import FacesetError
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.settings import FacesetListSettings
from understudy.stages.faceset.list_faces import run


def test_each_face_is_one_record_with_what_was_stored(tmp_path: Path) -> None:
    faceset = Faceset.create(tmp_path / "faces", {})
    for frame, track in ((1002, 0), (1001, 1), (1001, 0)):
        faceset.add(face(frame, track), np.zeros((8, 8, 4), np.float16))
    report = run(FacesetListSettings(faceset=tmp_path / "faces"), Events())
    records = json.loads(json.dumps(report, allow_nan=False))["faces"]
    assert [(record["frame"], record["track"]) for record in records] == [(1001, 0), (1001, 1), (1002, 0)]
    first = records[0]
    assert (tmp_path / "faces" / first["file"]).is_file()
    assert first["plate"] == "shots/p.%04d.exr"
    assert first["box"] == [10.5, 20, 30, 44]
    np.testing.assert_array_equal(first["landmarks"], np.arange(136).reshape(68, 2))
    assert first["matrix"] == [[0.5, 0, -3], [0, 0.5, 7]]
    assert (first["crop_size"], first["confidence"], first["sharpness"]) == (8, 0.75, 0.25)
    assert first["pose"] == pytest.approx([10.0, 0.0, 0.0])


def test_a_folder_that_is_no_faceset_is_told(tmp_path: Path) -> None:
    with pytest.raises(FacesetError):
        run(FacesetListSettings(faceset=tmp_path), Events())
