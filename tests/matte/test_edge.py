from __future__ import annotations

import numpy as np
import pytest
from understudy.matte.edge import soft_matte


def disc(size: int = 96, radius: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """An antialiased disc, and the exact distance of each pixel from its outline, positive inside."""
    centre = np.arange(size) + 0.5 - size / 2
    distance = radius - np.hypot(centre[:, None], centre[None])
    return np.clip(distance + 0.5, 0, 1).astype(np.float32), distance


def smooth(distance: np.ndarray, erode: float, feather: float) -> np.ndarray:
    ramp = np.clip((distance - erode) / feather, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


@pytest.mark.parametrize(("erode", "feather"), [(0, 5), (3.5, 6), (-4, 6), (2, 12)])
def test_the_edge_lies_where_it_was_asked_for(erode, feather):
    mask, distance = disc()
    matte = soft_matte(mask, erode=erode, feather=feather)
    expected = smooth(distance, erode, feather)
    # A quarter of a pixel at the steepest place of the ramp.
    assert np.abs(matte - expected).max() < 1.5 / feather * 0.35
    assert np.abs(matte - expected).mean() < 0.004
    assert matte.dtype == np.float32 and matte.min() >= 0 and matte.max() <= 1


def test_nothing_lies_outside_the_outline_and_all_of_it_inside():
    mask, distance = disc()
    matte = soft_matte(mask, erode=2, feather=4)
    assert matte[distance < 1].max() == 0
    assert matte[distance > 7].min() == 1


def test_a_face_cut_off_by_its_crop_fades_out_at_the_border():
    matte = soft_matte(np.ones((64, 64), np.float32), erode=0, feather=6)
    for edge in (matte[0], matte[-1], matte[:, 0], matte[:, -1]):
        assert edge.max() == 0
    assert np.all(np.diff(matte[32, :7]) > 0)
    assert matte[10:-10, 10:-10].min() == 1
    grown = soft_matte(np.ones((64, 64), np.float32), erode=-20, feather=6)
    assert grown[0].max() == 0 and np.diff(grown[32, :8]).max() < 0.4


def test_a_hard_edge_is_antialiased_and_nothing_stays_nothing():
    mask, distance = disc()
    hard = soft_matte(mask, erode=0, feather=0)
    assert np.all(hard[distance > 1.5] == 1) and np.all(hard[distance < -1.5] == 0)
    assert ((hard > 0.1) & (hard < 0.9)).sum() > 60
    assert soft_matte(np.zeros((32, 32), np.float32), erode=0, feather=3).max() == 0
