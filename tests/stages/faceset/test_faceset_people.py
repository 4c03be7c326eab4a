from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_curation import face
from made_people import stand
from understudy.errors import FacesetError
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.settings import PeopleSettings
from understudy.stages.faceset.people import run

LEVELS = {1001: 0.02, 1002: 0.18, 1003: 0.5, 1004: 0.9}
"""What a frame's crops are filled with, linear, so that a picture tells which crop it was made of."""

SHOWN = {1001: 39, 1002: 118, 1003: 188, 1004: 243}
"""The same as 8-bit sRGB codes: 255 (1.055 v^(1/2.4) - 0.055)."""


@pytest.fixture
def faceset(tmp_path: Path) -> Path:
    """Person 3 on two frames and person 1 on four: frontal and doubtful, frontal and sure, a sure profile, looking up."""
    rows = [
        (1001, 3, 0.9, (0.0, 0.0, 0.0)),
        (1004, 3, 0.5, (0.0, 0.0, 0.0)),
        (1001, 1, 0.4, (2.0, 0.0, 0.0)),
        (1002, 1, 0.9, (-5.0, 4.0, 30.0)),
        (1003, 1, 1.0, (70.0, 0.0, 0.0)),
        (1004, 1, 1.0, (0.0, -50.0, 0.0)),
    ]
    made = Faceset.create(tmp_path / "faces", {"settings": {"plate": "shots/p.%04d.exr"}})
    for frame, track, confidence, pose in rows:
        record = dataclasses.replace(face(frame, track), confidence=confidence, head=stand(20, 32, 10, *pose))
        made.add(record, np.full((8, 8, 4), LEVELS[frame], np.float16))
    return tmp_path / "faces"


def test_people_are_told_most_frames_first(faceset: Path, tmp_path: Path) -> None:
    report = run(PeopleSettings(faceset=faceset, pictures=tmp_path / "pictures"), Events())
    report = json.loads(json.dumps(report, allow_nan=False))
    assert (report["plate"], report["crop"], report["count"]) == ("shots/p.%04d.exr", "whole", 6)
    first, second = report["people"]
    assert (first["track"], first["frames"], first["first"], first["last"]) == (1, 4, 1001, 1004)
    assert (first["weakest"], first["weakest_confidence"]) == (1001, 0.4)
    assert first["confidence"] == pytest.approx((0.4 + 0.9 + 1 + 1) / 4)
    assert (second["track"], second["frames"], second["first"], second["last"]) == (3, 2, 1001, 1004)
    assert (second["weakest"], second["weakest_confidence"]) == (1004, 0.5)


def test_the_picture_is_the_most_trusted_frontal_crop_as_a_screen_shows_it(faceset: Path, tmp_path: Path) -> None:
    report = run(PeopleSettings(faceset=faceset, pictures=tmp_path / "new" / "pictures"), Events())
    for person, frame in zip(report["people"], (1002, 1001), strict=True):
        path = Path(person["picture"])
        assert path.is_absolute() and path.parent == (tmp_path / "new" / "pictures").resolve()
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert image.shape == (128, 128, 3)
        assert np.abs(image.astype(int) - SHOWN[frame]).max() <= 1


def test_every_face_is_told_for_overlays(faceset: Path, tmp_path: Path) -> None:
    faces = run(PeopleSettings(faceset=faceset, pictures=tmp_path / "pictures"), Events())["faces"]
    order = [(one["frame"], one["track"]) for one in faces]
    assert order == [(1001, 1), (1001, 3), (1002, 1), (1003, 1), (1004, 1), (1004, 3)]
    assert faces[0]["box"] == [10.5, 20, 30, 44] and faces[0]["confidence"] == 0.4
    np.testing.assert_array_equal(faces[0]["landmarks"], np.arange(136).reshape(68, 2))


def test_a_folder_that_is_no_faceset_is_told_and_no_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(FacesetError):
        run(PeopleSettings(faceset=tmp_path / "none", pictures=tmp_path / "pictures"), Events())
    assert list(tmp_path.iterdir()) == []
