"""Tracks of a plate whose pixels are not square: stored and told in its pixels, seen through a camera in square ones."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_people import describe, stand
from made_tracks import alike, made_shot
from understudy.errors import FacesetError
from understudy.face.geometry import HEAD_68, crop_matrix
from understudy.faceset.index import read_index, write_index
from understudy.faceset.record import Face
from understudy.imaging.affine import apply, invert
from understudy.nuke.track_nodes import corner_pin
from understudy.tracks.corrections import Corrections
from understudy.tracks.corrections_from_tracks import corrections_from_tracks
from understudy.tracks.formats.chan import track_to_chan
from understudy.tracks.formats.csv_tracks import tracks_from_csv, tracks_to_csv
from understudy.tracks.formats.json_tracks import tracks_from_json, tracks_to_json
from understudy.tracks.formats.point_text import points_to_text
from understudy.tracks.landmark_names import indices

SHAPES = [(2.0, 1.0), (1.0, 2.0), (4 / 3, 1.0)]


@pytest.mark.parametrize("stretch", SHAPES)
def test_tracks_are_told_in_plate_pixels_and_come_back(stretch) -> None:
    square = made_shot()
    plate = square.in_plate(stretch)
    assert (plate.width, plate.height) == (round(square.width / stretch[0]), round(square.height / stretch[1]))
    for one, own in zip(square.tracks, plate.tracks, strict=True):
        for frame, face in own.frames.items():
            true = one.frames[frame]
            np.testing.assert_allclose(face.landmarks * stretch, true.landmarks, rtol=1e-5)
            np.testing.assert_allclose(face.box * (*stretch, *stretch), true.box, rtol=1e-5)
            np.testing.assert_allclose(face.head.project(HEAD_68) * stretch, true.head.project(HEAD_68), rtol=1e-9)
            np.testing.assert_allclose(face.head.seen_at * stretch, true.head.offset)
    read = tracks_from_json(tracks_to_json(plate))
    assert read.stretch == stretch and all(map(alike, read.tracks, plate.tracks))
    again = read.in_square()
    assert again.stretch == (1, 1) and again.in_square() is again
    np.testing.assert_allclose(
        again.tracks[0].frames[1001].landmarks, square.tracks[0].frames[1001].landmarks, rtol=1e-5
    )


def test_square_pixels_are_written_as_ever() -> None:
    shot = made_shot()
    assert shot.in_plate((1.0, 1.0)) is shot and "stretch" not in tracks_to_json(shot)


def test_a_stretch_that_no_pixel_has_is_refused() -> None:
    text = tracks_to_json(made_shot().in_plate((2.0, 1.0)))
    for wrong in ("[0.0,1.0]", "[2.0]", "[1e9,1.0]", '"x"', "[-2.0,1.0]"):
        with pytest.raises(FacesetError):
            tracks_from_json(text.replace("[2.0,1.0]", wrong))


def curves(text: str) -> np.ndarray:
    return np.array([float(value) for value in re.findall(r"x\d+ (-?\d+\.\d+)", text)])


def test_what_compositors_read_is_in_the_plate_s_pixels() -> None:
    square = made_shot()
    plate = square.in_plate((2.0, 1.0))
    one, own = square.tracks[0], plate.tracks[0]
    corners = [curves(corner_pin(track, square.height, "full", 256)).reshape(4, 2, -1) for track in (one, own)]
    np.testing.assert_allclose(corners[1] * np.array([2, 1])[None, :, None], corners[0], atol=1e-4)
    lines = [points_to_text(track, square.height, indices(["nose"])).split() for track in (one, own)]
    assert len(lines[0]) == len(lines[1]) and lines[0] != lines[1]
    tables = [tracks_from_csv(tracks_to_csv(shot.tracks))[0] for shot in (square, plate)]
    for frame, face in tables[1].frames.items():
        np.testing.assert_allclose(face.landmarks * (2, 1), tables[0].frames[frame].landmarks, rtol=1e-5)
        np.testing.assert_allclose(face.head.seen_at * (2, 1), tables[0].frames[frame].head.offset, rtol=1e-6)


def test_a_camera_sees_square_pixels() -> None:
    square = made_shot()
    again = square.in_plate((2.0, 1.0)).in_square()
    told = [track_to_chan(shot.tracks[0], shot.width, shot.height).split() for shot in (square, again)]
    np.testing.assert_allclose(np.array(told[1], float), np.array(told[0], float), rtol=1e-6, atol=1e-6)


def test_corrections_are_of_the_plate_and_taken_to_square_pixels() -> None:
    square = made_shot()
    for shot in (square, square.in_plate((2.0, 1.0))):
        said = corrections_from_tracks(shot.tracks).in_square(shot.stretch)
        first = said.faces[0]
        true = square.tracks[0].frames[1001]
        np.testing.assert_allclose(first.boxes[0].keys[0].box, true.box, rtol=1e-5)
        np.testing.assert_allclose(first.head[0].keys[0].at, true.head.offset, rtol=1e-5)
        np.testing.assert_allclose(first.landmarks[0].keys[0].at, true.landmarks, rtol=1e-5)
        assert first.point is not None
        np.testing.assert_allclose(first.point[1:], (true.box[:2] + true.box[2:]) / 2, rtol=1e-5)
    moved = {"keys": [{"frame": 1001, "move": [3, 5]}]}
    asked = {
        "faces": [
            {"track": 1, "head": [moved], "landmarks": [{"points": [30], **moved}], "join": [{"point": [1002, 4, 6]}]}
        ]
    }
    said = Corrections.model_validate(asked).in_square((2.0, 1.0))
    assert said.faces[0].head[0].keys[0].move == (6, 5) == said.faces[0].landmarks[0].keys[0].move
    assert said.faces[0].join[0].point == (1002, 8, 6)


def test_a_face_s_record_is_in_plate_pixels_and_its_crop_is_the_same(tmp_path: Path) -> None:
    head = stand(200, 150, 90, 20.0, -5.0, 8.0)
    square = replace(describe(head.project(HEAD_68).astype(np.float32), 1001, "p.%04d.exr", "full", 128), head=head)
    square = replace(square, matrix=crop_matrix(head, "full", 128))
    face = square.in_plate((2.0, 1.0))
    np.testing.assert_allclose(face.landmarks * (2, 1), square.landmarks, rtol=1e-5)
    np.testing.assert_allclose(face.matrix, crop_matrix(face.head, "full", 128))
    np.testing.assert_allclose(apply(face.matrix, face.landmarks), apply(square.matrix, square.landmarks), atol=1e-3)
    np.testing.assert_allclose(
        apply(invert(face.matrix), np.zeros((1, 2))) * (2, 1), apply(invert(square.matrix), np.zeros((1, 2)))
    )
    assert face.pose == square.pose
    write_index(tmp_path / "index.npz", {"a.exr": ((1, 2), replace(face, file="a.exr"))})
    for read in (Face.from_json(face.to_json()), read_index(tmp_path / "index.npz")["a.exr"][1]):
        assert read.head.stretch == (2.0, 1.0)
        np.testing.assert_allclose(read.square.landmarks, square.landmarks, rtol=1e-5)
        np.testing.assert_allclose(read.square.matrix, square.matrix)
    assert square.square is square and "stretch" not in json.loads(square.to_json())["head"]
