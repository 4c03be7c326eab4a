from __future__ import annotations

import numpy as np
import pytest
from made_tracks import HEIGHT, made_shot
from understudy.errors import UnreadableError, UsageError
from understudy.tracks.apply_corrections import applied_to_heads
from understudy.tracks.corrections_from_tracks import corrections_from_points
from understudy.tracks.formats.point_text import points_from_text, points_to_text
from understudy.tracks.landmark_names import GROUPS, indices, name_of


def test_points_are_written_as_3dequalizer_does_with_y_up() -> None:
    track = made_shot().tracks[1]
    lines = points_to_text(track, HEIGHT, indices(["nose_tip", 5])).splitlines()
    assert lines[:4] == ["2", "nose_tip", "0", "5"]
    assert lines[9:12] == ["landmark_05", "0", "5"]
    frame, x, y = lines[4].split()
    assert int(frame) == 1003
    assert [float(x), HEIGHT - float(y)] == pytest.approx(track.frames[1003].landmarks[30].tolist(), abs=1e-5)


def test_written_points_come_back() -> None:
    track = made_shot().tracks[1]
    points = points_from_text(points_to_text(track, HEIGHT, GROUPS["all"]), HEIGHT)
    assert [point.name for point in points] == [name_of(index) for index in range(68)]
    for index, point in enumerate(points):
        assert list(point.places) == list(track.frames)
        placed = np.array(list(point.places.values()))
        assert np.allclose(placed, [face.landmarks[index] for face in track.frames.values()], atol=1e-4)


def test_nukes_own_list_is_a_point_called_like_its_file() -> None:
    text = "# Tracking data\n\n10, 240,240\n50:1000:700\n; a remark\n90 1800 1000.5\n/ end\n"
    (point,) = points_from_text(text, 1080, "in/nose_tip.txt")
    assert point.name == "nose_tip"
    assert point.places == {10: (240, 840), 50: (1000, 380), 90: (1800, 79.5)}


def test_imported_points_become_the_landmarks_of_the_face_around_them() -> None:
    shot = made_shot()
    moved = points_to_text(shot.tracks[1], HEIGHT - 6, indices(["corners"]))  # six pixels lower in the plate
    corrections = corrections_from_points(points_from_text(moved, HEIGHT))
    corrections.check(shot.frames)
    one, two = applied_to_heads(corrections, shot.tracks)
    at = list(indices(["corners"]))
    for frame, face in two.frames.items():
        expected = shot.tracks[1].frames[frame].landmarks.copy()
        expected[at, 1] += 6
        assert np.allclose(face.landmarks, expected, atol=1e-4)
    assert all(face.origin != "given" for face in one.frames.values())
    numbered = corrections_from_points(points_from_text(moved, HEIGHT), 3)
    assert numbered.faces[0].track == 3 and numbered.faces[0].landmarks == corrections.faces[0].landmarks


def test_a_point_that_is_away_for_some_frames_is_not_made_up_there() -> None:
    corrections = corrections_from_points(points_from_text("1 0 0\n2 1 1\n5 4 4\n", 10, "chin.txt"))
    assert [curve.frames for curve in corrections.faces[0].landmarks] == [(1, 2), (5,)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("# only\n", "only remarks"),
        ("1 2\n", "Line 1 of in/chin.txt.*frame, x and y"),
        ("1 2 3\nx 2 3\n", "Line 2 of in/chin.txt"),
        ("1\nchin\n0\n2\n1 2 3\n", "ends before"),
        ("1\nchin\n0\nmany\n1 2 3\n", "Line 4 of in/chin.txt.*no count"),
        ("1\nchin\n0\n1\n1 2 3\n2 2 3\n", "Line 6 of in/chin.txt follows"),
        ("2\nchin\n0\n1\n1 2 3\n", "ends before"),
        ("0\n", "no point tracks"),
        ("1 2 3\n1 2 4\n", "Line 2 of in/chin.txt.*frame 1 once more"),
        ("1 nan 3\n", "Line 1 of in/chin.txt"),
    ],
)
def test_a_wrong_text_is_told_by_its_line(text: str, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        points_from_text(text, 100, "in/chin.txt")


@pytest.mark.parametrize("text", ["1\nTrack 01\n0\n1\n1 2 3\n", "1\nmouth\n0\n1\n1 2 3\n"])
def test_a_point_that_is_no_landmark_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"Track 01|mouth"):
        points_from_text(text, 100)


def test_names_and_numbers_mean_landmarks() -> None:
    assert indices(["left_eye", 30, "30", "landmark_05"]) == (*range(42, 48), 30, 5)
    assert [indices([name_of(index)]) for index in range(68)] == [(index,) for index in range(68)]
    with pytest.raises(UsageError, match="'ear'"):
        indices(["ear"])
