from __future__ import annotations

import cv2
import numpy as np
import pytest
from understudy.convert.matte.edge import soft_edge

FINE = 8


def drawn(inside, height: int = 96, width: int = 96) -> np.ndarray:
    """The coverage (height, width) of the points x, y for which ``inside`` is true."""
    x = (np.arange(width * FINE) + 0.5) / FINE
    y = (np.arange(height * FINE) + 0.5) / FINE
    return cv2.resize(inside(x[None], y[:, None]).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)


def disc(size: int, radius: float, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """A disc's coverage, and the exact distance of each pixel's centre from its outline, positive inside."""
    place = np.arange(size) + 0.5
    mask = drawn(lambda u, v: np.hypot(u - x, v - y) < radius, size, size)
    return mask, radius - np.hypot(place[None] - x, place[:, None] - y)


def ramp(distance: np.ndarray, erode: float, inner: float, outer: float) -> np.ndarray:
    rise = np.clip((distance - erode + outer) / (inner + outer), 0, 1)
    return rise * rise * (3 - 2 * rise)


@pytest.mark.parametrize(
    ("erode", "inner", "outer"),
    [(0, 5, 0), (3.5, 6, 2), (-4, 3, 3), (2, 12, 0), (0, 0, 8), (0.3, 20, 0), (-10, 25, 10), (0, 50, 0), (5, 40, 40)],
)
def test_the_edge_lies_where_it_was_asked_for(erode, inner, outer):
    mask, distance = disc(300, 100.3, 148.7, 151.2)
    matte = soft_edge(mask, erode=erode, inner=inner, outer=outer)
    # A tenth of a pixel at the steepest place of the ramp, and far less on average.
    expected, steepness = ramp(distance, erode, inner, outer), 1.5 / (inner + outer)
    assert np.abs(matte - expected).max() < 0.1 * steepness
    edge = (expected > 0) & (expected < 1)
    assert abs((matte - expected)[edge].mean()) < 0.02 * steepness
    assert matte.dtype == np.float32 and matte.min() == 0 and matte.max() == 1


def test_a_wide_ramp_is_measured_just_as_well():
    mask, distance = disc(500, 230.0, 250.3, 249.6)
    assert np.abs(soft_edge(mask, erode=0, inner=170, outer=10) - ramp(distance, 0, 170, 10)).max() < 2e-3


@pytest.mark.parametrize("size", [60, 61, 62, 63])
def test_a_wide_ramp_runs_evenly_to_the_arrays_edge(size):
    x = np.arange(size) + 0.5
    mask = np.clip(x - 9, 0, 1).astype(np.float32) * np.ones((size, 1), np.float32)
    for turns in range(4):
        matte = np.rot90(soft_edge(np.rot90(mask, turns).copy(), erode=0, inner=80, outer=0), -turns)
        np.testing.assert_allclose(matte, np.tile(ramp(x - 9.5, 0, 80, 0), (size, 1)), atol=2e-3)


@pytest.mark.parametrize(("erode", "inner", "outer"), [(0, 0, 0), (2, 4, 1), (-3, 6, 0), (1.5, 12, 2)])
def test_two_scales_of_a_shape_agree(erode, inner, outer):
    """The radius of a disc as large as the matte, at one and at two pixels a unit."""
    radii = []
    for scale in (1, 2):
        mask, _ = disc(96 * scale, 30.0 * scale, 47.3 * scale, 48.9 * scale)
        matte = soft_edge(mask, erode=erode * scale, inner=inner * scale, outer=outer * scale)
        radii.append(np.sqrt(matte.sum(dtype=np.float64) / np.pi) / scale)
    assert abs(radii[0] - radii[1]) < 0.05
    if inner == outer:
        assert radii[1] == pytest.approx(30 - erode, abs=0.05)


def test_a_slow_move_moves_the_matte_by_parts_of_a_pixel():
    place = np.arange(96) + 0.5
    for step in np.linspace(0, 1, 6):
        matte = soft_edge(disc(96, 30.0, 46 + step, 50 - 0.4 * step)[0], erode=2, inner=5, outer=0)
        assert (matte * place).sum() / matte.sum() == pytest.approx(46 + step, abs=0.01)
        assert (matte * place[:, None]).sum() / matte.sum() == pytest.approx(50 - 0.4 * step, abs=0.01)


def test_corners_gaps_and_several_parts_are_measured_to_the_nearest_outline():
    def shape(x, y):
        bar = (np.abs(x - 0.7 * y) < 11.3) & (y > 12) & (y < 80)
        return bar & ~(np.abs(y - 41) < 1.6) | (np.hypot(x - 78, y - 20) < 9)

    # At eight times the resolution both transforms are as exact as anyone needs.
    x, y = ((np.arange(96 * FINE) + 0.5) / FINE,) * 2
    fine = shape(x[None], y[:, None]).astype(np.uint8)
    depth, height = (
        cv2.distanceTransform(part, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / FINE for part in (fine, 1 - fine)
    )
    distance = (depth - height)[FINE // 2 :: FINE, FINE // 2 :: FINE]
    matte = soft_edge(drawn(shape), erode=-1, inner=6, outer=4)
    difference = np.abs(matte - ramp(distance, -1, 6, 4))
    # The very tips of sharp corners are rounded by about a pixel.
    assert np.percentile(difference, 99) < 0.05 and difference.mean() < 0.004 and difference.max() < 0.2


def test_of_a_soft_mask_the_half_crossing_counts():
    x = np.arange(80) + 0.5
    slope = np.tile(np.clip(0.5 + (x - 33.3) / 25, 0, 1), (40, 1)).astype(np.float32)
    matte = soft_edge(slope, erode=0, inner=6, outer=0)
    np.testing.assert_allclose(matte[20], ramp(x - 33.3, 0, 6, 0), atol=0.01)


@pytest.mark.parametrize("grown", [0.0, 5.0, 60.0])
def test_a_face_cut_off_by_its_crop_fades_out_at_the_border(grown):
    """The crop's border runs through the array, aslant; the mask fills the crop."""

    def crop(x, y):
        return x + 0.3 * y < 70

    coverage = drawn(crop)
    x, y = np.meshgrid(*(np.arange(96) + 0.5,) * 2)
    distance = (70 - x - 0.3 * y) / np.hypot(1, 0.3)
    matte = soft_edge(coverage, erode=-grown, inner=6, outer=4, limit=coverage)
    # At the array's own edge the border's foot may lie outside, where nobody sees it.
    np.testing.assert_allclose(matte[4:-4], ramp(distance, 0, 10, 0)[4:-4], atol=0.02)
    assert matte[distance < -0.1].max() == 0
    # Where the crop goes on outside the frame nothing fades.
    assert matte[0, :30].min() == 1 and matte[:40, 0].min() == 1


def test_a_crop_of_the_whole_array_changes_nothing_and_one_of_nothing_takes_all():
    mask, _ = disc(64, 20.0, 31.0, 33.0)
    matte = soft_edge(mask, erode=1, inner=4, outer=2)
    np.testing.assert_array_equal(soft_edge(mask, erode=1, inner=4, outer=2, limit=np.ones_like(mask)), matte)
    assert soft_edge(mask, erode=1, inner=4, outer=2, limit=np.zeros_like(mask)).max() == 0
    inside = np.pad(np.ones((58, 58), np.float32), 3)
    np.testing.assert_array_equal(soft_edge(mask, erode=1, inner=4, outer=2, limit=inside), matte)


@pytest.mark.parametrize(("inner", "outer"), [(0.0, 0.0), (4.0, 1.0), (20.0, 6.0), (60.0, 0.0)])
def test_an_animated_length_changes_the_matte_steadily(inner, outer):
    noise = cv2.GaussianBlur(np.random.default_rng(8).normal(size=(96, 96)), (0, 0), 6).astype(np.float32)
    mask = np.clip(0.5 + 8 * noise, 0, 1)
    steepness = 1.5 / max(inner + outer, 1)
    lengths = (0.95, 0.96, 1.0, 1.01, 1.02, 2.0, 2.01)
    mattes = [soft_edge(mask, erode=erode, inner=inner, outer=outer) for erode in lengths]
    for step, before, after in zip(np.diff(lengths), mattes, mattes[1:], strict=False):
        assert (after <= before + 1e-5).all()
        assert np.abs(after - before).max() <= steepness * step + 1e-5


def test_a_feather_that_grows_does_not_pop():
    mask, _ = disc(160, 60.3, 78.7, 81.2)
    for inner in (1, 8, 24, 48, 70):
        below, above = (soft_edge(mask, erode=0, inner=inner + change, outer=2) for change in (-0.01, 0.01))
        assert 0 < np.abs(below - above).max() < 0.02 * 1.5 / inner


def test_a_hard_edge_is_antialiased_and_nothing_stays_nothing():
    mask, distance = disc(96, 30.0, 48.0, 48.0)
    hard = soft_edge(mask, erode=0, inner=0, outer=0)
    assert np.all(hard[distance > 0.6] == 1) and np.all(hard[distance < -0.6] == 0)
    assert ((hard > 0.05) & (hard < 0.95)).sum() > 100
    for value in (0.0, 1.0):
        for erode in (-50, 0, 50):
            assert (soft_edge(np.full((32, 40), value, np.float32), erode=erode, inner=3, outer=2) == value).all()
    assert soft_edge(mask, erode=31, inner=3, outer=0).max() == 0


def test_masks_that_touch_one_half_without_crossing_it_have_an_outline_or_none():
    half = np.full((24, 24), 0.5, np.float32)
    assert soft_edge(half, erode=0, inner=3, outer=3).max() == 0
    below, above = half.copy(), half.copy()
    below[:, :12], above[:, :12] = 0.25, 0.75
    assert soft_edge(below, erode=0, inner=3, outer=3).max() == 0
    matte = soft_edge(above, erode=0, inner=3, outer=3)
    assert matte[12, 4] == 1 and matte[12, 20] == 0
    speck = np.zeros((24, 24), np.float32)
    speck[12, 12] = 1
    assert 0 <= soft_edge(speck, erode=0, inner=1, outer=1).max() <= 1
    for shape in ((1, 1), (1, 9), (9, 2)):
        assert soft_edge(np.ones(shape, np.float32), erode=3, inner=3, outer=0).min() == 1
        assert soft_edge(np.eye(*shape, dtype=np.float32), erode=0, inner=3, outer=0).shape == shape


@pytest.mark.parametrize(("erode", "inner", "outer"), [(0, 12, 0), (-6, 3, 9), (2, 0, 20)])
def test_a_matte_is_the_same_however_much_emptiness_lies_around_it(erode, inner, outer):
    """The crop's border lies beyond the mask, and yet within the breadth of some of these edges."""
    mask, limit = np.zeros((160, 200), np.float32), np.zeros((160, 200), np.float32)
    mask[60:100, 70:120], limit[45:110, 52:132] = 1, 1
    whole = soft_edge(mask, erode=erode, inner=inner, outer=outer, limit=limit)
    part = soft_edge(mask[40:116, 48:136], erode=erode, inner=inner, outer=outer, limit=limit[40:116, 48:136])
    np.testing.assert_allclose(whole[40:116, 48:136], part, atol=0.01)
    assert not whole[:40].any() and whole.max() > 0.5
