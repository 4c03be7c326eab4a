from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from understudy.review.bands import DETAIL, LIGHT, BandErrors, band_errors, face_size, smooth_within

SIZE = 130.0


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def disc(side: int = 200, radius: float = 70.0) -> np.ndarray:
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    return np.clip(radius - np.hypot(x, y) + 0.5, 0, 1).astype(np.float32)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2).astype(np.float32)


def waves(length: float, side: int = 400) -> np.ndarray:
    return grey(np.sin(2 * np.pi * np.arange(side) / length)[None].repeat(side, 0) * 0.1)


def told(errors: BandErrors) -> tuple[float, float, float]:
    assert errors.light is not None and errors.features is not None and errors.detail is not None
    return errors.light, errors.features, errors.detail


def test_a_face_is_as_large_as_the_square_of_its_area() -> None:
    assert face_size(np.pad(np.ones((40, 90), np.float32), 5)) == pytest.approx(60)
    assert face_size(np.zeros((4, 4), np.float32)) == 0


def test_a_perfect_picture_has_no_error_in_any_band(rng: np.random.Generator) -> None:
    b = rng.random((200, 200, 3), np.float32)
    assert told(band_errors(b, b, disc(), SIZE)) == (0, 0, 0)


def test_another_tone_is_an_error_of_the_light_alone_up_to_the_mattes_edge(rng: np.random.Generator) -> None:
    b = rng.random((200, 200, 3), np.float32) * 0.5
    light, features, detail = told(band_errors(b + np.float32(0.1), b, disc(), SIZE))
    assert light == pytest.approx(0.1, abs=1e-5)
    assert features < 1e-5 and detail < 1e-5


def test_what_lies_outside_the_matte_does_not_leak(rng: np.random.Generator) -> None:
    a, b = rng.random((2, 200, 200, 3), np.float32)
    mask = disc()
    before = band_errors(a, b, mask, SIZE)
    a[mask == 0] = 50.0
    assert told(band_errors(a, b, mask, SIZE)) == pytest.approx(told(before), rel=1e-5)


def test_smoothing_is_the_normalised_convolution_of_scipys_gaussian(rng: np.random.Generator) -> None:
    picture, mask = rng.random((90, 110), np.float32), disc(110, 40)[10:100]
    total, weight = (
        gaussian_filter(one.astype(np.float64), 3, mode="constant", truncate=4) for one in (picture * mask, mask)
    )
    inside = mask > 0
    found = smooth_within(picture, mask, 3)
    assert found[inside] == pytest.approx(total[inside] / weight[inside], abs=1e-4)


@pytest.mark.parametrize(("length", "band"), [(400, "light"), (30, "features"), (5, "detail")])
def test_waves_fall_into_the_band_of_their_length(length: float, band: str) -> None:
    """A Gaussian of sigma s passes exp(-(2 pi s / length)^2 / 2) of a wave."""
    everywhere = np.ones((400, 400), np.float32)
    found = band_errors(waves(length), np.zeros((400, 400, 3), np.float32), everywhere, SIZE)
    broad, fine = (np.exp(-((2 * np.pi * part * SIZE / length) ** 2) / 2) for part in (LIGHT, DETAIL))
    rms = 0.1 / np.sqrt(2)
    assert told(found) == pytest.approx((broad * rms, (fine - broad) * rms, (1 - fine) * rms), abs=0.1 * rms)
    assert max(("light", "features", "detail"), key=lambda name: getattr(found, name)) == band


def test_bands_are_parts_of_the_face_whatever_its_size_in_pixels(rng: np.random.Generator) -> None:
    a, b = (cv2.GaussianBlur(rng.random((200, 200, 3), np.float32), (0, 0), 2.5) for _ in range(2))
    mask = disc()
    small = told(band_errors(a, b, mask, face_size(mask)))
    twice = [cv2.resize(one, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for one in (a, b, mask)]
    mask = np.clip(twice[2], 0, 1)
    assert told(band_errors(twice[0], twice[1], mask, face_size(mask))) == pytest.approx(small, rel=0.02)


def test_an_empty_matte_has_no_figures() -> None:
    nothing = np.zeros((20, 20), np.float32)
    picture = np.zeros((20, 20, 3), np.float32)
    assert band_errors(picture, picture, nothing, 0.0) == BandErrors(None, None, None)
