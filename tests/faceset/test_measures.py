import cv2
import numpy as np
import pytest
from made_faces import make_measures
from scipy import ndimage
from skimage.color import hsv2rgb
from understudy.faceset.measures import BINS, SIDE, THUMBNAIL, UNMEASURED, CropMeasures, measure

WHOLE = np.ones((SIDE, SIDE), np.float32)
LUMA = np.array([0.2126, 0.7152, 0.0722])


@pytest.fixture(scope="module")
def texture() -> np.ndarray:
    """Detail of all sizes, alike in all directions, with the lines of a face's features laid over it."""
    rng = np.random.default_rng(4)
    layers = [cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), s) * s for s in (0.7, 1.5, 3, 6, 12)]
    picture = sum(layers)
    picture[60:70, 40:210] -= 1
    picture[180:186, 80:180] -= 1
    return picture


def shown(luma: np.ndarray) -> np.ndarray:
    """Grey, within 0..1."""
    return np.repeat((0.5 + luma / 25)[..., None], 3, axis=2).astype(np.float32)


def smeared(picture: np.ndarray, length: int, angle: float) -> np.ndarray:
    """``picture`` seen by a camera that moved ``length`` pixels at ``angle`` degrees, by scipy's shifts."""
    x, y = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    steps = np.linspace(-length / 2, length / 2, 2 * length + 1)
    return np.mean([ndimage.shift(picture, (y * t, x * t), order=1, mode="wrap") for t in steps], axis=0)


def half_turn(a: float, b: float) -> float:
    """How far two directions without a sign lie apart, in degrees."""
    return abs((a - b + 90) % 180 - 90)


def test_sharpness_is_the_variance_of_the_laplacian_inside_the_face() -> None:
    crop = np.random.default_rng(2).uniform(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
    inside = np.zeros((SIDE, SIDE), np.float32)
    inside[64:192, 80:160] = 1
    laplacian = ndimage.laplace(crop.astype(np.float64) @ LUMA)
    assert measure(crop, inside).sharpness == pytest.approx(laplacian[64:192, 80:160].var(), rel=1e-4)
    assert measure(cv2.GaussianBlur(crop, (0, 0), 2), inside).sharpness < 0.05 * measure(crop, inside).sharpness


@pytest.mark.parametrize("angle", [0, 30, 90, 135, 170])
def test_a_smear_is_told_with_its_direction(texture, angle) -> None:
    measured = measure(shown(smeared(texture, 12, angle)), WHOLE)
    assert measured.motion_blur > 0.4
    assert half_turn(measured.blur_direction, angle) < 6


def test_a_longer_smear_is_more_and_a_soft_or_sharp_picture_has_none(texture) -> None:
    amounts = [measure(shown(smeared(texture, length, 20)), WHOLE).motion_blur for length in (3, 6, 12)]
    assert sorted(amounts) == amounts
    assert amounts[0] > 0.12
    assert measure(shown(texture), WHOLE).motion_blur < 0.15
    assert measure(shown(cv2.GaussianBlur(texture, (0, 0), 3)), WHOLE).motion_blur < 0.15


def test_a_smear_stays_what_it_is_under_other_light_and_beside_the_face(texture) -> None:
    blurred = shown(smeared(texture, 8, 60))
    inside = np.zeros((SIDE, SIDE), np.float32)
    inside[40:216, 40:216] = 1
    spoilt = np.where(inside[..., None] > 0, blurred, np.random.default_rng(0).uniform(0, 1, blurred.shape))
    plain, dim, framed = (measure(crop, inside) for crop in (blurred, blurred * 0.4, spoilt))
    assert dim.motion_blur == pytest.approx(plain.motion_blur, abs=1e-3)
    assert framed.motion_blur == pytest.approx(plain.motion_blur, abs=0.1)


def test_brightness_and_histogram_are_those_of_the_face_alone() -> None:
    crop = np.random.default_rng(5).beta(2, 4, (SIDE, SIDE, 3)).astype(np.float32)
    inside = np.zeros((SIDE, SIDE), np.float32)
    inside[:100, :50] = 1
    face = crop[:100, :50].reshape(-1, 3).astype(np.float64)
    measured = measure(crop, inside)
    assert measured.brightness == pytest.approx((face @ LUMA).mean(), rel=1e-4)
    shares = [np.histogram(face[:, channel], BINS, (0, 1))[0] / len(face) for channel in range(3)]
    found = (np.frombuffer(measured.histogram, np.uint8).reshape(3, BINS) / 255.0) ** 2
    np.testing.assert_allclose(found, shares, atol=0.004)
    assert np.linalg.norm(measured.roots) == pytest.approx(1, abs=1e-5)
    assert measured.roots @ measured.roots == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("hue", [0, 60, 120, 180, 240, 300])
def test_hue_is_that_of_the_colour_circle(hue) -> None:
    crop = np.full((SIDE, SIDE, 3), hsv2rgb(np.array([hue / 360, 0.6, 0.7])), np.float32)
    assert abs((measure(crop, WHOLE).hue - hue + 180) % 360 - 180) < 0.1


def test_hue_is_a_mean_on_the_circle_that_grey_does_not_move() -> None:
    crop = np.full((SIDE, SIDE, 3), 0.9, np.float32)
    crop[:64] = hsv2rgb(np.array([20 / 360, 0.5, 0.5]))
    crop[64:128] = hsv2rgb(np.array([340 / 360, 0.5, 0.5]))
    assert measure(crop, WHOLE).hue == pytest.approx(0, abs=0.1)


def test_the_thumbnail_is_the_reduced_luma_of_the_whole_crop() -> None:
    crop = np.random.default_rng(6).uniform(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
    step = SIDE // THUMBNAIL
    expected = (crop.astype(np.float64) @ LUMA).reshape(THUMBNAIL, step, THUMBNAIL, step).mean((1, 3)) * 255
    found = np.frombuffer(measure(crop, WHOLE * 0).thumbnail, np.uint8).reshape(THUMBNAIL, THUMBNAIL)
    np.testing.assert_allclose(found, expected, atol=0.51)


def test_a_crop_stored_twice_as_large_measures_alike(texture) -> None:
    crop = shown(smeared(texture, 9, 45))
    small = measure(crop, WHOLE)
    large = measure(cv2.resize(crop, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST), np.ones((512, 512)))
    assert large == small


def test_without_a_face_inside_only_the_thumbnail_is_left() -> None:
    measured = measure(np.full((64, 64, 3), 0.5, np.float32), np.zeros((64, 64)))
    assert (measured.sharpness, measured.motion_blur, measured.brightness, measured.hue) == (0, 0, 0, 0)
    assert set(measured.thumbnail) == {128}
    assert not measured.roots.any()


def test_a_flat_crop_has_no_smear() -> None:
    assert measure(np.full((64, 64, 3), 0.5, np.float32), np.ones((64, 64))).motion_blur == 0


def test_measures_come_back_exactly() -> None:
    for one in (make_measures(3), UNMEASURED):
        assert CropMeasures.from_json(one.to_json()) == one
    with pytest.raises(ValueError, match="2 bytes where 48 are due"):
        CropMeasures.from_json(make_measures().to_json() | {"histogram": "AAA="})
    with pytest.raises(KeyError, match="hue"):
        CropMeasures.from_json({name: value for name, value in make_measures().to_json().items() if name != "hue"})
