from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import understudy
from understudy.bench.extraction import tracks
from understudy.bench.extraction.tracks import compare, measure_shots, measure_still
from understudy.events import Events
from understudy.review.truth import read_truth
from understudy.tracks.track import Followed

SAMPLE = Path(understudy.__file__).parent / "sample"
TRUTH = read_truth(SAMPLE / "plate.truth.json")


def followed(shift: float = 0.0, wobble: float = 0.0) -> list[Followed]:
    """The true faces, ``shift`` pixels too far to the right; raw landmarks to and fro by ``wobble`` as well."""
    faces = []
    for index, true in enumerate(TRUTH):
        marks = (true.landmarks + np.array((shift, 0))).astype(np.float32)
        head = replace(true.head, offset=true.head.offset + np.array((shift, 0)))
        raw = None if index % 6 == 5 else marks + np.float32((-1) ** index * wobble)
        faces.append(Followed(true.frame, np.zeros(4, np.float32), head, marks, marks, raw, 0.5, "seen"))
    return faces


def test_the_truth_has_no_error_and_is_steady():
    told = compare(followed(wobble=2), TRUTH)
    assert (told["frames"], told["faces"], told["lag"], told["confidence_rank"]) == (24, 24, 0, None)
    assert sum(one["frames"] for one in told["error"].values()) == 24
    assert sum(one["landmarked"] for one in told["error"].values()) == 20
    assert all(one["final"] < 0.001 and one["raw"] > 0.5 for one in told["error"].values())
    assert told["jitter"]["final"] == pytest.approx(0, abs=1e-6)
    assert told["jitter"]["raw"] > 1 and told["jitter"]["ratio"] == pytest.approx(0, abs=1e-6)
    assert told["scale_spread"] == pytest.approx(0, abs=1e-6)


def test_a_shift_is_an_error_of_its_size_and_frames_without_a_face_are_told():
    told = compare(followed(shift=3)[:-4], TRUTH)
    assert (told["frames"], told["faces"]) == (24, 20)
    for one in told["error"].values():
        expected = [3 / (true.head.scale * 0.72) * 100 for true in TRUTH]
        assert min(expected) < one["refined"] < max(expected)


@pytest.mark.slow
def test_the_solve_beats_raw_landmarks_and_grain(monkeypatch):
    pytest.importorskip("mediapipe")
    monkeypatch.setattr(tracks, "_landmarkers", lambda: ["mediapipe"])
    monkeypatch.setattr(tracks, "STILL_FRAMES", 12)
    told = measure_shots(SAMPLE, Events())["plate"]["mediapipe"]
    assert told["faces"] == 24  # the profiles and those behind the hand, too
    for one in told["error"].values():
        assert one["refined"] < one["raw"]
    assert told["error"]["60-90"]["refined"] < 2 * told["error"]["0-30"]["refined"]
    assert told["jitter"]["ratio"] < 1 / 3
    assert told["corners"]["ratio"] < 1
    assert told["lag"] == 0
    assert told["confidence_rank"] > 0.5
    assert told["scale_spread"] < 5
    still = measure_still(SAMPLE, Events())
    assert still["jitter"]["raw"] > 0.02
    assert still["jitter"]["ratio"] < 1 / 3
