import cv2
import numpy as np
import pytest
from understudy.imaging.crop import look, square


def test_a_crop_shows_what_the_matrix_says_at_its_own_resolution() -> None:
    rng = np.random.default_rng(3)
    image = cv2.GaussianBlur(rng.integers(0, 256, (90, 120, 3), dtype=np.uint8), (0, 0), 2)
    crop = look(image, square(np.array([60.0, 50.0]), 40.0, 0.0, 40), 40)
    np.testing.assert_array_equal(crop, image[30:70, 40:80])


@pytest.mark.parametrize("reduction", [2, 5, 8])
def test_a_strong_reduction_is_the_mean_of_what_it_covers(reduction: int) -> None:
    image = np.random.default_rng(4).integers(0, 256, (64 * reduction, 64 * reduction, 3), dtype=np.uint8)
    middle = np.full(2, 32.0 * reduction)
    crop = look(image, square(middle, 32.0 * reduction, 0.0, 32), 32)
    part = image[16 * reduction : 48 * reduction, 16 * reduction : 48 * reduction]
    expected = cv2.resize(part, (32, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(crop.astype(int) - expected).mean() < 6  # noise: point sampling would differ by 60 and more


def test_the_tilt_is_taken_out() -> None:
    angle = 0.4
    centre = np.array([200.0, 150.0])
    image = np.zeros((300, 400, 3), np.uint8)
    along = np.array([np.cos(angle), np.sin(angle)])
    start, end = centre - 60 * along, centre + 60 * along
    cv2.line(image, tuple(start.astype(int).tolist()), tuple(end.astype(int).tolist()), (255, 255, 255), 5)
    rows = look(image, square(centre, 160, angle, 64), 64)[..., 0].astype(float).sum(1)
    assert abs(int(rows.argmax()) - 32) <= 1
    assert rows[26:38].sum() > 0.99 * rows.sum()


def test_beyond_the_picture_it_is_black() -> None:
    image = np.full((50, 50, 3), 200, np.uint8)
    assert not look(image, square(np.array([500.0, 500.0]), 40.0, 0.0, 32), 32).any()
    half = look(image, square(np.array([0.0, 25.0]), 40.0, 0.0, 40), 40)
    assert not half[:, :18].any()
    assert (half[2:-2, 22:] == 200).all()
