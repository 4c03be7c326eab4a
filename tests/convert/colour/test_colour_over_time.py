from __future__ import annotations

import numpy as np
import pytest
from understudy.convert.colour.colour_over_time import MatchOverTime


def faces(lights: dict[int, float], count: int = 300) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """By frame, a painted face that never changes and the plate's, which is ``lights`` times as bright."""
    samples = {}
    for frame, light in lights.items():
        random = np.random.default_rng(frame)
        base = np.exp(random.normal(0, 0.3, (2, count, 1)) + random.normal(0, 0.05, (2, count, 3))) * (0.3, 0.2, 0.15)
        samples[frame] = base[0].astype(np.float32), (base[1] * light).astype(np.float32)
    return samples


PROBE = np.float32([[0.3, 0.2, 0.15], [0.05, 0.04, 0.03], [2.0, 1.5, 1.0]])
SHOT = range(1001, 1049)
DIMMING = {frame: float(2 ** (-(frame - 1001) / 16)) for frame in SHOT}  # three stops over the shot


@pytest.mark.parametrize("method", ["monge-kantorovich", "sliced"])
def test_without_a_window_the_whole_shot_has_one_map(method):
    match = MatchOverTime(faces(DIMMING), method, "log", seed=1, window=0)
    first = match.at(1001)(PROBE)
    assert all(np.array_equal(match.at(frame)(PROBE), first) for frame in (900, 1020, 1048, 5000))


def test_with_a_window_the_map_follows_the_light():
    match = MatchOverTime(faces(DIMMING), "reinhard", "log", seed=1, window=8)
    followed = np.array([match.at(frame)(PROBE)[0] for frame in SHOT])
    wanted = np.array([DIMMING[frame] for frame in SHOT])[:, None] * PROBE[0]
    inner = slice(4, -4)  # at the ends only half a window is there
    assert np.abs(np.log2(followed / wanted))[inner].max() < 0.12
    fixed = MatchOverTime(faces(DIMMING), "reinhard", "log", seed=1, window=0).at(1001)(PROBE)[0]
    assert abs(np.log2(fixed / wanted)).max() > 1


@pytest.mark.parametrize("method", ["reinhard", "idt"])
def test_the_map_goes_smoothly_from_frame_to_frame(method):
    """A step of the light becomes a slope as long as the window, and half frames of it do not jump."""
    stepping = {frame: 1.0 if frame < 1025 else 2.0 for frame in SHOT}
    match = MatchOverTime(faces(stepping), method, "log", seed=1, window=12)
    brightness = np.log2([match.at(frame)(PROBE)[0].mean() for frame in SHOT])
    assert np.abs(np.diff(brightness)).max() < 0.3
    assert brightness[-1] - brightness[0] == pytest.approx(1, abs=0.15)


def test_a_frame_alone_has_the_map_that_it_has_in_the_range():
    samples = faces(DIMMING)
    together = MatchOverTime(samples, "idt", "log", seed=1, window=10)
    everything = {frame: together.at(frame)(PROBE) for frame in SHOT}
    for frame in (1048, 1013, 1001):
        alone = MatchOverTime(dict(reversed(samples.items())), "idt", "log", seed=1, window=10)
        np.testing.assert_array_equal(alone.at(frame)(PROBE), everything[frame])


@pytest.mark.parametrize("window", [1, 3, 9])
def test_a_shot_of_few_samples_takes_the_nearest(window):
    sparse = {frame: DIMMING[frame] for frame in (1001, 1024, 1048)}
    match = MatchOverTime(faces(sparse), "reinhard", "log", seed=1, window=window)
    for frame, light in sparse.items():
        np.testing.assert_allclose(match.at(frame)(PROBE)[0] / PROBE[0], light, rtol=0.1)
    single = MatchOverTime(faces({1010: 2.0}), "reinhard", "log", seed=1, window=window)
    np.testing.assert_array_equal(single.at(1)(PROBE), single.at(2000)(PROBE))
    np.testing.assert_allclose(single.at(1)(PROBE)[0] / PROBE[0], 2, rtol=0.1)


def test_on_a_still_plate_under_grain_the_map_stands_still():
    light = dict.fromkeys(SHOT, 1.0)
    one = MatchOverTime(faces(light), "sliced", "log", seed=1, window=0)
    steps = [one.at(frame)(PROBE) for frame in SHOT]
    assert all(np.array_equal(step, steps[0]) for step in steps)


def test_a_shot_without_faces_is_left_as_it_is():
    for window in (0, 8):
        empty = MatchOverTime({}, "idt", "log", seed=1, window=window)
        assert empty.at(1001)(PROBE) is PROBE


def test_a_long_shot_is_solved_from_a_part_of_its_pixels():
    many = faces(dict.fromkeys(range(40), 2.0), count=4000)
    few = faces(dict.fromkeys(range(40), 2.0), count=1600)
    found, same = (MatchOverTime(one, "linear", "log", seed=1, window=0).at(0)(PROBE) for one in (many, few))
    np.testing.assert_allclose(found, same, rtol=0.1)
    assert not np.array_equal(found, same)
