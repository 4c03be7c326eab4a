from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from made_people import stand
from made_tracks import alike, made_shot, made_track
from scipy.spatial.transform import Rotation, Slerp
from understudy.errors import UsageError
from understudy.face.geometry import HEAD_68
from understudy.tracks.apply_corrections import applied_to_heads, applied_to_sightings
from understudy.tracks.corrections import Corrections
from understudy.tracks.curves import rotation_of


def _corrections(*faces: dict[str, object]) -> Corrections:
    return Corrections.model_validate_json(json.dumps({"faces": faces}))


def _seen(frame: int, track: int, x: float = 0) -> SimpleNamespace:
    return SimpleNamespace(frame=frame, track=track, box=np.array([x, 100, x + 50, 160], np.float32))


TWO = [_seen(1, 0), _seen(2, 0, 10), _seen(3, 0, 20), _seen(4, 0, 30), _seen(2, 5, 400), _seen(3, 5, 410)]
"""Track 0 on 1 to 4 at the left, track 5 on 2 and 3 at the right."""


def test_without_corrections_nothing_changes() -> None:
    amended = applied_to_sightings(Corrections(), TWO)
    assert amended.tracks == (0, 0, 0, 0, 5, 5) and amended.forced == ()
    shot = made_shot()
    assert all(map(alike, applied_to_heads(Corrections(), shot.tracks), shot.tracks))


@pytest.mark.parametrize("who", [{"track": 0}, {"point": [2, 30, 120]}])
def test_a_rejected_face_is_dropped_on_its_frames_only(who: dict[str, object]) -> None:
    assert applied_to_sightings(_corrections({**who, "reject": "2-3"}), TWO).tracks == (0, None, None, 0, 5, 5)


def test_a_split_gives_new_numbers_from_its_frames_on() -> None:
    assert applied_to_sightings(_corrections({"track": 0, "split": [4, 2]}), TWO).tracks == (0, 6, 6, 7, 5, 5)


def test_a_point_names_its_part_of_a_split_track() -> None:
    amended = applied_to_sightings(
        _corrections({"track": 0, "split": [3]}, {"point": [2, 425, 130], "join": [{"point": [4, 40, 130]}]}),
        [one for one in TWO if (one.frame, one.track) != (3, 5)],
    )
    assert amended.tracks == (0, 0, 5, 5, 5)


def test_tracks_that_share_a_frame_cannot_be_joined() -> None:
    with pytest.raises(
        UsageError, match=r"Track 0 and track 5 cannot be one person: both are there on frame 2\."
    ) as told:
        applied_to_sightings(_corrections({"track": 0, "join": [{"track": 5}]}), TWO)
    assert told.value.hint
    rejected = _corrections({"track": 0, "reject": "2-3", "join": [{"track": 5}]})
    assert applied_to_sightings(rejected, TWO).tracks == (0, None, None, 0, 0, 0)


def test_a_box_is_a_face_on_every_frame_between_its_keys_and_replaces_what_was_found() -> None:
    keys = [{"frame": 3, "box": [400, 100, 440, 160]}, {"frame": 5, "box": [420, 110, 480, 180]}]
    amended = applied_to_sightings(_corrections({"track": 5, "boxes": [{"keys": keys}]}), TWO)
    assert amended.tracks == (0, 0, 0, 0, 5, None)
    assert [(one.frame, one.track, one.box) for one in amended.forced] == [
        (3, 5, (400, 100, 440, 160)),
        (4, 5, (410, 105, 460, 170)),
        (5, 5, (420, 110, 480, 180)),
    ]


def test_a_box_where_nobody_was_found_is_somebody_new() -> None:
    entry = {"point": [9, 15, 15], "boxes": [{"keys": [{"frame": 9, "box": [0, 0, 30, 30]}]}]}
    assert [(one.frame, one.track) for one in applied_to_sightings(_corrections(entry), TWO).forced] == [(9, 6)]
    assert [one.track for one in applied_to_sightings(_corrections(entry), []).forced] == [0]


@pytest.mark.parametrize(
    ("face", "said"),
    [
        ({"track": 9, "reject": "1"}, "name track 9, which there is not"),
        ({"point": [2, 300, 120], "reject": "1"}, r"the face at \(300, 120\) on frame 2, but nobody"),
        ({"track": 0, "join": [{"point": [9, 1, 1]}]}, r"the face at \(1, 1\) on frame 9, but nobody"),
    ],
)
def test_a_face_that_is_not_there_is_told(face: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        applied_to_sightings(_corrections(face), TWO)


def test_the_smallest_box_around_a_point_is_meant() -> None:
    big, small = _seen(1, 0), dataclasses.replace(made_track(1, [1]).frames[1], box=np.array([10, 110, 20, 120]))
    sightings = [big, SimpleNamespace(frame=1, track=1, box=small.box)]
    assert applied_to_sightings(_corrections({"point": [1, 15, 115], "reject": "1"}), sightings).tracks == (0, None)


def test_moved_landmarks_run_straight_between_keys_and_end_with_them() -> None:
    track = made_track(0, range(1001, 1013))
    keys = [{"frame": 1003, "move": [4, 0]}, {"frame": 1007, "move": [0, -8]}]
    (moved,) = applied_to_heads(
        _corrections({"track": 0, "landmarks": [{"points": ["left_eye", 30], "keys": keys}]}), [track]
    )
    chosen = [30, *range(42, 48)]
    for frame, was in track.frames.items():
        now = moved.frames[frame]
        offset = [np.interp(frame, [1003, 1007], values) for values in ((4, 0), (0, -8))]
        inside = 1003 <= frame <= 1007
        expected = was.landmarks.astype(np.float64)
        expected[chosen] += np.array(offset) * inside
        assert np.allclose(now.landmarks, expected, atol=1e-4)
        assert now.refined is was.refined and now.raw is was.raw and now.head is was.head
        assert now.origin == ("given" if inside else was.origin)
    assert [moved.frames[frame].confidence for frame in (1003, 1007)] == [1, 1]
    assert moved.frames[1005].confidence == pytest.approx(1 - 2 / 12)
    assert moved.frames[1008].confidence == track.frames[1008].confidence


def test_held_landmarks_stay_where_they_are_put() -> None:
    track = made_track(0, range(1001, 1031))
    curve = {"points": ["chin"], "hold": True, "keys": [{"frame": 1004, "at": [[710.5, 500]]}]}
    (moved,) = applied_to_heads(_corrections({"track": 0, "landmarks": [curve]}), [track])
    assert all(face.landmarks[8].tolist() == [710.5, 500] for face in moved.frames.values())
    # Far from the key, a face's confidence is its own again.
    assert moved.frames[1030].confidence == track.frames[1030].confidence
    assert moved.frames[1005].confidence == pytest.approx(1 - 1 / 12)


def test_a_set_pose_takes_the_rigid_landmarks_along_and_turns_by_slerp() -> None:
    track = made_track(0, range(1001, 1012))
    poses = [(-20.0, 5.0, 10.0), (40.0, -10.0, -15.0)]
    keys = [{"frame": frame, "pose": pose} for frame, pose in zip((1001, 1011), poses, strict=True)]
    (posed,) = applied_to_heads(_corrections({"track": 0, "head": [{"keys": keys}]}), [track])
    slerp = Slerp([1001, 1011], Rotation.from_matrix([rotation_of(*pose) for pose in poses]))
    for frame, was in track.frames.items():
        now = posed.frames[frame]
        assert np.allclose(now.head.rotation, slerp(frame).as_matrix(), atol=1e-9)
        assert (now.head.scale, now.head.camera) == (was.head.scale, was.head.camera)
        # A landmark of the shape itself stays one: what differs is the expression, as large as it was.
        rest, moved = was.landmarks - was.head.project(track.shape), now.landmarks - now.head.project(track.shape)
        assert np.allclose(np.linalg.norm(rest, axis=1), np.linalg.norm(moved, axis=1), atol=1e-3)
    assert posed.frames[1001].head.angles == pytest.approx(poses[0])
    assert posed.frames[1011].head.angles == pytest.approx(poses[1])


def test_a_head_that_rolls_grows_and_moves_carries_the_expression_as_a_picture_would() -> None:
    frame = made_track(0, [7], camera=None)
    key = {"frame": 7, "turn": [0, 0, 30], "move": [5, -3], "grow": 1.5}
    flat = dataclasses.replace(frame.frames[7], head=stand(700, 420, 110, 0, 0, 0))
    start = dataclasses.replace(frame, frames={7: flat})
    (posed,) = applied_to_heads(_corrections({"track": 0, "head": [{"keys": [key]}]}), [start])
    # A frontal head under orthographic projection turns in the picture like a flat thing, lips and all.
    angle = np.radians(30)
    turn = 1.5 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = (flat.landmarks - [700, 420]) @ turn.T + [705, 417]
    assert np.allclose(posed.frames[7].landmarks, expected, atol=1e-3)
    assert np.allclose(posed.frames[7].box, (flat.box - [700, 420] * 2) * 1.5 + [705, 417] * 2, atol=1e-3)


def test_an_absolute_head_is_where_and_as_large_as_it_is_said() -> None:
    track = made_track(0, [1, 2, 3])
    keys = [{"frame": 1, "at": [600, 300], "size": 80}, {"frame": 3, "at": [640, 320], "size": 100}]
    (posed,) = applied_to_heads(_corrections({"track": 0, "head": [{"keys": keys}]}), [track])
    assert [tuple(face.head.offset) for face in posed.frames.values()] == [(600, 300), (620, 310), (640, 320)]
    assert [face.head.scale for face in posed.frames.values()] == [80, 90, 100]
    assert np.array_equal(posed.frames[2].head.rotation, track.frames[2].head.rotation)


def test_set_boxes_are_the_tracks_boxes_and_the_other_person_is_let_alone() -> None:
    shot = made_shot()
    x, y = map(float, shot.tracks[1].frames[1003].head.offset)
    entry = {"point": [1003, x, y], "boxes": [{"keys": [{"frame": 1003, "box": [1, 2, 3, 4]}]}]}
    one, two = applied_to_heads(_corrections(entry), shot.tracks)
    assert alike(one, shot.tracks[0])
    assert two.frames[1003].box.tolist() == [1, 2, 3, 4] and two.frames[1003].origin == "given"
    assert np.array_equal(two.frames[1004].box, shot.tracks[1].frames[1004].box)
    with pytest.raises(UsageError, match="nobody was found there"):
        applied_to_heads(_corrections({**entry, "point": [1003, 1, 1]}), shot.tracks)


def test_the_mean_head_projects_onto_itself_when_nothing_is_said() -> None:
    track = made_track(0, [1])
    curve = {"keys": [{"frame": 1, "turn": [0, 0, 0], "move": [0, 0], "grow": 1}]}
    (same,) = applied_to_heads(_corrections({"track": 0, "head": [curve]}), [track])
    assert np.allclose(same.frames[1].landmarks, track.frames[1].landmarks, atol=1e-4)
    assert same.frames[1].head.project(HEAD_68) == pytest.approx(track.frames[1].head.project(HEAD_68), abs=1e-8)
