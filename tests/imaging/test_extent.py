"""The rectangle in which a picture shows anything."""

from __future__ import annotations

import numpy as np
import pytest
from understudy.imaging.extent import extent


def spotted(*pixels: tuple[int, int]) -> np.ndarray:
    shown = np.zeros((40, 60), np.float32)
    for pixel in pixels:
        shown[pixel] = 0.1
    return shown


def test_it_holds_all_that_is_shown_and_nothing_more():
    assert extent(spotted((7, 50), (30, 12))) == (slice(7, 31), slice(12, 51))
    assert extent(spotted((0, 0), (39, 59))) == (slice(0, 40), slice(0, 60))


def test_where_nothing_is_shown_it_is_empty():
    rows, columns = extent(spotted(), margin=5, step=4)
    assert spotted()[rows, columns].size == 0


@pytest.mark.parametrize("pixel", [(0, 0), (20, 31), (39, 59)])
def test_it_grows_by_a_margin_and_on_to_a_step_as_far_as_there_are_pixels(pixel):
    rows, columns = extent(spotted(pixel), margin=5, step=8)
    for found, place, length in zip((rows, columns), pixel, (40, 60), strict=True):
        assert found.start % 8 == 0 and (found.stop % 8 == 0 or found.stop == length)
        assert max(place - 5 - 7, 0) <= found.start <= max(place - 5, 0)
        assert min(place + 6, length) <= found.stop <= min(place + 6 + 7, length)


def test_it_stays_while_what_is_shown_moves_within_a_step():
    assert extent(spotted((18, 18)), margin=2, step=16) == extent(spotted((29, 29)), margin=2, step=16)
