from __future__ import annotations

import json
from itertools import pairwise

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from understudy.convert.finish.sharpness import (
    SCALES,
    Sharpness,
    match_sharpness,
    measure_sharpness,
    smooth_over_time,
    softened,
    softer_by,
)
from understudy.stages.demo import SAMPLE


def face(frame: int = 1001) -> tuple[np.ndarray, np.ndarray]:
    """A rendered face (h, w, 3) and a mask of what lies within its landmarks."""
    picture = oiio.ImageBuf(str(SAMPLE / f"plate.{frame}.exr")).get_pixels(oiio.FLOAT)[..., :3]
    records = json.loads((SAMPLE / "plate.truth.json").read_text())["frames"]
    marks = np.array(next(one["landmarks68"] for one in records if one["frame"] == frame), np.float32)
    mask = np.zeros(picture.shape[:2], np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(marks).astype(np.int32), 1.0)
    low, high = marks.min(0).astype(int) - 30, marks.max(0).astype(int) + 30
    part = np.s_[max(low[1], 0) : high[1], max(low[0], 0) : high[0]]
    return np.ascontiguousarray(picture[part]), np.ascontiguousarray(mask[part])


def blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def measured(picture: np.ndarray, mask: np.ndarray) -> Sharpness:
    measure = measure_sharpness(picture, mask)
    assert measure is not None
    return measure


def off(picture: np.ndarray, wanted: np.ndarray, mask: np.ndarray) -> float:
    return float(np.sqrt((((picture - wanted) ** 2) * mask[..., None]).sum() / mask.sum()))


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("frame", [1001, 1016])
def test_a_known_blur_is_measured(frame, sigma):
    picture, mask = face(frame)
    sharp, soft = measured(picture, mask), measured(blurred(picture, sigma), mask)
    assert softer_by(sharp, soft) == pytest.approx(sigma, rel=0.15)
    assert softer_by(soft, sharp) == pytest.approx(-sigma, rel=0.15)
    assert softer_by(sharp, sharp) == 0


def test_neither_grain_nor_contrast_nor_exposure_is_taken_for_sharpness():
    picture, mask = face()
    soft = blurred(picture, 2.0)
    grain = np.random.default_rng(1).standard_normal(soft.shape) * 0.02 * np.sqrt(np.maximum(soft, 0) + 0.01)
    for other in (soft + grain.astype(np.float32), soft * 1.5, 0.1 + soft * 0.5):
        assert softer_by(measured(picture, mask), measured(other, mask)) == pytest.approx(2.0, rel=0.15)


def test_a_sharper_face_gets_the_plates_blur():
    picture, mask = face()
    plate = blurred(picture, 2.0)
    wanted, own = measured(plate, mask), measured(picture, mask)
    matched = match_sharpness(picture, mask, own, wanted, 1.0)
    assert softer_by(own, measured(matched, mask)) == pytest.approx(2.0, rel=0.15)
    assert off(matched, plate, mask) < 0.15 * off(picture, plate, mask)
    half = match_sharpness(picture, mask, own, wanted, 0.5)
    assert softer_by(own, measured(half, mask)) == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("sigma", [1.5, 3.0])
def test_a_softer_face_is_brought_back_towards_the_plates(sigma):
    picture, mask = face()
    swap = blurred(picture, sigma)
    wanted, own = measured(picture, mask), measured(swap, mask)
    matched = match_sharpness(swap, mask, own, wanted, 1.0)
    assert off(matched, picture, mask) < 0.85 * off(swap, picture, mask)
    assert 0 < softer_by(wanted, measured(matched, mask)) < 0.75 * sigma


def test_no_more_is_sharpened_than_was_painted():
    picture, mask = face()
    swap = blurred(picture, 3.0)
    wanted, own = measured(picture, mask), measured(swap, mask)
    held = match_sharpness(swap, mask, own, wanted, 1.0, 1.0)
    np.testing.assert_array_equal(held, softened(swap, mask, -1.0))
    np.testing.assert_array_equal(match_sharpness(swap, mask, own, wanted, 1.0, 0.0), swap)
    # What is softened is not held.
    np.testing.assert_array_equal(
        match_sharpness(picture, mask, wanted, own, 1.0, 0.0), match_sharpness(picture, mask, wanted, own, 1.0)
    )


def test_what_is_as_sharp_as_the_plate_keeps_its_bits():
    picture, mask = face()
    measure = measured(picture, mask)
    assert match_sharpness(picture, mask, measure, measure, 1.0) is picture
    other, theirs = face(1002)  # the same person a moment later
    np.testing.assert_array_equal(match_sharpness(picture, mask, measure, measured(other, theirs), 1.0), picture)


def test_no_edge_gets_a_halo_and_nothing_outside_changes():
    edge = np.full((60, 80, 3), 0.1, np.float32)
    edge[:, 40:] = 30.0  # a highlight
    edge[:20] -= 0.15  # below zero
    soft = blurred(edge, 2.0)
    matte = np.zeros((60, 80), np.float32)
    matte[:, 30:] = 0.5
    sharp = softened(soft, matte, -2.0)
    np.testing.assert_array_equal(sharp[:, :30], soft[:, :30])
    assert sharp.min() >= soft.min() - 1e-5 and sharp.max() <= soft.max() + 1e-3
    steepest = np.abs(np.diff(np.log(np.maximum(sharp[40, :, 1], 1e-3)))).max()
    assert steepest > 1.3 * np.abs(np.diff(np.log(np.maximum(soft[40, :, 1], 1e-3)))).max()
    assert np.diff(sharp[40, 32:, 1]).min() > -0.01 * 30


def test_a_little_more_changes_a_little_more():
    picture, mask = face()
    pictures = [softened(picture, mask, sigma) for sigma in (-0.02, 0.0, 0.02, 0.04)]
    for one, next_one in pairwise(pictures):
        assert np.abs(one - next_one).max() < 0.01
    assert softened(picture, mask, 0.0) is picture


def test_twice_as_large_a_picture_is_half_as_sharp():
    picture, mask = face()
    soft = blurred(picture, 1.5)
    size = soft.shape[1] * 2, soft.shape[0] * 2
    large, on = (cv2.resize(what, size, interpolation=cv2.INTER_CUBIC) for what in (soft, mask))
    assert abs(softer_by(measured(large, on), measured(soft, mask).in_pixels(2.0))) < 0.8


def test_of_too_small_a_face_nothing_is_said():
    picture, mask = face()
    assert measure_sharpness(picture, mask * 0) is None


def test_over_time_a_flicker_goes_and_a_focus_pull_stays():
    ramp = {frame: np.linspace(-6, -9, len(SCALES)) - 0.05 * (frame - 1001) for frame in range(1001, 1031)}
    noisy = dict(ramp)
    rng = np.random.default_rng(2)
    for frame in noisy:
        noisy[frame] = ramp[frame] + rng.normal(0, 0.1)
    del noisy[1010]  # a frame without a face
    smooth = smooth_over_time({frame: Sharpness(tuple(curve)) for frame, curve in noisy.items()})
    assert smooth.keys() == noisy.keys()
    error, before = (np.std([table[f][0] - ramp[f][0] for f in noisy]) for table in (curves(smooth), noisy))
    assert error < 0.6 * before
    straight = smooth_over_time({frame: Sharpness(tuple(curve)) for frame, curve in ramp.items()})
    np.testing.assert_allclose(list(curves(straight).values()), list(ramp.values()), atol=1e-6)
    assert smooth_over_time({}) == {}


def curves(measures: dict[int, Sharpness]) -> dict[int, np.ndarray]:
    return {frame: np.array(measure.curve) for frame, measure in measures.items()}


def test_a_smear_that_is_still_to_come_does_not_count_twice():
    """Swap and plate are the same face, the plate filmed in motion: with the smear foretold nothing is left to match."""
    picture, mask = face()
    smear = np.ones((1, 17), np.float32) / 17
    filmed = np.asarray(cv2.filter2D(picture, -1, smear, borderType=cv2.BORDER_REPLICATE), np.float32)
    own, wanted = measured(picture, mask), measured(filmed, mask)
    assert softer_by(own, wanted) > 0.4
    assert abs(softer_by(own.changed_as(measured(picture, mask), measured(filmed, mask)), wanted)) < 0.1
    assert own.changed_as(None, wanted) == own
