from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import made_shots
import numpy as np
import pytest
from made_shots import BLUE, DARK_RED, RED, content, picture, register, two, walk, write_frame, write_shot
from understudy.bench.extraction.faces import measure_speed
from understudy.errors import (
    AmbiguousFaceError,
    FacesetError,
    Interrupted,
    MissingInputError,
    NoFaceError,
    OutputError,
    UnreadableError,
    UsageError,
)
from understudy.events import Events, Recorder
from understudy.face.components import registry
from understudy.faceset import store
from understudy.faceset.store import Faceset
from understudy.imaging.affine import apply
from understudy.plate.colour import ColourManager
from understudy.plate.sheet import write_png
from understudy.settings import ExtractSettings, RestoreSettings, TrashSettings
from understudy.stages import extract
from understudy.stages.faceset import restore, trash
from understudy.tracks.formats.json_tracks import read_tracks


@pytest.fixture
def squares(monkeypatch):
    register(monkeypatch.setitem)


@pytest.fixture
def no_networks(monkeypatch):
    """After this is called, nobody can build a detector."""

    def forbid() -> None:
        monkeypatch.setattr(registry, "DETECTORS", {})

    return forbid


def settings(plate: str, out: Path, **options) -> ExtractSettings:
    return ExtractSettings(plate=plate, out=out, **({"crop_size": 64} | options))


def run(plate: str, out: Path, **options):
    recorder = Recorder()
    report = extract.run(settings(plate, out, **options), Events(recorder))
    return report, recorder


def stop_after(frames: int) -> Events:
    recorder = Recorder()
    return Events(recorder, stop=lambda: len(told(recorder, "frames")) >= frames)


def told(recorder: Recorder, unit: str) -> list[tuple[int, int]]:
    """The progress that was told in ``unit``."""
    return [(event["done"], event["total"]) for event in recorder.of("progress") if event["unit"] == unit]


def journal(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]


def test_every_face_becomes_a_crop_in_profile_too_and_every_frame_an_entry(squares, tmp_path):
    report, recorder = run(write_shot(tmp_path / "plate", walk(10)), tmp_path / "faces")
    faces = Faceset.open(tmp_path / "faces").faces()
    assert [face.frame for face in faces] == list(range(1001, 1011))
    assert [face.origin for face in faces] == ["seen"] * 4 + ["followed"] * 2 + ["seen"] * 4
    assert max(face.confidence for face in faces[4:6]) < min(face.confidence for face in faces if face.origin == "seen")
    steps = np.diff([face.landmarks.mean(0) for face in faces], axis=0)
    np.testing.assert_allclose(steps, np.tile((4, 0), (9, 1)), atol=0.6)
    assert {face.track for face in faces} == {0}
    assert (report["frames"], report["faces"], report["tracks"]) == (10, 10, 1)
    entries = journal(tmp_path / "faces")
    assert [entry["frame"] for entry in entries] == list(range(1001, 1011))
    assert [entry["sightings"][0]["landmarks"] is None for entry in entries] == [4 <= index < 6 for index in range(10)]
    assert told(recorder, "frames") == told(recorder, "crops") == [(n, 10) for n in range(1, 11)]
    assert Path(recorder.of("preview")[0]["path"]) == Path(report["sheet"])
    assert cv2.imread(report["sheet"]).shape[1] > 300
    notes = " ".join(event["text"] for event in recorder.of("note"))
    assert "Linear Rec.709" in notes
    assert "colorInteropID" in notes


def test_records_are_in_plate_pixels_and_the_matrix_leads_to_the_crop(squares, tmp_path):
    run(write_shot(tmp_path / "plate", walk(3)), tmp_path / "faces", crop="full")
    faceset = Faceset.open(tmp_path / "faces")
    for index, face in enumerate(faceset.faces()):
        x = 20 + 4 * index
        np.testing.assert_allclose(face.box, (x, 60, x + 60, 120), atol=1.5)
        np.testing.assert_allclose(face.landmarks.mean(0), (x + 30, 92), atol=2)
        corners = np.array([(x, 60.0), (x + 60, 60.0), (x, 120.0), (x + 60, 120.0)])
        pixels = faceset.read(face).astype(np.float32)
        left, top = np.ceil(apply(face.matrix, corners).min(0)).astype(int) + 1
        right, bottom = np.floor(apply(face.matrix, corners).max(0)).astype(int) - 1
        expected = ColourManager.discover().to_working(np.array([[RED]], np.float16), "lin_rec709")[0, 0]
        inside = pixels[max(top, 0) : bottom, max(left, 0) : right, :3]
        assert inside.size > 1000
        np.testing.assert_allclose(inside, np.broadcast_to(expected, inside.shape), atol=2e-3)
        assert face.colour_space == "lin_ap1_scene"
        assert 0.6 < face.confidence <= 1
        assert face.analysis["landmarker"].startswith("squares")


def test_values_above_one_and_below_zero_stay_and_broken_pixels_do_not_spread(squares, tmp_path):
    image = picture(320, 200, [(100, 60, 60, RED)])
    image[40:50, 100:160] = 3.0
    image[70:80, 162:174] = outside = (0.3, -0.25, 0.3)
    image[45, 130], image[46, 131] = np.nan, np.inf
    (tmp_path / "plate").mkdir()
    write_frame(tmp_path / "plate" / "shot.1001.exr", image)
    run(str(tmp_path / "plate"), tmp_path / "faces", crop="head", crop_size=256)
    faceset = Faceset.open(tmp_path / "faces")
    face = faceset.faces()[0]
    pixels = faceset.read(face).astype(np.float32)
    assert np.isfinite(pixels).all()
    high, low = apply(face.matrix, np.array([(110.5, 45.5), (168.5, 75.5)])).astype(int)
    np.testing.assert_allclose(pixels[high[1], high[0], :3], 3.0, rtol=2e-3)
    expected = ColourManager.discover().to_working(np.array([[outside]], np.float16), "lin_rec709")[0, 0]
    assert expected.min() < 0
    np.testing.assert_allclose(pixels[low[1], low[0], :3], expected, rtol=5e-3)


def test_a_display_encoded_plate_is_linearised_for_its_crops(squares, tmp_path):
    encoded = np.full((200, 320, 3), 128, np.uint8)
    encoded[60:120, 100:160] = (250, 20, 20)
    write_png(tmp_path / "still.png", encoded)
    run(str(tmp_path / "still.png"), tmp_path / "faces", crop="head")
    faceset = Faceset.open(tmp_path / "faces")
    grey = ((128 / 255 + 0.055) / 1.055) ** 2.4
    face = faceset.faces()[0]
    x, y = apply(face.matrix, np.array([(90.0, 50.0)]))[0].astype(int)
    np.testing.assert_allclose(faceset.read(face)[y, x, :3].astype(float), grey, rtol=3e-3)


def test_a_data_window_inside_the_display_gives_display_coordinates(squares, tmp_path):
    image = picture(320, 200, [(120, 60, 60, RED)])
    for name, part, origin in (("whole", image, (0, 0)), ("part", image[40:150, 100:230], (100, 40))):
        (tmp_path / name).mkdir()
        write_frame(tmp_path / name / "shot.0001.exr", part, origin, (320, 200))
        run(str(tmp_path / name), tmp_path / f"{name}_faces", crop="full")
    whole, part = (Faceset.open(tmp_path / f"{name}_faces") for name in ("whole", "part"))
    one, other = whole.faces()[0], part.faces()[0]
    np.testing.assert_allclose(other.box, one.box, atol=1.1)
    np.testing.assert_allclose(other.landmarks, one.landmarks, atol=1.1)
    pixels = part.read(other).astype(float)
    middle = apply(other.matrix, np.array([(150.0, 90.0)]))[0].astype(int)
    assert pixels[middle[1], middle[0], 0] > 0.4
    assert pixels[middle[1], middle[0], 3] == 1


def test_alpha_says_what_lies_inside_the_plate(squares, tmp_path):
    run(write_shot(tmp_path / "plate", [[(10, 60, 60, RED)]]), tmp_path / "faces", crop="head")
    faceset = Faceset.open(tmp_path / "faces")
    face = faceset.faces()[0]
    alpha = faceset.read(face)[..., 3].astype(float)
    ys, xs = np.mgrid[0:64, 0:64] + 0.5
    inverse = cv2.invertAffineTransform(face.matrix)
    plate_x = inverse[0, 0] * xs + inverse[0, 1] * ys + inverse[0, 2]
    assert (alpha[plate_x < -2] == 0).all()
    assert (alpha[(plate_x > 2)] == 1).all()
    assert (plate_x < -2).any()


@pytest.mark.parametrize("size", [(101, 67), (67, 133)])
def test_odd_sizes(squares, tmp_path, size):
    plate = write_shot(tmp_path / "plate", [[(11, 7, 45, RED)]], size)
    report, _ = run(plate, tmp_path / "faces")
    assert report["faces"] == 1


def test_a_two_by_two_picture_shows_no_face_even_to_the_real_networks(tmp_path):
    pytest.importorskip("mediapipe")
    plate = write_shot(tmp_path / "plate", [[]], (2, 2))
    with pytest.raises(NoFaceError, match="No face was found"):
        run(plate, tmp_path / "faces")


def test_a_shot_without_a_face_says_so_at_once_the_second_time(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", [[], [], []])
    with pytest.raises(NoFaceError) as first:
        run(plate, tmp_path / "faces")
    assert "3 frames" in first.value.message
    no_networks()
    with pytest.raises(NoFaceError) as second:
        run(plate, tmp_path / "faces")
    assert second.value.message == first.value.message


def test_small_faces_are_ignored(squares, tmp_path):
    plate = write_shot(tmp_path / "plate", [[(20, 60, 60, RED), (200, 60, 30, RED)]])
    run(plate, tmp_path / "faces", min_face=45, face="all")
    assert len(journal(tmp_path / "faces")[0]["sightings"]) == 1


def test_only_profiles_give_no_faceset(squares, tmp_path):
    plate = write_shot(tmp_path / "plate", [[(20, 60, 60, BLUE)]] * 2)
    with pytest.raises(NoFaceError, match="landmarked"):
        run(plate, tmp_path / "faces")


@pytest.mark.parametrize("stops", [(1,), (3, 7), (5, 6, 11)])
def test_an_interrupted_extraction_goes_on_to_the_same_result(squares, tmp_path, stops):
    shot = [left + right for left, right in zip(walk(12), two(12), strict=True)]
    for squares_now in shot:
        squares_now[0] = (squares_now[0][0] + 60, 130, 60, squares_now[0][3])
    plate = write_shot(tmp_path / "plate", shot)
    run(plate, tmp_path / "through", face="all")
    for stop in stops:
        with pytest.raises(Interrupted):
            before = len(journal(tmp_path / "parts")) if (tmp_path / "parts").exists() else 0
            extract.run(settings(plate, tmp_path / "parts", face="all"), stop_after(stop - before))
        assert len(journal(tmp_path / "parts")) == stop
    run(plate, tmp_path / "parts", face="all")
    assert content(tmp_path / "parts") == content(tmp_path / "through")


def test_a_finished_faceset_is_left_alone(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(4))
    first, _ = run(plate, tmp_path / "faces")
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "faces").iterdir()}
    no_networks()
    again, recorder = run(plate, tmp_path / "faces")
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "faces").iterdir()} == times
    assert "complete already" in recorder.of("note")[-1]["text"]
    assert {**first, "seconds": 0} == {**again, "seconds": 0}


def test_what_a_killed_process_was_writing_is_swept_away(squares, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(4))
    run(plate, tmp_path / "through")
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / ".faceset.0123456789ab.json").write_text("{")
    with pytest.raises(Interrupted):
        extract.run(settings(plate, tmp_path / "faces"), stop_after(2))
    (tmp_path / "faces" / ".shot.1003.00.0123456789ab.exr").write_bytes(b"half")
    run(plate, tmp_path / "faces")
    assert content(tmp_path / "faces") == content(tmp_path / "through")


def test_another_choice_of_person_is_cut_anew_without_detecting_again(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", two(4))
    run(plate, tmp_path / "right", face="index:1")
    run(plate, tmp_path / "faces", face="index:0")
    left = {face.track for face in Faceset.open(tmp_path / "faces").faces()}
    no_networks()
    run(plate, tmp_path / "faces", face="index:1")
    assert left.isdisjoint(face.track for face in Faceset.open(tmp_path / "faces").faces())
    assert content(tmp_path / "faces") == content(tmp_path / "right")


def test_a_run_killed_while_it_cuts_goes_on_cutting(squares, no_networks, tmp_path, monkeypatch):
    plate = write_shot(tmp_path / "plate", two(4))
    run(plate, tmp_path / "through", face="index:1")
    run(plate, tmp_path / "faces", face="index:0")
    no_networks()
    write = store.write_crop

    def killed(path, face, pixels):
        if face.frame == 1003:
            raise KeyboardInterrupt
        write(path, face, pixels)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(store, "write_crop", killed)
        run(plate, tmp_path / "faces", face="index:1")
    run(plate, tmp_path / "faces", face="index:1")
    assert content(tmp_path / "faces") == content(tmp_path / "through")


def said(path: Path, **words) -> Path:
    """A corrections file about the face at the start of :func:`made_shots.walk`."""
    face = {"point": [1001, 50, 90], **words}
    path.write_text(json.dumps({"kind": "understudy corrections", "version": 1, "faces": [face]}))
    return path


def test_the_artist_s_word_wins_and_needs_no_networks(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(8))
    run(plate, tmp_path / "faces")
    before = {face.frame: face for face in Faceset.open(tmp_path / "faces").faces()}
    no_networks()
    keys = [{"frame": 1001, "move": [0, 0]}, {"frame": 1003, "move": [6, 2]}]
    word = said(tmp_path / "word.json", reject="1008", landmarks=[{"points": [30], "keys": keys}])
    run(plate, tmp_path / "faces", corrections=word)
    after = {face.frame: face for face in Faceset.open(tmp_path / "faces").faces()}
    assert before.keys() - after.keys() == {1008}
    for frame, move in ((1001, (0, 0)), (1002, (3, 1)), (1003, (6, 2)), (1004, (0, 0))):
        np.testing.assert_allclose(after[frame].landmarks[30] - before[frame].landmarks[30], move, atol=0.05)
    assert [after[frame].origin for frame in (1001, 1002, 1003)] == ["given"] * 3
    assert after[1004].origin == "seen"


def test_a_face_can_be_forced_where_none_is_found(squares, tmp_path):
    shot = walk(6)
    shot[5] = []
    plate = write_shot(tmp_path / "plate", shot)
    first, _ = run(plate, tmp_path / "faces")
    word = said(tmp_path / "word.json", boxes=[{"keys": [{"frame": 1006, "box": [40, 60, 100, 120]}]}])
    second, _ = run(plate, tmp_path / "faces", corrections=word)
    assert (first["faces"], second["faces"]) == (5, 6)
    forced = Faceset.open(tmp_path / "faces").faces()[-1]
    assert (forced.frame, forced.origin) == (1006, "given")
    np.testing.assert_allclose(forced.landmarks.mean(0), (70, 92), atol=4)


def test_corrections_outside_the_shot_or_empty_are_refused_before_any_work(squares, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(2))
    word = said(tmp_path / "word.json", reject="1009")
    with pytest.raises(UsageError, match=r"a rejection on frame 1009, outside the shot's frames 1001-1002"):
        run(plate, tmp_path / "faces", corrections=word)
    word.write_text("")
    with pytest.raises(UnreadableError, match=r"word\.json is empty"):
        run(plate, tmp_path / "faces", corrections=word)
    with pytest.raises(MissingInputError, match=r"other\.json"):
        run(plate, tmp_path / "faces", corrections=tmp_path / "other.json")
    assert not (tmp_path / "faces").exists()


def test_a_track_ends_at_a_cut_that_is_said(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(4))
    run(plate, tmp_path / "faces")
    no_networks()
    report, _ = run(plate, tmp_path / "faces", cuts="1003", face="all")
    assert [(face.frame, face.track) for face in Faceset.open(tmp_path / "faces").faces()] == [
        (1001, 0),
        (1002, 0),
        (1003, 1),
        (1004, 1),
    ]
    assert report["tracks"] == 2


def test_single_pictures_are_no_footage_whatever_their_sizes(squares, tmp_path):
    """Each is a shot of its own: nobody is followed, smoothed or looked for from one to the next."""
    (tmp_path / "stills").mkdir()
    places = {"b": (40.0, (320, 200)), "c 10 a": (180.0, (400, 240)), "c 9 a": (60.0, (240, 300))}
    for name, (x, (width, height)) in places.items():
        write_png(tmp_path / "stills" / f"{name}.png", picture(width, height, [(x, 50.0, 60.0, RED)]))
    report, _ = run(str(tmp_path / "stills"), tmp_path / "faces")
    faces = Faceset.open(tmp_path / "faces").faces()
    assert [face.frame for face in faces] == [1, 2, 3] and report["tracks"] == 3
    middles = [float(face.landmarks.mean(0)[0]) for face in faces]
    whole = [40.0 + 30, 60.0 + 30, 180.0 + 30]  # in the order of their names: b, c 9, c 10
    np.testing.assert_allclose(middles, whole, atol=8)


def test_the_tracks_lie_beside_the_faces(squares, tmp_path):
    run(write_shot(tmp_path / "plate", walk(6)), tmp_path / "faces")
    shot = read_tracks(tmp_path / "faces")
    faces = Faceset.open(tmp_path / "faces").faces()
    assert (shot.width, shot.height, shot.frames) == (320, 200, tuple(range(1001, 1007)))
    (track,) = shot.tracks
    for face in faces:
        np.testing.assert_allclose(track.frames[face.frame].landmarks, face.landmarks, atol=1e-3)


def test_a_face_deleted_by_hand_stays_deleted_whatever_its_track_is_called(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", two(4))
    run(plate, tmp_path / "faces", face="all")
    gone = Faceset.open(tmp_path / "faces").faces()[3]
    assert (gone.frame, gone.track) == (1002, 1)
    (tmp_path / "faces" / gone.file).unlink()
    no_networks()
    for options in ({"smoothing": 2.0}, {"face": "index:0"}, {}, {"cuts": "1002"}):
        run(plate, tmp_path / "faces", **({"face": "all"} | options))
    faces = Faceset.open(tmp_path / "faces").faces()
    assert [(face.frame, face.box[0] > 150) for face in faces] == [
        (frame, right) for frame in range(1001, 1005) for right in (False, True) if (frame, right) != (1002, True)
    ]


def test_a_trashed_face_stays_out_until_it_is_restored(squares, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(4))
    run(plate, tmp_path / "faces")
    trash.run(TrashSettings(faceset=tmp_path / "faces", frames="1002"), Events())
    run(plate, tmp_path / "faces", smoothing=3.0)
    assert [face.frame for face in Faceset.open(tmp_path / "faces").faces()] == [1001, 1003, 1004]
    restore.run(RestoreSettings(faceset=tmp_path / "faces"), Events())
    run(plate, tmp_path / "faces", smoothing=3.0)
    run(plate, tmp_path / "other", smoothing=3.0)
    one, other = (Faceset.open(tmp_path / name).faces() for name in ("faces", "other"))
    assert [face.frame for face in one] == [1001, 1002, 1003, 1004]
    for face, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(face.matrix, expected.matrix)


def test_a_damaged_crop_is_cut_anew(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(4))
    run(plate, tmp_path / "faces")
    before = content(tmp_path / "faces")
    file = tmp_path / "faces" / Faceset.open(tmp_path / "faces").faces()[1].file
    file.write_bytes(file.read_bytes()[:-100])
    no_networks()
    _, recorder = run(plate, tmp_path / "faces")
    assert any(file.name in event["text"] and "damaged" in event["text"] for event in recorder.of("note"))
    assert content(tmp_path / "faces") == before


def test_faces_of_other_footage_beside_are_left_alone(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(4))
    (tmp_path / "more").mkdir()
    write_frame(tmp_path / "more" / "other.1002.exr", picture(320, 200, [(100, 60, 60, RED)]))
    run(str(tmp_path / "more" / "other.%04d.exr"), tmp_path / "others")
    run(plate, tmp_path / "faces")
    guest = Faceset.open(tmp_path / "others").faces()[0].file
    shutil.copy(tmp_path / "others" / guest, tmp_path / "faces")
    no_networks()
    run(plate, tmp_path / "faces", smoothing=3.0)
    assert (tmp_path / "faces" / guest).is_file()


@pytest.mark.parametrize("lost", ["looks", "tracks.json"])
def test_what_was_lost_beside_the_faces_does_no_harm(squares, no_networks, tmp_path, lost):
    plate = write_shot(tmp_path / "plate", walk(4))
    run(plate, tmp_path / "faces")
    path = tmp_path / "faces" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    no_networks()
    _, recorder = run(plate, tmp_path / "faces", smoothing=3.0)
    assert read_tracks(tmp_path / "faces").tracks
    assert any("less steadily" in event["text"] for event in recorder.of("note")) == (lost == "looks")


def test_a_stepped_range_is_one_track(squares, tmp_path):
    run(write_shot(tmp_path / "plate", walk(24)), tmp_path / "faces", frames="1001-1024x5")
    assert [(face.frame, face.track) for face in Faceset.open(tmp_path / "faces").faces()] == [
        (frame, 0) for frame in range(1001, 1025, 5)
    ]


def test_who_is_rejected_is_no_second_person(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", two(6))
    word = tmp_path / "word.json"
    faces = [
        {"point": [1001, 230, 100], "reject": "1001-1006"},
        {"point": [1001, 50, 90], "head": [{"keys": [{"frame": 1002, "turn": [9, 0, 0]}]}]},
    ]
    word.write_text(json.dumps({"kind": "understudy corrections", "version": 1, "faces": faces}))
    report, _ = run(plate, tmp_path / "faces", corrections=word)
    assert (report["faces"], report["tracks"]) == (6, 1)
    # The same word serves the extraction of the other: what it says of this one is for later.
    faces[0] = {"point": [1001, 50, 90], "landmarks": [{"points": [30], "keys": [{"frame": 1002, "move": [1, 0]}]}]}
    word.write_text(json.dumps({"kind": "understudy corrections", "version": 1, "faces": faces[:1]}))
    no_networks()
    report, _ = run(plate, tmp_path / "faces", corrections=word, face="index:1")
    assert report["faces"] == 6
    faces = [{"point": [1001, 50, 90], "reject": "1001-1006"}, {"point": [1001, 230, 100], "reject": "1001-1006"}]
    word.write_text(json.dumps({"kind": "understudy corrections", "version": 1, "faces": faces}))
    with pytest.raises(NoFaceError, match="corrections reject every face"):
        run(plate, tmp_path / "faces", corrections=word)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"crop": "head"}, "crop head|crop whole"),
        ({"crop_size": 32}, "crop size 64, not 32"),
        ({"min_face": 30}, "min face"),
        ({"frames": "1001-1002"}, "frames 1001-1004, not 1001-1002"),
        ({"colour_space": "ACEScg"}, "colour space"),
    ],
)
def test_a_faceset_made_otherwise_is_not_mixed_up(squares, tmp_path, change, word):
    plate = write_shot(tmp_path / "plate", walk(4))
    run(plate, tmp_path / "faces")
    before = content(tmp_path / "faces")
    with pytest.raises(FacesetError, match=word) as error:
        run(plate, tmp_path / "faces", **change)
    assert "another folder" in error.value.hint
    assert content(tmp_path / "faces") == before


def test_a_folder_of_another_plate_or_of_something_else_is_refused(squares, tmp_path):
    run(write_shot(tmp_path / "plate", walk(2)), tmp_path / "faces")
    other = write_shot(tmp_path / "other", walk(2))
    with pytest.raises(FacesetError, match=r"plate .*, not "):
        run(other, tmp_path / "faces")
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "letter.txt").write_text("hello")
    with pytest.raises(FacesetError, match="not empty"):
        run(other, tmp_path / "mail")


def test_other_weights_do_not_go_on_with_a_begun_faceset(squares, tmp_path, monkeypatch):
    plate = write_shot(tmp_path / "plate", walk(4))
    with pytest.raises(Interrupted):
        extract.run(settings(plate, tmp_path / "faces"), stop_after(2))
    detector = registry.DETECTORS["mediapipe"](None)
    other = type("Other", (type(detector),), {"card": type(detector.card)("new", "detector", "MIT", True, "1", "x")})
    monkeypatch.setitem(registry.DETECTORS, "mediapipe", lambda _pack: other())
    with pytest.raises(FacesetError, match="begun with the detector"):
        run(plate, tmp_path / "faces")


def test_two_people_where_one_is_expected_are_noticed_early_and_nothing_is_lost(squares, no_networks, tmp_path):
    plate = write_shot(tmp_path / "plate", two(30))
    recorder = Recorder()
    with pytest.raises(AmbiguousFaceError, match="Frame 1001 shows 2 people") as error:
        extract.run(settings(plate, tmp_path / "faces"), Events(recorder))
    assert len(told(recorder, "frames")) < 6
    for way in ("largest", "index:N", "track:N", "all"):
        assert way in error.value.hint
    done = len(journal(tmp_path / "faces"))
    assert done >= 2
    report, recorder = run(plate, tmp_path / "faces", face="index:1")
    assert len(told(recorder, "frames")) == 30 - done
    assert report["faces"] == 30


def test_a_passing_slip_of_the_detector_is_not_taken_for_a_second_person(squares, tmp_path):
    shot = walk(24)
    shot[3] = [*shot[3], (230.0, 20.0, 60.0, RED)]
    report, _ = run(write_shot(tmp_path / "plate", shot), tmp_path / "faces")
    assert (report["faces"], report["tracks"]) == (24, 1)


@pytest.mark.parametrize(("index", "side"), [(0, range(0, 100)), (1, range(180, 280))])
def test_index_counts_from_the_left(squares, tmp_path, index, side):
    report, _ = run(write_shot(tmp_path / "plate", two(6)), tmp_path / "faces", face=f"index:{index}")
    faces = Faceset.open(tmp_path / "faces").faces()
    assert len(faces) == report["faces"] == 6
    assert all(round(float(face.landmarks[:, 0].mean())) in side for face in faces)
    assert len(list((tmp_path / "faces").glob("*.exr"))) == 6


def test_the_wrong_words_are_refused_before_any_work(squares, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(2))
    with pytest.raises(UsageError, match="first"):
        run(plate, tmp_path / "faces", face="first")
    with pytest.raises(UsageError, match="--cuts names frame 5000"):
        run(plate, tmp_path / "faces", cuts="1002,5000")
    with pytest.raises(UsageError, match="recogniser"):
        run(plate, tmp_path / "faces", reference=tmp_path / "me.png")
    with pytest.raises(MissingInputError, match=r"me\.png"):
        run(plate, tmp_path / "faces", reference=tmp_path / "me.png", recogniser="insightface")
    assert not (tmp_path / "faces").exists()


@pytest.mark.parametrize(("colour", "track_side"), [(RED, 0), (DARK_RED, 1)])
def test_a_reference_picture_chooses_the_person(squares, tmp_path, colour, track_side):
    plate = write_shot(tmp_path / "plate", two(6))
    write_frame(tmp_path / "me.exr", picture(200, 200, [(60, 60, 80, colour)]))
    options = {"reference": tmp_path / "me.exr", "recogniser": "insightface"}
    report, recorder = run(plate, tmp_path / "faces", **options)
    faces = Faceset.open(tmp_path / "faces").faces()
    assert report["faces"] == 6
    assert all((face.landmarks[:, 0].mean() > 150) == track_side for face in faces)
    assert all(len(face.identity) == 8 for face in faces)
    licences = [event["text"] for event in recorder.of("note") if "research" in event["text"]]
    assert licences == ["Licence of squares recogniser: for research only."]


def test_a_reference_picture_must_show_one_face(squares, tmp_path):
    plate = write_shot(tmp_path / "plate", two(3))
    write_frame(tmp_path / "none.exr", picture(200, 200, []))
    write_frame(tmp_path / "both.exr", picture(320, 200, two(1)[0]))
    with pytest.raises(NoFaceError, match=r"none\.exr"):
        run(plate, tmp_path / "faces", reference=tmp_path / "none.exr", recogniser="insightface")
    with pytest.raises(AmbiguousFaceError, match=r"both\.exr shows 2 faces"):
        run(plate, tmp_path / "faces", reference=tmp_path / "both.exr", recogniser="insightface")


def test_a_crop_that_cannot_be_written_ends_the_run_without_a_gap(squares, tmp_path, monkeypatch):
    plate = write_shot(tmp_path / "plate", walk(10))
    run(plate, tmp_path / "through")
    write = store.write_crop

    def full_disk(path, face, pixels):
        if face.frame == 1003:
            raise OutputError("The disk is full.", "Free some space.")
        write(path, face, pixels)

    monkeypatch.setattr(store, "write_crop", full_disk)
    with pytest.raises(OutputError, match="disk is full"):
        run(plate, tmp_path / "faces")
    assert len(journal(tmp_path / "faces")) == 10
    monkeypatch.setattr(store, "write_crop", write)
    run(plate, tmp_path / "faces")
    assert content(tmp_path / "faces") == content(tmp_path / "through")


def test_a_missing_frame_is_named_or_skipped(squares, tmp_path):
    plate = write_shot(tmp_path / "plate", walk(4))
    (tmp_path / "plate" / "shot.1002.exr").unlink()
    with pytest.raises(MissingInputError, match="1002"):
        run(plate, tmp_path / "faces")
    report, _ = run(plate, tmp_path / "faces", missing="skip")
    assert report["frames"] == 3


MEMORY = """
import resource, shutil, sys
from pathlib import Path
from made_shots import RED, register, write_shot
from understudy.events import Events
from understudy.settings import ExtractSettings, RestoreSettings, TrashSettings
from understudy.stages import extract
register(dict.__setitem__)
folder = Path(sys.argv[1])
for count in (20, 20, 120):
    plate = folder / f"plate{count}"
    if not plate.exists():
        write_shot(plate, [[(200.0, 90.0, 60.0, RED)]], (640, 360))
        for number in range(1002, 1001 + count):
            shutil.copy(plate / "shot.1001.exr", plate / f"shot.{number}.exr")
    out = folder / "faces"
    extract.run(ExtractSettings(plate=str(plate), out=out, crop_size=64), Events())
    shutil.rmtree(out)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the peak of a process's memory is asked of POSIX")
def test_memory_does_not_grow_with_the_shot(tmp_path):
    paths = [str(Path(extract.__file__).parents[2]), str(Path(made_shots.__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    ended = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)], env=environment, check=True, capture_output=True, text=True
    )
    _, short, long = map(int, ended.stdout.split())
    assert long - short < 40  # MB; the 100 further frames weigh 138 as half floats


def test_the_bench_tells_where_the_time_goes(squares, tmp_path):
    for index, frame in enumerate(walk(4)):
        write_frame(tmp_path / f"plate.{1001 + index}.exr", picture(320, 200, frame))
    found = measure_speed(Events(), tmp_path, width=480)
    assert (found["frames"], found["faces"], found["width"]) == (4, 4, 480)
    assert found["frames_per_second"] == pytest.approx(4 / found["seconds"])
    assert set(found["shares"]) == {"networks", "reading", "colour", "solving", "writing", "other"}
    assert sum(found["shares"].values()) == pytest.approx(1.0)
    assert found["outside_networks"] == pytest.approx(1 - found["shares"]["networks"])
