from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from made_people import stand
from understudy.faceset.measures import UNMEASURED
from understudy.faceset.record import Face
from understudy.review.faceset.suspects import JOLT, SURE, followed, jolts

POINTS = np.zeros((68, 2), np.float32)
SIDE = 200.0
"""Side of the crops in plate pixels."""

SURELY = Face(
    file="",
    plate="p.%04d.exr",
    frame=0,
    track=0,
    box=np.zeros(4, np.float32),
    landmarks=POINTS,
    raw=None,
    refined=POINTS,
    dense=None,
    matrix=np.zeros((2, 3)),
    crop_kind="whole",
    crop_size=100,
    confidence=0.9,
    origin="seen",
    head=stand(0, 0, 10),
    colour_space="lin_ap1_scene",
    identity=None,
    measures=UNMEASURED,
)


def at(frame: int, x: float, y: float, turned: float = 0.0, **changes: Any) -> Face:
    """A face whose crop's centre is ``x``, ``y`` in the plate, turned by as many radians."""
    linear = 100 / SIDE * np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]])
    matrix = np.column_stack([linear, np.array([50.0, 50.0]) - linear @ (x, y)])
    return dataclasses.replace(SURELY, frame=frame, matrix=matrix, **changes)


def test_a_steady_movement_has_no_jolts_however_the_crop_is_turned() -> None:
    faces = [at(1001 + step, 300 + 40 * step, 200 - 25 * step, 0.3 * step) for step in range(8)]
    found = jolts(faces)
    assert np.isnan(found[[0, -1]]).all()
    np.testing.assert_allclose(found[1:-1], 0, atol=1e-9)


def test_a_jolt_is_half_the_acceleration_in_percent_of_the_crops_side() -> None:
    faces = [at(frame, 300 + 3.0 * frame**2, 200 + 4.0 * frame**2) for frame in range(6)]
    np.testing.assert_allclose(jolts(faces)[1:-1], 100 * 5.0 / SIDE)  # x'' = 6 and y'' = 8: half of their length is 5


def test_across_a_missing_frame_nothing_is_compared() -> None:
    faces = [at(frame, 300 + 90.0 * (frame > 4), 200) for frame in (1, 2, 3, 5, 6, 7)]
    np.testing.assert_array_equal(np.isnan(jolts(faces)), [True, False, True, True, False, True])


@pytest.mark.parametrize("count", [1, 2])
def test_few_faces_have_no_jolts(count: int) -> None:
    faces = [at(frame, 0, 0) for frame in range(count)]
    assert np.isnan(jolts(faces)).all() and followed(faces)[0].doubts == {}


def test_each_doubt_is_found_on_its_frames_alone() -> None:
    faces = [at(1001 + step, 300 + 10 * step, 200) for step in range(20)]
    faces[3] = dataclasses.replace(faces[3], confidence=SURE - 0.01)
    faces[5] = dataclasses.replace(faces[5], confidence=float("nan"))
    faces[8] = dataclasses.replace(faces[8], origin="bridged", confidence=SURE)
    faces[14] = at(1015, 440 + 2.1 * JOLT / 100 * SIDE, 200)
    (track,) = followed(faces[::-1])
    assert [face.frame for face in track.faces] == list(range(1001, 1021))
    # The frames beside the one that jumps bend by half as much, which is just above JOLT too.
    assert track.doubts == {"confidence": (1004, 1006), "bridged": (1009,), "jolt": (1014, 1015, 1016)}
    assert track.doubtful == {1004, 1006, 1009, 1014, 1015, 1016}


def test_what_is_usual_for_a_track_is_no_jolt() -> None:
    rng = np.random.default_rng(0)
    shaking = [at(frame, 300 + x, 200 + y) for frame, (x, y) in enumerate(rng.normal(0, 6, (40, 2)))]
    moved = jolts(shaking)
    assert np.nanmedian(moved) > JOLT and "jolt" not in followed(shaking)[0].doubts


def test_tracks_are_told_apart_by_plate_and_number_longest_first() -> None:
    faces = [at(1, 0, 0, track=1), at(1, 0, 0), at(2, 0, 0), at(1, 0, 0, plate="q.%04d.exr")]
    assert [(track.key, len(track.faces)) for track in followed(faces)] == [
        (("p.%04d.exr", 0), 2),
        (("p.%04d.exr", 1), 1),
        (("q.%04d.exr", 0), 1),
    ]
