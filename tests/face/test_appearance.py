from __future__ import annotations

import cv2
import numpy as np
import pytest
from understudy.face.appearance import appearance, likeness

BOX = np.array([40.0, 30.0, 80.0, 70.0])


def picture(skin: tuple[int, int, int], ground: tuple[int, int, int] = (90, 90, 90)) -> np.ndarray:
    image = np.full((120, 160, 3), ground, np.uint8)
    image[34:66, 44:76] = skin
    return image


def test_the_likeness_is_bhattacharyya_s_as_another_library_has_it() -> None:
    rng = np.random.default_rng(1)
    images = [np.clip(rng.normal(mean, 40, (120, 160, 3)), 0, 255).astype(np.uint8) for mean in (110, 140)]
    x0, y0, x1, y1 = 32, 22, 88, 78  # the box and a fifth of it on every side
    counts = [cv2.calcHist([one[y0:y1, x0:x1]], [0, 1, 2], None, [6] * 3, [0, 256] * 3) for one in images]
    expected = 1 - cv2.compareHist(*counts, cv2.HISTCMP_BHATTACHARYYA) ** 2
    assert likeness(*(appearance(one, BOX) for one in images)) == pytest.approx(expected, abs=0.01)


def test_one_person_is_like_himself_and_unlike_another_whatever_the_size() -> None:
    one, other = picture((200, 150, 120)), picture((90, 60, 40))
    large = cv2.resize(one, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    assert likeness(appearance(one, BOX), appearance(large, 3 * BOX)) > 0.99
    assert likeness(appearance(one, BOX), appearance(other, BOX)) < 0.8


def test_a_box_that_reaches_out_of_the_picture_counts_what_is_inside() -> None:
    seen = appearance(picture((200, 150, 120)), np.array([-500.0, -500.0, 90.0, 80.0]))
    assert seen.shape == (216,) and seen.dtype == np.uint8
    assert np.square(seen / 255).sum() == pytest.approx(1, abs=0.02)
    assert np.isfinite(likeness(seen, np.zeros(216, np.uint8)))
