from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift
from understudy.review.detail import DETAIL, EDGES, DetailMeasures, correlation, measure_detail

SIZE = 130.0


@pytest.fixture
def picture() -> np.ndarray:
    rough = np.random.default_rng(6).random((160, 150, 3))
    return (0.5 + gaussian_filter(rough - 0.5, (1.5, 1.5, 0)) * 2).astype(np.float32)


@pytest.fixture
def mask() -> np.ndarray:
    inside = np.zeros((160, 150), np.float32)
    inside[30:130, 25:125] = 1
    return inside


def above(grey: np.ndarray) -> np.ndarray:
    return grey - gaussian_filter(grey, DETAIL * SIZE, mode="mirror")


def edges(grey: np.ndarray) -> list[np.ndarray]:
    return np.gradient(gaussian_filter(grey, EDGES * SIZE, mode="mirror"))


def test_a_perfect_picture_has_the_same_detail(picture: np.ndarray, mask: np.ndarray) -> None:
    found = measure_detail(picture, picture, mask, SIZE)
    assert (found.detail_correlation, found.gradient_correlation, found.sharpness_ratio) == pytest.approx((1, 1, 1))


def test_a_blurred_picture_is_softer_as_scipy_and_numpy_say(picture: np.ndarray, mask: np.ndarray) -> None:
    blurred = gaussian_filter(picture, (2, 2, 0))
    found = measure_detail(blurred, picture, mask, SIZE)
    inside = mask > 0
    greys = [one.mean(axis=2, dtype=np.float64) for one in (blurred, picture)]
    own, true = (above(grey)[inside] for grey in greys)
    slopes = [np.concatenate([slope[inside] for slope in edges(grey)]) for grey in greys]
    assert found.sharpness_ratio == pytest.approx(own.std() / true.std(), abs=2e-3)
    assert found.detail_correlation == pytest.approx(np.corrcoef(own, true)[0, 1], abs=2e-3)
    assert found.gradient_correlation == pytest.approx(np.corrcoef(*slopes)[0, 1], abs=2e-3)
    assert found.sharpness_ratio < 0.5
    assert found.detail_correlation > 0.5


def test_a_shifted_picture_is_as_sharp_but_has_its_detail_elsewhere(picture: np.ndarray, mask: np.ndarray) -> None:
    found = measure_detail(shift(picture, (0, 4, 0), order=1, mode="nearest"), picture, mask, SIZE)
    assert found.sharpness_ratio == pytest.approx(1, abs=0.05)
    assert found.detail_correlation is not None and found.detail_correlation < 0.2
    assert found.gradient_correlation is not None and found.gradient_correlation < 0.5


def test_more_contrast_is_sharper_and_the_same_detail(picture: np.ndarray, mask: np.ndarray) -> None:
    found = measure_detail(picture * 2, picture, mask, SIZE)
    assert (found.detail_correlation, found.gradient_correlation, found.sharpness_ratio) == pytest.approx((1, 1, 2))


def test_another_tone_changes_nothing(picture: np.ndarray, mask: np.ndarray) -> None:
    found = measure_detail(picture + np.float32(0.1), picture, mask, SIZE)
    assert (found.detail_correlation, found.gradient_correlation, found.sharpness_ratio) == pytest.approx(
        (1, 1, 1), abs=1e-4
    )


def test_a_face_twice_as_large_in_pixels_has_the_same_figures(picture: np.ndarray, mask: np.ndarray) -> None:
    a, b = picture, np.roll(picture, 1, axis=1)
    small = measure_detail(a, b, mask, SIZE)
    large = [cv2.resize(one, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for one in (a, b, mask)]
    found = measure_detail(large[0], large[1], np.clip(large[2], 0, 1), 2 * SIZE)
    assert found.detail_correlation == pytest.approx(small.detail_correlation, abs=0.03)
    assert found.gradient_correlation == pytest.approx(small.gradient_correlation, abs=0.03)


def test_a_soft_mask_weights_as_numpy_does() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.random((2, 30, 30), np.float32)
    weights = rng.integers(0, 4, (30, 30))
    repeated = [np.repeat(one.ravel(), weights.ravel()) for one in (a, b)]
    found = correlation(a, b, weights.astype(np.float32) / 3)
    assert found == pytest.approx(np.corrcoef(*repeated)[0, 1], abs=1e-5)


def test_a_flat_picture_has_no_detail_to_compare(picture: np.ndarray, mask: np.ndarray) -> None:
    flat = np.full_like(picture, 0.5)
    assert measure_detail(flat, picture, mask, SIZE).detail_correlation is None
    assert measure_detail(flat, picture, mask, SIZE).sharpness_ratio == pytest.approx(0, abs=1e-4)
    assert measure_detail(picture, flat, mask, SIZE) == DetailMeasures(None, None, None)
    assert measure_detail(picture, picture, np.zeros_like(mask), 0.0) == DetailMeasures(None, None, None)
