from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_skin import CAMERA, box_of, degrees_apart, observe, pixels_apart, turning
from understudy.face.geometry import CENTRE_DEPTH, HEAD_68, fit_head
from understudy.tracks.solve import solve

COUNT = 20
PROFILE = range(14, COUNT)  # no landmarks there
EYES = 0.72  # mean-face units
MIDDLE = np.array([[0.0, 0.0, CENTRE_DEPTH]])


@pytest.fixture(scope="module")
def heads():
    return turning(COUNT, -10, 75)


@pytest.fixture(scope="module")
def observed(heads):
    return observe(heads, noise=1.5, unmarked=PROFILE)


@pytest.fixture(scope="module")
def track(observed):
    return solve(4, observed, HEAD_68, CAMERA, 0.5)


def error(points, head) -> float:
    """Mean distance from the true landmarks, percent of the eye distance."""
    return float(np.linalg.norm(points - head.project(HEAD_68), axis=1).mean() / head.scale / EYES * 100)


def test_everything_is_kept_for_every_frame(track, observed) -> None:
    assert (track.number, list(track.frames)) == (4, [1001 + time for time in range(COUNT)])
    for one, seen in zip(track.frames.values(), observed, strict=True):
        assert one.raw is seen.landmarks
        assert one.landmarks.shape == one.refined.shape == (68, 2)
        assert one.landmarks.dtype == one.refined.dtype == one.box.dtype == np.float32
        assert one.head.camera == CAMERA
        assert 0 <= one.confidence <= 1
        assert np.array_equal(one.box, seen.box)
    assert {time for time in range(COUNT) if track.frames[1001 + time].raw is None} == set(PROFILE)
    assert track.frames[1001].origin == "seen"
    assert track.frames[1020].origin == "followed"


def test_refined_landmarks_beat_the_raw_ones_and_hold_on_the_profile(track, heads) -> None:
    faces = list(track.frames.values())
    raw = [error(one.raw, head) for one, head in zip(faces, heads, strict=True) if one.raw is not None]
    refined = [error(one.refined, head) for one, head in zip(faces, heads, strict=True)]
    assert np.mean(refined[:14]) < 0.7 * np.mean(raw)
    assert max(refined[14:]) < 2 * np.mean(raw)
    for one, head in zip(faces, heads, strict=True):
        assert degrees_apart(one.head, head) < 3
        assert pixels_apart(one.head, head) < 2


def test_a_crops_middle_jitters_a_third_of_what_raw_landmarks_do(track, heads) -> None:
    def jitter(fits) -> float:
        off = [fit.project(MIDDLE)[0] - head.project(MIDDLE)[0] for fit, head in zip(fits, heads, strict=False)]
        return float(np.linalg.norm(np.diff(off, axis=0), axis=1).mean())

    marked = list(track.frames.values())[:14]
    assert jitter([one.head for one in marked]) < jitter([fit_head(one.raw) for one in marked]) / 3


def test_confidence_falls_where_less_is_known(heads) -> None:
    absent = [8, 9]
    track = solve(0, observe(heads, noise=1.5, unmarked=PROFILE, absent=absent), HEAD_68, CAMERA, 0.5)
    sure = [track.frames[1001 + time].confidence for time in range(8)]
    followed = [track.frames[1001 + time].confidence for time in PROFILE]
    bridged = [track.frames[1001 + time].confidence for time in absent]
    assert max(bridged) < min(followed) <= max(followed) < min(sure)
    assert [track.frames[1001 + time].origin for time in absent] == ["bridged", "bridged"]
    for time in absent:
        assert pixels_apart(track.frames[1001 + time].head, heads[time]) < 2
        assert track.frames[1001 + time].box == pytest.approx(box_of(heads[time]), abs=6)


def test_a_frame_whose_landmarks_are_anothers_is_corrected_by_the_pixels_and_told(observed, track, heads) -> None:
    shifted = list(observed)
    shifted[6] = replace(shifted[6], landmarks=shifted[6].landmarks + np.float32((25, -12)))
    found = solve(0, shifted, HEAD_68, CAMERA, 0.5)
    assert error(shifted[6].landmarks, heads[6]) > 30
    assert pixels_apart(found.frames[1007].head, heads[6]) < 4
    assert found.frames[1007].confidence < 0.8 * track.frames[1007].confidence
    for time in (4, 5, 7, 8):
        assert pixels_apart(found.frames[1001 + time].head, track.frames[1001 + time].head) < 1


def test_landmarks_that_fit_no_head_are_not_believed(observed, heads) -> None:
    scrambled = list(observed)
    random = np.random.default_rng(8)
    scrambled[6] = replace(
        scrambled[6], landmarks=(scrambled[6].landmarks + random.normal(0, 25, (68, 2))).astype(np.float32)
    )
    found = solve(0, scrambled, HEAD_68, CAMERA, 0.5).frames[1007]
    assert found.raw is scrambled[6].landmarks
    assert found.origin == "followed"
    assert pixels_apart(found.head, heads[6]) < 3


def test_smoothing_is_for_the_final_values_only(observed, track) -> None:
    off, strong = (solve(0, observed, HEAD_68, CAMERA, strength) for strength in (0.0, 4.0))
    for frame, one in off.frames.items():
        assert np.array_equal(one.refined, track.frames[frame].refined)
        assert np.array_equal(one.refined, strong.frames[frame].refined)
        assert one.landmarks == pytest.approx(one.refined, abs=1e-3)

    def bend(solved) -> float:
        return float(np.abs(np.diff([one.head.offset for one in solved.frames.values()], n=2, axis=0)).mean())

    assert bend(strong) < bend(off)


def test_the_persons_own_shape_is_the_tracks() -> None:
    heads = turning(COUNT, -40, 40)
    wide = HEAD_68 * (1.0, 1.0, 1.0)
    wide[3:14, 1] += 0.06  # a long chin
    track = solve(0, observe(heads, 0.5, pictures=False, shape=wide), HEAD_68, CAMERA, 0.5)
    assert (track.shape - HEAD_68)[6:11, 1] == pytest.approx(0.05, abs=0.02)


def test_without_camera_landmarks_or_pictures_there_is_still_a_track(heads) -> None:
    bare = observe(heads, noise=1.0, unmarked=range(COUNT), pictures=False)
    track = solve(0, bare, HEAD_68, None, 0.5)
    assert all(degrees_apart(one.head, head) < 12 for one, head in zip(track.frames.values(), heads, strict=True))
    assert all(one.origin == "followed" and one.head.camera is None for one in track.frames.values())
    one = solve(0, bare[:1], HEAD_68, CAMERA, 0.5)
    assert list(one.frames) == [1001]


def test_where_nothing_tells_of_a_head_there_is_no_track(observed) -> None:
    blank = [replace(one, landmarks=None, keypoints=None, look=None, trust=0.0) for one in observed]
    assert solve(0, blank, HEAD_68, CAMERA, 0.5) is None
    together = [replace(one, landmarks=np.full((68, 2), 5, np.float32), trust=1.0) for one in blank]
    assert solve(0, together, HEAD_68, CAMERA, 0.5) is None


def test_the_same_is_solved_twice(observed, track) -> None:
    again = solve(4, observed, HEAD_68, CAMERA, 0.5)
    for frame, one in again.frames.items():
        assert np.array_equal(one.landmarks, track.frames[frame].landmarks)
        assert one.confidence == track.frames[frame].confidence
