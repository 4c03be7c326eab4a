from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_tracks import alike, made_shot, made_track
from understudy.errors import FacesetError, UnreadableError
from understudy.tracks.formats.csv_tracks import COLUMNS, tracks_from_csv, tracks_to_csv
from understudy.tracks.formats.json_tracks import read_tracks, tracks_from_json, tracks_to_json
from understudy.tracks.track import ShotTracks

CHANNELS = ("eye_opening", "eye_trust", "gaze", "mouth_opening")


def test_json_gives_every_number_back() -> None:
    for shot in (made_shot(), made_shot(camera=None)):
        back = tracks_from_json(tracks_to_json(shot))
        names = ("plate", "width", "height", "frames", "cuts")
        assert [getattr(back, name) for name in names] == [getattr(shot, name) for name in names]
        assert len(back.tracks) == 2 and all(map(alike, back.tracks, shot.tracks))


def test_json_is_plain_and_a_line_a_face() -> None:
    text = tracks_to_json(made_shot())
    document = json.loads(text)
    assert (document["kind"], document["version"], document["frames"]) == ("understudy tracks", 2, "1001-1012")
    face = document["tracks"][0]["faces"][0]
    assert face["landmarks"][30] == pytest.approx(made_shot().tracks[0].frames[1001].landmarks[30].tolist())
    assert sum(line.startswith('{"frame"') for line in text.splitlines()) == 12 + 5
    assert tracks_from_json(tracks_to_json(ShotTracks("p", 8, 8, (1,), (), ()))).tracks == ()


def test_a_document_of_the_first_version_is_read_without_channels() -> None:
    document = json.loads(tracks_to_json(made_shot())) | {"version": 1}
    for track in document["tracks"]:
        for face in track["faces"]:
            for name in CHANNELS:
                del face[name]
    back = tracks_from_json(json.dumps(document))
    for track, was in zip(back.tracks, made_shot().tracks, strict=True):
        bare = {frame: replace(one, **dict.fromkeys(CHANNELS)) for frame, one in was.frames.items()}
        assert alike(track, replace(was, frames=bare))


def test_a_thousand_frames_come_back() -> None:
    shot = ShotTracks("p", 1920, 1080, tuple(range(1000)), (), (made_track(0, range(1000)),))
    assert list(tracks_from_json(tracks_to_json(shot)).tracks[0].frames) == list(range(1000))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"version":2', '"version":9', "version 9"),
        ("understudy tracks", "other", "'other'"),
        ('"origin":"seen"', '"origin":"dreamt"', "dreamt"),
        ('"cuts":[1008]', '"cuts":["x"]', "x"),
        ('"scale":110.0', '"scale":null', "document of solved tracks"),
        ('"faces"', '"feces"', "faces"),
        ('{"kind"', '"kind"', "document of solved tracks"),
        ('"box":[', '"box":[1,', r"shape \(5,\)"),
        ('"number":3', '"number":0', "two tracks have the number 0"),
    ],
)
def test_a_damaged_document_is_told(old: str, new: str, said: str) -> None:
    text = tracks_to_json(made_shot())
    assert old in text
    with pytest.raises(FacesetError, match=said) as told:
        tracks_from_json(text.replace(old, new), "set/tracks.json")
    assert "set/tracks.json" in told.value.message and told.value.hint


def test_a_faceset_without_tracks_is_told(tmp_path: Path) -> None:
    with pytest.raises(FacesetError, match=r"has no tracks\.json"):
        read_tracks(tmp_path)
    (tmp_path / "tracks.json").write_text(tracks_to_json(made_shot()), "utf-8")
    assert all(map(alike, read_tracks(tmp_path).tracks, made_shot().tracks))


@pytest.mark.parametrize("camera", [made_shot().tracks[0].frames[1001].head.camera, None])
def test_csv_gives_the_final_track_back(camera) -> None:
    shot = made_shot(camera)
    back = tracks_from_csv(tracks_to_csv(shot.tracks))
    assert [track.number for track in back] == [0, 3]
    for track, was in zip(back, shot.tracks, strict=True):
        assert list(track.frames) == list(was.frames)
        for face, one in zip(track.frames.values(), was.frames.values(), strict=True):
            assert np.array_equal(face.landmarks, one.landmarks) and np.array_equal(face.box, one.box)
            assert (face.confidence, face.origin, face.raw) == (one.confidence, one.origin, None)
            assert (face.head.scale, face.head.camera) == (one.head.scale, one.head.camera)
            assert np.allclose(face.head.rotation, one.head.rotation, atol=1e-12)
            assert np.array_equal(face.head.offset, one.head.offset)


def test_a_table_can_be_read_by_its_names() -> None:
    rows = list(csv.DictReader(io.StringIO(tracks_to_csv(made_shot().tracks))))
    face = made_shot().tracks[1].frames[1008]
    (row,) = [row for row in rows if (row["frame"], row["track"]) == ("1008", "3")]
    assert tuple(row) == COLUMNS
    assert [float(row["lx30"]), float(row["ly30"])] == pytest.approx(face.landmarks[30].tolist())
    assert [float(row[name]) for name in ("yaw", "pitch", "roll")] == pytest.approx(face.head.angles)


def test_further_columns_and_another_order_do_no_harm() -> None:
    rows = list(csv.DictReader(io.StringIO(tracks_to_csv(made_shot().tracks))))
    text = io.StringIO()
    writer = csv.DictWriter(text, ["note", *reversed(COLUMNS)])
    writer.writeheader()
    writer.writerows(row | {"note": "by hand"} for row in reversed(rows))
    assert tracks_to_csv(tracks_from_csv(text.getvalue())) == tracks_to_csv(
        tracks_from_csv(tracks_to_csv(made_shot().tracks))
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[0].replace("yaw", "jaw"), *lines[1:]], "no column 'yaw'"),
        (lambda lines: ["", ""], "no column 'frame'"),
        (lambda lines: [*lines[:2], lines[2].replace("1002", "x", 1)], "Line 3 of t.csv"),
        (lambda lines: [*lines[:2], lines[2].replace("bridged", "lost")], "Line 3 of t.csv.*lost"),
        (lambda lines: [*lines[:2], lines[2].rsplit(",", 1)[0]], "Line 3 of t.csv"),
        (lambda lines: [*lines[:2], lines[1]], "track 0 is on frame 1001 twice"),
    ],
)
def test_a_wrong_table_is_told_by_line_or_column(change, said: str) -> None:
    lines = tracks_to_csv(made_shot().tracks).splitlines()
    with pytest.raises(UnreadableError, match=said):
        tracks_from_csv("\n".join(change(lines)) + "\n", "t.csv")
