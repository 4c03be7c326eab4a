from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from made_people import stand
from understudy.events import Events, Recorder
from understudy.extraction import solve_pass
from understudy.extraction.shot_tracker import TrackedSighting
from understudy.extraction.solve_pass import solved_tracks
from understudy.face.geometry import Camera
from understudy.face.keypoints import KEYPOINTS
from understudy.face.landmarker_bias import mean_head
from understudy.faceset.journal import LOOKS, Sighting, look_name

CAMERA = Camera(2000.0, (640.0, 360.0))


def spotted(track: int, frame: int, index: int = 0, given: bool = False, blank: bool = False) -> TrackedSighting:
    """Somebody as mediapipe sees them, who moves 4 pixels a frame."""
    head = stand(300 + 200 * track + 4 * (frame - 1001), 300, 80, 10, 0, 0)
    marks = head.project(mean_head("mediapipe")).astype(np.float32)
    box = np.concatenate([head.offset - 52, head.offset + 52]).astype(np.float32)
    points = head.project(KEYPOINTS).astype(np.float32)
    seen = Sighting(box, True, 0.9, None if blank else marks, None, 0.9, None if blank else points, None)
    return TrackedSighting(frame, track, index, seen, given)


def solved(folder: Path, people: list[TrackedSighting], landmarker: str = "mediapipe"):
    recorder = Recorder()
    tracks = solved_tracks(folder, people, range(1001, 1101), landmarker, CAMERA, 0.5, Events(recorder))
    return tracks, [(event["done"], event["total"]) for event in recorder.of("progress")]


def test_each_track_is_solved_from_its_own_sightings_in_order_of_time(tmp_path) -> None:
    people = [spotted(track, frame, track) for frame in (1003, 1001, 1002, 1004) for track in (3, 1)]
    tracks, heard = solved(tmp_path, people)
    assert [track.number for track in tracks] == [1, 3]
    assert heard == [(1, 2), (2, 2)]
    for track in tracks:
        assert list(track.frames) == [1001, 1002, 1003, 1004]
        for frame, one in track.frames.items():
            assert one.head.camera == CAMERA
            assert one.head.offset[0] == pytest.approx(300 + 200 * track.number + 4 * (frame - 1001), abs=2)
            assert one.origin == "seen"


def test_who_was_away_for_long_comes_back_without_bending_what_was_before(tmp_path) -> None:
    before, after = ([spotted(0, frame) for frame in frames] for frames in (range(1001, 1006), range(1061, 1066)))
    (track,), _ = solved(tmp_path, before + after)
    (alone,), _ = solved(tmp_path, before)
    assert list(track.frames) == [*range(1001, 1006), *range(1061, 1066)]
    for frame in range(1001, 1006):
        assert np.array_equal(track.frames[frame].landmarks, alone.frames[frame].landmarks)


def test_frames_that_are_left_out_are_time_that_passes(tmp_path) -> None:
    # Somebody who turns steadily: over the gap as far as in the five frames that it takes.
    def turning(frame: int) -> TrackedSighting:
        head = stand(300, 300, 80, 6.0 * (frame - 1006), 0, 0)
        marks = head.project(mean_head("mediapipe")).astype(np.float32)
        box = np.concatenate([head.offset - 52, head.offset + 52]).astype(np.float32)
        seen = Sighting(box, True, 0.9, marks, None, 0.9, head.project(KEYPOINTS).astype(np.float32), None)
        return TrackedSighting(frame, 0, 0, seen)

    frames = [1001, 1002, 1003, 1004, 1009, 1010, 1011, 1012]
    (track,), _ = solved(tmp_path, [turning(frame) for frame in frames])
    (whole,), _ = solved(tmp_path, [turning(frame) for frame in range(1001, 1013)])
    assert list(track.frames) == frames
    for frame in frames:
        assert track.frames[frame].head.angles[0] == pytest.approx(whole.frames[frame].head.angles[0], abs=0.5)


def test_the_landmarkers_own_habits_are_taken_out(tmp_path) -> None:
    people = [spotted(0, frame) for frame in range(1001, 1007)]
    (known,), _ = solved(tmp_path, people)
    (unknown,), _ = solved(tmp_path, people, "insightface")
    assert known.frames[1003].head.error < 0.2 * unknown.frames[1003].head.error


def test_who_is_never_seen_as_a_head_is_left_out_and_still_counted(tmp_path) -> None:
    tracks, heard = solved(tmp_path, [spotted(0, 1001), spotted(2, 1001, 1, blank=True), spotted(2, 1002, blank=True)])
    assert [track.number for track in tracks] == [0]
    assert heard == [(1, 2), (2, 2)]
    assert solved(tmp_path, []) == ([], [])


def test_pictures_of_the_right_sighting_help_and_lost_broken_or_misplaced_ones_do_not_hurt(
    tmp_path, monkeypatch
) -> None:
    seen = {}
    monkeypatch.setattr(
        solve_pass, "solve", lambda _number, observed, *_: seen.update({one.frame: one for one in observed})
    )
    (tmp_path / LOOKS).mkdir()
    for frame, index in ((1001, 0), (1001, 1), (1002, 0), (1003, 0)):
        cv2.imwrite(
            str(tmp_path / LOOKS / look_name(frame, index)), np.full((320, 320), 10 * index + frame % 10, np.uint8)
        )
    (tmp_path / LOOKS / look_name(1002, 0)).write_bytes(b"no picture")
    people = [spotted(0, 1001, 1), spotted(0, 1002), spotted(0, 1003, given=True), spotted(0, 1004)]
    assert solved(tmp_path, people)[0] == []
    assert seen[1001].look.shape == (320, 320)
    assert seen[1001].look[0, 0] == 11
    # Torn; of what was detected and not of what the artist said; not there.
    assert [seen[frame].look for frame in (1002, 1003, 1004)] == [None, None, None]
    assert [seen[frame].given for frame in sorted(seen)] == [False, False, True, False]
