from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from understudy.review.metrics import (
    PictureDifference,
    compare_motion,
    compare_pictures,
    mean,
    measure,
    pooled_mse,
    psnr,
    weighted_mean,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def flat(value: float, side: int = 16) -> np.ndarray:
    return np.full((side, side, 3), value, np.float32)


def everywhere(side: int = 16) -> np.ndarray:
    return np.ones((side, side), np.float32)


def test_psnr_of_a_constant_error_is_its_closed_form() -> None:
    measures = measure(compare_pictures(flat(0.5), flat(0.6)), everywhere())
    assert measures.mse == pytest.approx(0.01, rel=1e-5)
    assert measures.psnr == pytest.approx(20.0, abs=1e-4)
    assert measures.pixels == 256


def test_psnr_agrees_with_scikit_image(rng: np.random.Generator) -> None:
    a, b = rng.random((2, 40, 30, 3), np.float32)
    found = measure(compare_pictures(a, b), np.ones((40, 30), np.float32))
    assert found.psnr == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1.0), abs=1e-4)


def test_equal_pictures_are_perfect(rng: np.random.Generator) -> None:
    a = rng.random((20, 20, 3), np.float32)
    found = measure(compare_pictures(a, a), everywhere(20))
    assert (found.mse, found.psnr, found.de2000) == (0.0, None, 0.0)
    assert found.ssim == pytest.approx(1.0, abs=1e-6)


def test_a_soft_mask_weights_every_mean() -> None:
    a, b = flat(0.5), flat(0.5)
    a[:, 8:] = 0.7  # squared error 0.04 on the right half
    mask = everywhere()
    mask[:, 8:] = 0.25
    found = measure(compare_pictures(a, b), mask)
    assert found.mse == pytest.approx(0.04 * 0.25 / 1.25, rel=1e-5)
    assert found.pixels == 160


def test_what_lies_outside_the_mask_does_not_count(rng: np.random.Generator) -> None:
    a = rng.random((32, 32, 3), np.float32)
    b = a.copy()
    b[:, 20:] = 0
    mask = everywhere(32)
    mask[:, 14:] = 0  # more than a window away from the change
    found = measure(compare_pictures(a, b), mask)
    assert found.mse == 0 and found.de2000 == 0 and found.ssim == pytest.approx(1.0, abs=1e-6)


def test_nothing_inside_the_mask_has_no_figures() -> None:
    found = measure(compare_pictures(flat(0.1), flat(0.2)), np.zeros((16, 16), np.float32))
    assert found == PictureDifference(0.0, None, None, None)
    assert found.psnr is None


def test_structural_similarity_is_that_of_the_paper(rng: np.random.Generator) -> None:
    a = rng.random((48, 40, 3), np.float32)
    b = np.clip(a + rng.normal(0, 0.1, a.shape), 0, 1).astype(np.float32)
    window = cv2.getGaussianKernel(11, 1.5)

    def blur(picture: np.ndarray) -> np.ndarray:
        return cv2.sepFilter2D(picture, -1, window, window)

    x, y = a.astype(np.float64), b.astype(np.float64)
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    inner = np.zeros((48, 40), np.float32)
    inner[6:-6, 6:-6] = 1  # the two treat the border differently
    found = measure(compare_pictures(a, b), inner)
    assert found.ssim == pytest.approx(expected.mean(axis=2)[6:-6, 6:-6].mean(), abs=1e-4)


def test_the_whole_picture_agrees_with_scikit_image(rng: np.random.Generator) -> None:
    a, b = rng.random((2, 40, 30, 3), np.float32)
    maps = compare_pictures(a, b)
    assert maps.ssim is not None
    expected = structural_similarity(
        a, b, channel_axis=2, data_range=1.0, gaussian_weights=True, use_sample_covariance=False
    )
    assert maps.ssim[5:-5, 5:-5].mean() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [(2, 2), (1, 50), (10, 11)])
def test_a_picture_smaller_than_the_window_has_no_structural_similarity(size: tuple[int, int]) -> None:
    a, b = np.zeros((*size, 3), np.float32), np.full((*size, 3), 0.1, np.float32)
    found = measure(compare_pictures(a, b), np.ones(size, np.float32))
    assert found.ssim is None
    assert found.psnr == pytest.approx(20.0, abs=1e-4)


def test_colour_error_of_greys_is_the_closed_form() -> None:
    """For two greys CIEDE2000 is the difference of L* over its weight S_L (Sharma et al. 2005, eq. 19)."""

    def lightness(code: float) -> float:
        linear = ((code + 0.055) / 1.055) ** 2.4
        return 116 * linear ** (1 / 3) - 16

    one, other = lightness(0.5), lightness(0.6)
    middle = ((one + other) / 2 - 50) ** 2
    expected = (other - one) / (1 + 0.015 * middle / math.sqrt(20 + middle))
    found = measure(compare_pictures(flat(0.5), flat(0.6)), everywhere())
    assert found.de2000 == pytest.approx(expected, rel=1e-3)


def test_one_changed_pixel_is_where_the_colour_error_is() -> None:
    a, b = flat(0.5), flat(0.5)
    b[3, 7] = (0.6, 0.5, 0.5)
    de2000 = compare_pictures(a, b).de2000
    assert de2000[3, 7] > 1
    assert np.count_nonzero(de2000) == 1


def test_flicker_is_the_ratio_of_the_changes() -> None:
    found = compare_motion(flat(0.5), flat(0.2), flat(0.5), flat(0.4), everywhere())
    assert found.change_a == pytest.approx(0.3, rel=1e-5)
    assert found.change_b == pytest.approx(0.1, rel=1e-5)
    assert found.flicker == pytest.approx(3.0, rel=1e-5)
    assert found.residual == pytest.approx(0.2, rel=1e-5)


def test_an_error_that_stands_still_does_not_flicker(rng: np.random.Generator) -> None:
    b, b_before = rng.random((2, 16, 16, 3), np.float32) * 0.5
    found = compare_motion(b + 0.25, b_before + 0.25, b, b_before, everywhere())
    assert found.flicker == pytest.approx(1.0, abs=1e-4)
    assert found.residual == pytest.approx(0.0, abs=1e-6)


def test_flicker_beside_a_still_picture_has_no_ratio() -> None:
    found = compare_motion(flat(0.5), flat(0.2), flat(0.5), flat(0.5), everywhere())
    assert found.flicker is None
    assert found.residual == pytest.approx(0.3, rel=1e-5)


def test_a_shot_pools_pixels_and_not_frames() -> None:
    frames = [
        PictureDifference(100.0, 0.01, None, None),
        PictureDifference(300.0, 0.02, None, None),
        PictureDifference(0.0, None, None, None),
    ]
    assert pooled_mse(frames) == pytest.approx((100 * 0.01 + 300 * 0.02) / 400)
    assert pooled_mse(frames[2:]) is None


def test_a_mean_leaves_out_what_is_not_known() -> None:
    assert mean([1.0, None, 3.0]) == 2.0
    assert mean([None]) is None


def test_the_peak_is_one() -> None:
    assert psnr(1.0) == 0.0
    assert psnr(0.0) is None


def test_sums_of_large_frames_stay_exact() -> None:
    values = np.full((2000, 2000), 0.1, np.float32)
    assert weighted_mean(values, np.ones_like(values)) == pytest.approx(0.1, rel=1e-6)
