from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_skin import CENTRE, RADII, degrees_apart, observe, sliding, turning
from understudy.face.geometry import Head
from understudy.imaging.affine import apply
from understudy.tracks.flow import Features, follow
from understudy.tracks.observation import Observed, look_matrix


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    return turning(14, -10, 25)


@pytest.fixture(scope="module")
def observed(heads: list[Head]) -> list[Observed]:
    return observe(heads)


def errors(features: Features, heads: list[Head]) -> np.ndarray:
    """Pixels between where points were seen and where the painted skin truly is on that frame, (M,)."""
    true = np.array(
        [heads[t].project(features.places[p][None])[0] for p, t in zip(features.point, features.time, strict=True)]
    )
    return np.linalg.norm(features.seen - true, axis=1)


def test_points_of_a_face_that_moves_and_tilts_are_followed_to_a_tenth_of_a_pixel() -> None:
    heads = sliding(14)
    features = follow(observe(heads), heads)
    assert len(features.places) > 80
    assert (((features.places - CENTRE) / RADII) ** 2).sum(1) == pytest.approx(1)
    off = errors(features, heads)
    assert np.median(off) < 0.07
    assert np.quantile(off, 0.9) < 0.2


def test_points_of_a_face_that_turns_are_followed_to_a_third_of_a_pixel(heads, observed) -> None:
    off = errors(follow(observed, heads), heads)
    assert len(off) > 2000
    assert np.sqrt((off**2).mean()) < 0.35


def test_it_is_the_pixels_that_tell_and_not_the_expected_place() -> None:
    heads = sliding(5)  # one key
    shift = np.array((3, -2))
    wrong = heads[:1] + [replace(head, offset=head.offset + shift, scale=1.01 * head.scale) for head in heads[1:]]
    off = errors(follow(observe(heads), wrong), heads)
    assert len(off) > 200
    assert np.median(off) < 0.07
    assert np.quantile(off, 0.9) < 0.2


def test_what_a_hand_covers_is_not_seen_there(heads, observed) -> None:
    covered = []
    for time, one in enumerate(observed):
        if not 5 <= time <= 8:
            covered.append(one)
            continue
        look = one.look.copy()
        look[:, :160] = np.random.default_rng(time).integers(0, 255, (320, 160))  # the left half
        covered.append(replace(one, look=look))
    features = follow(covered, heads)
    for time in range(14):
        at = apply(look_matrix(observed[time].box), features.seen[features.time == time])
        left = (at[:, 0] < 150).sum()
        assert left == 0 if 5 <= time <= 8 else left > 5
    assert np.sqrt((errors(features, heads) ** 2).mean()) < 0.35


def test_frames_without_a_picture_are_leapt_over_and_nobody_gives_no_points(heads, observed) -> None:
    some = [replace(one, look=None) if time in (3, 4) else one for time, one in enumerate(observed)]
    features = follow(some, heads)
    assert set(features.time.tolist()) == set(range(14)) - {3, 4}
    before = set(features.point[features.time == 2].tolist())
    assert before & set(features.point[features.time == 6].tolist())
    nothing = follow([replace(one, look=None) for one in observed], heads)
    assert (nothing.places.shape, nothing.seen.shape) == ((0, 3), (0, 2))
    flat = follow([replace(one, look=np.full((320, 320), 90, np.uint8)) for one in observed], heads)
    assert len(flat.point) == 0


def test_every_point_is_numbered_seen_thrice_and_once_a_frame(heads, observed) -> None:
    features = follow(observed, heads)
    assert np.bincount(features.point, minlength=len(features.places)).min() >= 3
    assert len({*zip(features.point.tolist(), features.time.tolist(), strict=True)}) == len(features.point)
    assert features.rays.shape == features.places.shape


def test_keys_follow_the_turn_and_points_are_not_looked_for_beyond_their_turn() -> None:
    heads = turning(12, 0, 66)  # 6 degrees a frame
    features = follow(observe(heads), heads)
    for point in range(len(features.places)):
        times = features.time[features.point == point]
        assert degrees_apart(heads[times.min()], heads[times.max()]) < 2 * 28
    # Each frame has points, though none that was taken on the first is seen on the last.
    assert np.bincount(features.time, minlength=12).min() > 10
    assert not set(features.point[features.time == 0].tolist()) & set(features.point[features.time == 11].tolist())


def test_lids_and_lips_are_left_out(heads, observed) -> None:
    features = follow(observed, heads)
    eyes = np.array([(-0.265, -0.31), (0.265, -0.31)])
    for eye in eyes:
        assert np.linalg.norm(features.places[:, :2] - eye, axis=1).min() > 0.05
    mouth = (np.abs(features.places[:, 0]) < 0.25) & (np.abs(features.places[:, 1] - 0.33) < 0.1)
    assert not (mouth & (features.places[:, 2] < 0.3)).any()


def test_a_light_that_jumps_does_not_lose_the_face(heads, observed) -> None:
    dark = [
        replace(one, look=cv2.convertScaleAbs(one.look, alpha=0.3)) if time == 6 else one
        for time, one in enumerate(observed)
    ]
    features = follow(dark, heads)
    assert (features.time == 6).sum() > 0.5 * (features.time == 5).sum()
    assert np.sqrt((errors(features, heads)[features.time == 6] ** 2).mean()) < 0.7


def test_a_face_that_turns_out_of_the_light_is_followed_into_its_shadow(heads, observed) -> None:
    x = np.arange(320)[None, :]
    light = np.where(x < 160, 1.0, 0.15)  # stays where it is while the face turns through it
    shaded = [replace(one, look=np.rint(one.look * light).astype(np.uint8)) for one in observed]
    features = follow(shaded, heads)
    at = [apply(look_matrix(observed[t].box), features.seen[features.time == t])[:, 0] for t in range(14)]
    assert min((x > 175).sum() for x in at) > 5
    assert np.median(errors(features, heads)) < 0.35
