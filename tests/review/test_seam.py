from __future__ import annotations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab
from understudy.review.seam import edge_error

PLATE, FACE = (0.5, 0.45, 0.4), (0.62, 0.5, 0.42)


def filled(colour: tuple[float, float, float]) -> np.ndarray:
    return np.full((80, 100, 3), colour, np.float32)


def disc(soft: float) -> np.ndarray:
    y, x = np.mgrid[:80, :100]
    return np.clip((24 - np.hypot(x - 50, y - 40)) / soft + 0.5, 0, 1).astype(np.float32)


def laid(matte: np.ndarray) -> np.ndarray:
    return filled(PLATE) + matte[..., None] * (filled(FACE) - filled(PLATE))


def test_across_a_hard_edge_the_step_is_that_of_the_two_colours() -> None:
    matte = disc(soft=0.1)
    edge = edge_error(laid(matte), filled(PLATE), matte)
    exact = float(deltaE_ciede2000(rgb2lab(np.array(FACE)), rgb2lab(np.array(PLATE))))
    assert exact > 5
    assert edge.composite == pytest.approx(exact, rel=0.02)
    assert edge.plate == pytest.approx(0, abs=1e-4)
    assert edge.excess == pytest.approx(exact, rel=0.02)
    assert edge.points == pytest.approx(2 * np.pi * 24, rel=0.35)  # about one a pixel and one a row or column


def test_a_soft_edge_hides_the_same_step() -> None:
    hard, soft = (edge_error(laid(matte), filled(PLATE), matte) for matte in (disc(0.1), disc(30)))
    assert soft.composite == pytest.approx(hard.composite * 6 / 30, rel=0.1)  # six pixels of a ramp of thirty


def test_an_edge_that_the_plate_has_is_no_seam() -> None:
    """The face is another colour, in the plate as well: a costume's collar, or a hand."""
    matte = disc(0.1)
    edge = edge_error(laid(matte), laid(matte), matte)
    assert edge.composite > 5 and edge.excess == 0


def test_where_the_matte_leaves_the_picture_there_is_no_edge() -> None:
    """Only the side that lies in the picture counts; a matte over all of it has none."""
    matte = np.zeros((80, 100), np.float32)
    matte[:, :40] = 1
    edge = edge_error(laid(matte), filled(PLATE), matte)
    assert edge.points == pytest.approx(80, abs=2)
    assert edge_error(laid(matte), filled(PLATE), np.ones_like(matte)) is None
    assert edge_error(laid(matte), filled(PLATE), np.zeros_like(matte)) is None
