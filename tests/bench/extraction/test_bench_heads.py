from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import understudy
from understudy.bench.extraction.heads import compare_heads
from understudy.review.truth import TrueFace, read_truth
from understudy.tracks.curves import rotation_of
from understudy.tracks.track import Followed

SAMPLE = Path(understudy.__file__).parent / "sample"
SHARED = Path(__file__).parents[4] / "shared" / "data" / "synthetic" / "full" / "plate.truth.json"
CLOSURE = [1.0 if step in (5, 6, 7) else 0.02 * (step % 5) for step in range(24)]


def performed() -> list[TrueFace]:
    """The sample's true faces, with eyes that blink once and wander to the right."""
    faces = read_truth(SAMPLE / "plate.truth.json")
    told = zip(faces, CLOSURE, strict=True)
    return [
        replace(face, closure=np.full(2, shut), gaze=np.array((step - 8.0, 0.0)))
        for step, (face, shut) in enumerate(told)
    ]


def tracked(truth: list[TrueFace], turn: float = 0.0, lids: float = 1.0) -> list[Followed]:
    """The truth as a track, turned by too much, whose lids follow by ``lids`` of the way."""
    made = []
    for true in truth:
        yaw, pitch, roll = true.head.angles
        head = replace(true.head, rotation=rotation_of(yaw + turn, pitch, roll)) if turn else true.head
        marks = true.landmarks.astype(np.float32)
        trust = np.float32((1, 1) if abs(yaw) < 60 else (0, 0))
        opening = np.float32(0.3 * (1 - lids * true.closure))
        gaze = np.float32((0.008 * true.gaze[0], 0))
        made.append(
            Followed(true.frame, np.zeros(4, np.float32), head, marks, marks, None, 0.5, "seen", opening, trust, gaze)
        )
    return made


def test_the_truth_itself_has_no_error():
    truth = performed()
    told = compare_heads(tracked(truth), truth)
    assert sum(one["frames"] for one in told["heads"].values()) == 24
    for one in told["heads"].values():
        assert one["tracked"] == one["frames"]
        assert [one[what] for what in ("yaw", "most_yaw", "pixels", "most_pixels")] == pytest.approx([0] * 4, abs=1e-9)
    assert told["eyes"]["opening_rank"] == pytest.approx(1)
    assert told["eyes"]["gaze_rank"] == pytest.approx(1)
    assert told["eyes"]["told_apart"] == 1
    assert told["eyes"]["shut"] == pytest.approx(0, abs=0.01)
    assert told["eyes"]["open"] == pytest.approx(1, abs=0.1)


def test_a_track_that_turns_too_far_and_lids_that_stay_half_open_are_told():
    truth = performed()
    told = compare_heads(tracked(truth, turn=6, lids=0.5)[:-5], truth)
    assert sum(one["tracked"] for one in told["heads"].values()) == 19
    for one in told["heads"].values():
        assert one["yaw"] == pytest.approx(6, abs=0.01) and one["most_yaw"] == pytest.approx(6, abs=0.01)
        assert 2 < one["pixels"] <= one["most_pixels"] < 12
    assert told["eyes"]["shut"] == pytest.approx(0.5, abs=0.02)


def test_a_truth_that_does_not_tell_of_eyes_has_no_figures_of_them():
    truth = read_truth(SAMPLE / "plate.truth.json")
    assert all(face.closure is None and face.gaze is None for face in truth)
    assert compare_heads(tracked(performed()), truth)["eyes"] is None


@pytest.mark.skipif(not SHARED.is_file(), reason="the synthetic people (../shared/data/synthetic) are not here")
def test_the_performance_of_a_rendered_shot_is_read():
    truth = read_truth(SHARED)
    shut = [face.frame for face in truth if face.closure is not None and face.closure.max() > 0.6]
    assert shut == [1006, 1007, 1008, 1024]
    assert all(face.gaze is not None and np.abs(face.gaze).max() < 45 for face in truth)
