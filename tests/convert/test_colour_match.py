from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from understudy.convert.colour_match import Method, adjusted, mixed, pixels_under, solve, unchanged

METHODS = [method for method in get_args(Method) if method != "none"]
BOTH = pytest.mark.parametrize("space", ["log", "linear"])
LUMA = np.array([0.27, 0.67, 0.06])


def skin(seed: int, count: int = 3000, light=(0.35, 0.22, 0.16)) -> np.ndarray:
    """Scene-linear skin under a ``light``: bright and dark, with a little of its own colour here and there."""
    random = np.random.default_rng(seed)
    brightness = np.exp(random.normal(0, 0.4, (count, 1)))
    return (brightness * np.exp(random.normal(0, 0.06, (count, 3))) * light).astype(np.float32)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference, relative to the brightness."""
    return float((np.abs(one - other) / (np.abs(other) + 0.02)).max())


@BOTH
@pytest.mark.parametrize("method", METHODS)
def test_another_light_on_the_same_face_is_undone(method, space):
    plate = skin(1)
    painted = plate * np.float32([2.2, 1.6, 0.9])
    found = solve(method, space, painted, plate, 3)
    before, after = (np.abs(np.log(one / plate)).mean() for one in (painted, found(painted)))
    assert after < 0.12 * before


@pytest.mark.parametrize("method", ["linear", "monge-kantorovich", "histogram"])
def test_gains_of_the_channels_are_undone_exactly_in_linear_light(method):
    """Gains are a linear map, which is its own optimum, and keep the order of each channel."""
    plate = skin(1)
    painted = plate * np.float32([1.2, 1.1, 0.9])
    found = solve(method, "linear", painted, plate, 3)(painted)
    assert np.median(np.abs(found / plate - 1)) < 0.006


@BOTH
@pytest.mark.parametrize("method", METHODS)
def test_the_exposure_of_either_face_does_not_matter(method, space):
    painted, plate = skin(1, 500, (0.5, 0.2, 0.1)), skin(2, 500)
    found = solve(method, space, painted, plate, 3)(painted)
    night = solve(method, space, painted * np.float32(8), plate / np.float32(16), 3)(painted * np.float32(8))
    np.testing.assert_allclose(night * 16, found, rtol=2e-3, atol=1e-4)


@BOTH
@pytest.mark.parametrize("method", METHODS)
def test_highlights_and_negatives_stay_in_proportion_and_finite(method, space):
    found = solve(method, space, skin(1), skin(2, light=(0.2, 0.25, 0.4)), 3)
    steps = np.float32([1e-3, 0.01, 0.1, 0.3, 1, 4, 16, 64, 1024])
    greys = found(np.repeat(steps[:, None], 3, 1))
    assert np.isfinite(greys).all()
    assert np.all(np.diff(greys.mean(1)) > 0)  # brighter stays brighter
    gain = greys[-3:] / steps[-3:, None]
    np.testing.assert_allclose(gain, np.broadcast_to(gain[-1], gain.shape), rtol=0.02)
    assert gain.min() > 1 / 8 and gain.max() < 8
    strange = found(np.float32([[-0.1, -0.1, -0.1], [0, 0, 0], [65504, -1, 0.2], [-65504, 0, 0]]))
    assert np.isfinite(strange).all() and np.abs(strange[:2]).max() < 1
    broken = found(np.float32([[0.3, 0.2, 0.1], [np.nan] * 3, [np.inf] * 3]))
    assert not np.isfinite(broken[1:]).any()
    np.testing.assert_allclose(broken[:1], found(np.float32([[0.3, 0.2, 0.1]])), rtol=1e-6)


@BOTH
@pytest.mark.parametrize("method", METHODS)
def test_shadows_do_not_fall_below_the_plates(method, space):
    """A larger spread about a mean would make nostrils negative."""
    painted = np.concatenate([skin(1) ** 0.5, np.full((30, 3), 0.03, np.float32)])  # flat light, and a few dark spots
    plate = skin(2)
    found = solve(method, space, painted, plate, 3)(painted)
    assert np.all(found.min(0) > 0.9 * np.quantile(plate, 0.001, axis=0))


@BOTH
@pytest.mark.parametrize("method", METHODS)
def test_few_samples_flat_ones_and_none_are_no_trouble(method, space):
    plate = skin(2)
    for painted in (plate[:1] * 2, plate[:3] * 2, np.full((200, 3), 0.4, np.float32), np.zeros((200, 3), np.float32)):
        result = solve(method, space, painted, plate, 3)(skin(1, 50))
        assert np.isfinite(result).all() and np.abs(result).max() < 3000
    nothing = np.zeros((0, 3), np.float32)
    assert solve(method, space, nothing, plate, 3) is unchanged
    assert solve(method, space, plate, nothing, 3) is unchanged


@BOTH
@pytest.mark.parametrize("method", METHODS)
def test_samples_that_are_not_finite_do_not_count_and_their_order_neither(method, space):
    painted, plate = skin(1, 800, (0.5, 0.2, 0.1)), skin(2, 900)
    found = solve(method, space, painted, plate, 3)(painted)
    random = np.random.default_rng(0)
    broken = np.concatenate([plate, np.float32([[np.nan, 1, 1], [np.inf, 0, 0]])])
    np.testing.assert_allclose(
        solve(method, space, random.permutation(painted), random.permutation(broken), 3)(painted), found, rtol=1e-4
    )
    np.testing.assert_array_equal(solve(method, space, painted, plate, 3)(painted), found)


def test_a_map_takes_pictures_of_any_shape_and_leaves_its_input_alone():
    picture = skin(1, 600).reshape(20, 30, 3)
    kept = picture.copy()
    found = solve("monge-kantorovich", "log", skin(1), skin(2, light=(0.2, 0.3, 0.4)), 0)
    result = found(picture)
    assert result.shape == picture.shape and result.dtype == np.float32
    np.testing.assert_array_equal(picture, kept)
    np.testing.assert_allclose(result[3], found(picture[3]), rtol=1e-5)


def test_none_changes_nothing():
    assert solve("none", "log", skin(1), skin(2), 0)(skin(3)[:5]) == pytest.approx(skin(3)[:5], abs=0)


def test_pixels_outside_the_matte_are_in_no_statistic():
    painted, plate = skin(1, 900, (0.5, 0.2, 0.1)).reshape(30, 30, 3), skin(2, 900).reshape(30, 30, 3)
    matte = np.zeros((30, 30), np.float32)
    matte[5:25, 8:22] = 1
    plate[7, 9] = np.nan
    kept = pixels_under(painted, plate, matte)
    assert [one.shape for one in kept] == [(279, 3), (279, 3)]
    outside = matte[..., None] < 0.5
    for filling in (0.0, 90.0):  # the peers' black surroundings, and bright ones
        others = pixels_under(np.where(outside, filling, painted), np.where(outside, filling, plate), matte)
        for one, other in zip(kept, others, strict=True):
            np.testing.assert_array_equal(one, other)
    expected = np.isfinite(plate).all(-1) & (matte > 0)
    np.testing.assert_allclose(kept[1].mean(0), plate[expected].mean(0), rtol=1e-5)
    np.testing.assert_allclose(kept[1].std(0), plate[expected].std(0), rtol=1e-5)


def test_a_large_face_gives_a_bounded_number_of_pixels_from_all_of_it():
    picture = np.repeat(np.linspace(0, 1, 300 * 300, dtype=np.float32).reshape(300, 300, 1), 3, 2)
    painted, plate = pixels_under(picture, picture, np.ones((300, 300), np.float32), 1000)
    assert len(painted) == len(plate) == 1000
    np.testing.assert_allclose(np.quantile(painted, [0, 0.25, 0.5, 1]), [0, 0.25, 0.5, 1], atol=2e-3)
    assert len(pixels_under(picture, picture, np.zeros((300, 300), np.float32))[0]) == 0


def test_mixing_goes_in_equal_steps_of_stops():
    before, after = np.full((2, 3), 4.0, np.float32), np.full((2, 3), 16.0, np.float32)
    assert mixed(before, after, 0) is before and mixed(before, after, 1) is after
    np.testing.assert_allclose(mixed(before, after, 0.5), 8.0, rtol=0.01)  # the curve is a logarithm up there
    through = mixed(np.float32([[-1, 0, 1]]), np.float32([[1, 0, -1]]), 0.5)
    np.testing.assert_allclose(through, 0, atol=1e-6)


@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_chroma_alone_keeps_the_luminance_of_the_prediction(strength):
    before, after = skin(1), skin(2, light=(0.2, 0.6, 0.9))
    result = adjusted(before, after, strength=strength, part="chroma", luma=LUMA)
    assert apart(result @ LUMA, before @ LUMA) < (1e-4 if strength == 1 else 0.1)
    if strength == 1:
        np.testing.assert_allclose(chromaticity(result), chromaticity(after), atol=0.01)


def test_exposure_alone_keeps_the_chromaticity_of_the_prediction():
    before, after = skin(1), skin(2, light=(0.2, 0.6, 0.9))
    result = adjusted(before, after, strength=1.0, part="exposure", luma=LUMA)
    assert apart(result @ LUMA, after @ LUMA) < 1e-4
    np.testing.assert_allclose(chromaticity(result), chromaticity(before), atol=0.01)


def chromaticity(pixels: np.ndarray) -> np.ndarray:
    return pixels / pixels.sum(-1, keepdims=True)


@pytest.mark.parametrize("part", ["all", "chroma", "exposure"])
def test_parts_are_safe_where_there_is_no_light(part):
    strange = np.float32([[0, 0, 0], [-0.1, -0.2, -0.05], [1e-7, 0, 0], [0.3, -0.1, -0.05], [64, 200, 3], [1e4, 0, 0]])
    before, after = (side.reshape(-1, 3) for side in np.broadcast_arrays(strange[:, None], strange[None]))
    result = adjusted(before, after, strength=1.0, part=part, luma=LUMA)
    assert np.isfinite(result).all() and np.abs(result).max() < 2e5
    wanted = {"all": after, "exposure": after, "chroma": before}[part]
    np.testing.assert_allclose(result @ LUMA, wanted @ LUMA, rtol=1e-4, atol=0.05)
    close = adjusted(before + np.float32(1e-6), after, strength=1.0, part=part, luma=LUMA)
    np.testing.assert_allclose(close, result, rtol=0.02, atol=0.02)  # no jump about zero


def test_all_of_the_match_is_the_match_itself():
    before, after = skin(1, 20), skin(2, 20)
    assert adjusted(before, after, strength=1.0, part="all", luma=LUMA) is after
    assert adjusted(before, after, strength=0.0, part="chroma", luma=LUMA) is before
