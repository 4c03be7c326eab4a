from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_people import describe, stand
from understudy.face.geometry import HEAD_68
from understudy.faceset.record import Face
from understudy.review.faceset.expressions import expression_gaps


def seen(
    frame: int, eyes: float = 0.3, mouth: float = 0.0, gaze: tuple[float, float] = (0.0, 0.0), yaw: float = 0.0
) -> Face:
    points = (32 + 10 * HEAD_68[:, :2]).astype(np.float32)
    return dataclasses.replace(
        describe(points, frame, "p", "whole", 64),
        head=stand(32, 32, 10, yaw),
        eye_opening=np.full(2, eyes, np.float32),
        eye_trust=np.ones(2, np.float32),
        gaze=np.array(gaze, np.float32),
        mouth_opening=mouth,
    )


def still(count: int = 9, **channels: float) -> list[Face]:
    return [seen(frame, **channels) for frame in range(1, 1 + count)]


def told(source: list[Face], target: list[Face]) -> dict[str, tuple[int, ...]]:
    return {gap.what: gap.frames for gap in expression_gaps(source, target)}


def test_each_channel_that_goes_further_is_named_with_its_frames():
    target = still()
    target[2] = seen(3, eyes=0.05)
    target[3] = seen(4, mouth=0.5)
    target[4] = seen(5, mouth=0.4)
    target[5] = seen(6, gaze=(-0.2, 0.0))
    target[6] = seen(7, gaze=(0.0, 0.15))
    assert told(still(), target) == {
        "opens the mouth wider": (4, 5),
        "shuts the eyes further": (3,),
        "looks further to image left with the eyes": (6,),
        "looks further down with the eyes": (7,),
    }
    [mouth] = [gap for gap in expression_gaps(still(), target) if "mouth" in gap.what]
    assert (mouth.farthest, mouth.reached) == (pytest.approx(0.5), 0.0)


def test_a_source_that_goes_as_far_lacks_nothing():
    source = [*still(), seen(20, eyes=0.05, mouth=0.5), seen(21, gaze=(-0.2, 0.15))]
    assert told(source, [*still(), seen(20, eyes=0.07, mouth=0.55), seen(21, gaze=(-0.25, 0.1))]) == {}


def test_eyes_are_measured_by_what_is_usual_with_the_person():
    assert told(still(eyes=0.4), still(eyes=0.2)) == {}, "narrow eyes are no shut ones"


def test_a_turned_face_a_guessed_one_and_one_without_channels_ask_for_nothing():
    hidden = seen(3, mouth=0.6, yaw=70.0)
    guessed = dataclasses.replace(seen(4, mouth=0.6), origin="bridged")
    older = dataclasses.replace(seen(5), eye_opening=None, eye_trust=None, gaze=None, mouth_opening=None)
    assert told(still(), [*still(), hidden, guessed, older]) == {}
    assert told([older], [*still(), seen(20, mouth=0.6)]) == {}


def test_all_that_is_lost_of_a_shut_eye_is_its_iris():
    shut = dataclasses.replace(seen(3, eyes=0.05), gaze=None)
    assert told(still(), [*still(), shut]) == {"shuts the eyes further": (3,)}
