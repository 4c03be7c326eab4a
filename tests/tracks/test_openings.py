from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_skin import CAMERA, observe, turning
from made_tracks import made_track
from understudy.face.geometry import HEAD_68
from understudy.imaging.affine import apply
from understudy.tracks.gaze import IRIS_DEPTH, gazes, measured_gaze, usual_gaze
from understudy.tracks.observation import look_matrix
from understudy.tracks.openings import (
    eye_openings,
    eye_trusts,
    filled,
    lit,
    measured_eyes,
    measured_mouth,
    mouth_openings,
    reopened,
    usual_eyes,
    usual_mouth,
)
from understudy.tracks.solve import solve

LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
LIPS = ((61, 67), (62, 66), (63, 65))
CORNERS = ((36, 39), (42, 45))


def opened(eyes=(0.3, 0.3), mouth=0.2):
    """The mean head with its lids and lips as far apart as is said: gap over width, straight down from the upper one."""
    shape = HEAD_68.copy()
    for eye, opening in enumerate(eyes):
        width = np.linalg.norm(shape[CORNERS[eye][0]] - shape[CORNERS[eye][1]])
        for high, low in LIDS[2 * eye : 2 * eye + 2]:
            shape[low] = shape[high] + (0, opening * width, 0)
    for high, low in LIPS:
        shape[low] = shape[high] + (0, mouth * np.linalg.norm(shape[60] - shape[64]), 0)
    return shape


def seen_as(heads, openings, mouth=0.2):
    """What is observed of somebody whose eyes are open so far, frame by frame (N, 2)."""
    plain = observe(heads, pictures=False)
    return [
        replace(one, landmarks=head.project(opened(eyes, mouth)).astype(np.float32))
        for one, head, eyes in zip(plain, heads, openings, strict=True)
    ]


@pytest.mark.parametrize("yaw", [-40, 0, 25, 50])
@pytest.mark.parametrize("pitch", [-15, 15])
def test_openings_are_measured_on_the_head_however_it_turns(yaw, pitch) -> None:
    head = turning(2, yaw, yaw)[0]
    tilt = np.radians(pitch)
    nod = np.array([(1, 0, 0), (0, np.cos(tilt), -np.sin(tilt)), (0, np.sin(tilt), np.cos(tilt))])
    head = replace(head, rotation=head.rotation @ nod)
    points = head.project(opened((0.31, 0.12), 0.4))
    assert measured_eyes(head, points, HEAD_68) == pytest.approx((0.31, 0.12), rel=0.03)
    assert measured_mouth(head, points, HEAD_68) == pytest.approx(0.4, rel=0.04)


def test_the_far_eye_is_not_believed_and_the_near_one_only_up_to_the_profile() -> None:
    assert eye_trusts(0, 1.0).tolist() == [1, 1]
    assert eye_trusts(50, 1.0).tolist() == [1, 0]  # turned to image right: the right eye is the near one
    assert eye_trusts(-50, 1.0).tolist() == [0, 1]
    assert eye_trusts(85, 1.0).tolist() == [0, 0]
    assert eye_trusts(0, 0.0).tolist() == [0, 0]


def test_a_blink_of_two_frames_stays_as_shut_as_it_was_seen_through_the_whole_solve() -> None:
    heads = turning(20, -10, 20)
    openings = np.full((20, 2), 0.30)
    openings[9:11] = 0.02
    track = solve(0, seen_as(heads, openings), HEAD_68, CAMERA, 1.5)
    told = np.array([one.eye_opening for one in track.frames.values()])
    assert told == pytest.approx(openings, abs=0.02)
    final = [measured_eyes(one.head, one.landmarks, track.shape).mean() for one in track.frames.values()]
    assert final[9] > 3 * told[9].mean()  # the steadied landmarks half open it, which is why there is a channel


def test_a_hidden_eye_opens_as_the_other_does_in_its_own_measure() -> None:
    heads = turning(20, 0, 55)
    openings = np.tile((0.30, 0.24), (20, 1))
    openings[16:] *= 0.2  # beyond 45 degrees
    observed = seen_as(heads, openings)
    observed[17].landmarks[[43, 44, 46, 47]] += np.float32(30)  # what is drawn on the hidden side means nothing
    told, trust = eye_openings(observed, heads, np.ones(20), HEAD_68)
    assert trust[17].tolist() == [1, 0]
    assert told == pytest.approx(openings, abs=0.01)


def test_an_eye_in_the_dark_does_as_the_lit_one() -> None:
    heads = turning(9, -5, 5)
    openings = np.tile((0.30, 0.24), (9, 1))
    openings[4] = (0.03, 0.024)
    blind = [replace(one) for one in seen_as(heads, openings)]
    blind[4].landmarks[42:48] = heads[4].project(opened((0.3, 0.24))[42:48])  # drawn open by habit
    shown = [replace(one, look=_side_lit(one) if 3 <= time <= 5 else None) for time, one in enumerate(blind)]
    assert lit(shown[4]).tolist() == [1, 0]
    assert eye_openings(shown, heads, np.ones(9), HEAD_68)[0] == pytest.approx(openings, abs=0.01)
    assert eye_openings(blind, heads, np.ones(9), HEAD_68)[0][4, 1] == pytest.approx(0.24, abs=0.01)


def _side_lit(one):
    look = np.full((320, 320), 120, np.uint8)
    look[:, int(apply(look_matrix(one.box), one.landmarks[27:28])[0, 0]) :] = 20
    return look


def test_what_nobody_saw_is_filled_and_comes_to_rest_far_from_what_was_seen() -> None:
    values, trust = np.array([[0.0]] * 3 + [[9.0]] * 20), np.array([1.0] * 3 + [0.0] * 20)
    rest = filled(values, trust, np.array([0.3]))[:, 0]
    assert rest[:3].tolist() == [0, 0, 0]
    assert np.all(np.diff(rest[3:]) > 0)
    assert rest[4] < 0.1 and rest[-1] == pytest.approx(0.3, abs=0.01)
    between = filled(np.array([[0.2], [7.0], [0.4]]), np.array([1.0, 0.0, 1.0]), np.array([0.9]))
    assert between[:, 0] == pytest.approx([0.2, 0.3, 0.4])
    assert filled(values, np.zeros(23), np.array([0.3])).tolist() == [[0.3]] * 23


def test_the_mouths_channel_is_not_steadied() -> None:
    heads = turning(12, 0, 10)
    observed = seen_as(heads, np.full((12, 2), 0.3), 0.0)
    observed[6].landmarks[:] = heads[6].project(opened(mouth=0.5))
    told = mouth_openings(observed, heads, np.ones(12), HEAD_68)
    assert told == pytest.approx([0.0] * 6 + [0.5] + [0.0] * 5, abs=0.02)


def test_what_is_usual_is_the_median_of_frontal_frames() -> None:
    faces = list(made_track(0, range(1001, 1012)).frames.values())
    shut = [replace(face, eye_opening=np.float32((0, 0)), mouth_opening=None) for face in faces[:2]]
    assert usual_eyes(faces + shut) == pytest.approx(np.median([f.eye_opening for f in faces + shut], axis=0))
    told = [face.mouth_opening for face in faces if face.mouth_opening is not None]
    assert usual_mouth(faces) == pytest.approx(np.median(told))
    bare = [replace(face, eye_opening=None, mouth_opening=None, gaze=None) for face in faces]
    assert (usual_eyes(bare), usual_mouth(bare), usual_gaze(bare)) == (None, None, None)


def test_lids_that_somebody_moves_open_the_channel_by_as_much() -> None:
    face = made_track(0, [1001]).frames[1001]
    before = face.head.project(opened((0.3, 0.3)))
    changed = reopened(face, face.head, HEAD_68, before, face.head.project(opened((0.05, 0.3), 0.6)))
    assert changed["eye_opening"] == pytest.approx(face.eye_opening - (0.25, 0), abs=0.01)
    assert changed["eye_trust"].tolist() == pytest.approx([1, 0.7])
    assert changed["mouth_opening"] == pytest.approx(face.mouth_opening + 0.4, abs=0.03)
    assert reopened(face, face.head, HEAD_68, before, before) == {}


def irises(head, right, down):
    """A mesh of which only eye corners and irises are placed: off the corners' middle by so many widths of the eye.

    Irises lie before the corners, as eyeballs bulge.
    """
    dense = np.zeros((478, 2))
    for (iris, first, last), (a, b) in zip(((468, 33, 133), (473, 362, 263)), CORNERS, strict=True):
        middle, width = (HEAD_68[a] + HEAD_68[b]) / 2, np.linalg.norm(HEAD_68[a] - HEAD_68[b])
        dense[[first, last, iris]] = head.project(
            np.array([HEAD_68[a], HEAD_68[b], middle + width * np.array((right, down, -IRIS_DEPTH))])
        )
    return dense.astype(np.float32)


@pytest.mark.parametrize("yaw", [-30, 0, 30])
def test_gaze_is_where_the_irises_are_across_the_head(yaw) -> None:
    head = turning(2, yaw, yaw)[0]
    told = measured_gaze(head, irises(head, 0.15, -0.05), HEAD_68)
    assert told == pytest.approx(np.tile((0.15, -0.05), (2, 1)), abs=0.02)


def test_gaze_bridges_a_blink_and_is_none_without_irises() -> None:
    heads = turning(12, 0, 5)
    openings = np.full((12, 2), 0.3)
    openings[5:7] = 0.02
    aim = np.linspace(-0.2, 0.2, 12)
    plain = seen_as(heads, openings)
    observed = [replace(one, dense=irises(head, right, 0)) for one, head, right in zip(plain, heads, aim, strict=True)]
    for shut in (5, 6):
        observed[shut].dense[[468, 473]] += np.float32((15, 9))
    told = gazes(observed, heads, HEAD_68, openings, np.ones((12, 2)))
    assert told[:, 0] == pytest.approx(aim, abs=0.01)
    assert told[:, 1] == pytest.approx(0, abs=0.01)
    assert gazes(plain, heads, HEAD_68, openings, np.ones((12, 2))) is None
