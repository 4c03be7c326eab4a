from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from understudy.convert.blend.pyramid import pyramid_blend
from understudy.model.log_curve import decode, encode

SIZE = 240


def disc(radius: float = 100.0, feather: float = 6.0, x: float = 120.0, y: float = 120.0):
    """A matte, and how far inside its edge each pixel lies."""
    place = np.arange(SIZE) + 0.5
    depth = radius - np.hypot(place[None] - x, place[:, None] - y)
    ramp = np.clip(depth / feather, 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32), depth


def textured(seed: int) -> np.ndarray:
    broad = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(SIZE, SIZE, 3)), (0, 0), 12) * 8
    return (0.4 * np.exp(broad)).astype(np.float32)


def test_where_nothing_differs_the_swap_keeps_its_bits():
    plate = textured(1)
    np.testing.assert_array_equal(pyramid_blend(plate.copy(), plate, disc()[0]), plate)


def codes(linear: np.ndarray) -> np.ndarray:
    return encode(torch.from_numpy(linear)).numpy()


def brightened(linear: np.ndarray, step) -> np.ndarray:
    return decode(torch.from_numpy(codes(linear) + np.asarray(step, np.float32))).numpy()


def shown(matte: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """The part of a tone a tenth of a code value off that is left, (h, w)."""
    return ((codes(pyramid_blend(brightened(plate, 0.1), plate, matte)) - codes(plate)) / 0.1).mean(-1)


@pytest.mark.parametrize("feather", [1.0, 6.0, 25.0])
def test_a_tone_that_is_off_fades_in_from_the_edge_without_seam_or_halo(feather):
    matte, depth = disc(feather=feather)
    plate = textured(2)
    share = shown(matte, plate)
    assert share[matte > 0].min() > -1e-3 and share.max() < 1 + 1e-3
    assert share[(depth > 0) & (depth < 1)].max() < 0.02
    assert share[depth > 75].min() > 0.98
    rings = [share[(depth >= d) & (depth < d + 3)].mean() for d in range(0, 90, 3)]
    assert np.diff(rings).min() > -2e-3 and np.diff(rings).max() < 0.2


def test_the_broader_a_pattern_the_longer_it_takes_to_come_in():
    """Stripes of growing width, 5 to 14 pixels from the edge: the finest are whole there, the broadest all but absent."""
    matte, depth = disc()
    plate = np.full((SIZE, SIZE, 3), 0.3, np.float32)
    place = (depth > 5) & (depth < 14)
    shares = []
    for period in (3, 8, 24, 72, 400):
        stripes = np.sin(2 * np.pi * np.arange(SIZE) / period + 0.5).astype(np.float32)
        pattern = np.tile(stripes[:, None], (1, SIZE))[..., None] * np.ones(3, np.float32) * 0.1
        found = codes(pyramid_blend(brightened(plate, pattern), plate, matte)) - codes(plate)
        shares.append(float((found * pattern)[place].sum() / (pattern * pattern)[place].sum()))
    assert shares[0] > 0.95 and shares[-1] < 0.3
    assert np.diff(shares).max() < 0


def test_what_lies_outside_the_matte_does_not_come_in():
    matte, _ = disc()
    swap, plate = textured(3), textured(4)
    found = pyramid_blend(swap, plate, matte)
    other = np.where((matte == 0)[..., None], np.float32(40), plate)
    np.testing.assert_array_equal(pyramid_blend(swap, other, matte)[matte > 0], found[matte > 0])
    composite = plate + matte[..., None] * (found - plate)
    np.testing.assert_array_equal(composite[matte == 0], plate[matte == 0])


def test_a_face_cut_off_by_the_frame_does_not_fade_there():
    matte, _ = disc(x=0)
    plate = textured(5)
    share = shown(matte, plate)
    assert share[120, 0] > 0.98 and share[120, 97] < 0.1


def test_a_slow_move_does_not_flicker():
    """Whatever the pyramid's own lattice: moved by a pixel the result is that, moved by a pixel."""
    results = []
    for shift in range(4):
        matte, _ = disc(70, x=120 + shift, y=120 + shift)
        swap, plate = (np.roll(textured(seed), (shift, shift), (0, 1)) for seed in (6, 7))
        results.append(np.roll(matte[..., None] * pyramid_blend(swap, plate, matte), (-shift, -shift), (0, 1)))
    spread = np.ptp(results, axis=0)[30:-30, 30:-30]
    difference = np.abs(textured(6) - textured(7))
    assert spread.max() < 0.06 * difference.max() and spread.mean() < 0.01 * difference.mean()


def test_a_growing_face_does_not_pop():
    """Also where another octave begins: at radii of 6, 12, 24, 48 and 96 pixels."""
    plate = textured(8)
    for radius in (24, 48, 96):
        mattes = [disc(radius + change)[0] for change in (-0.02, 0.02)]
        found = [matte * shown(matte, plate) for matte in mattes]
        assert np.abs(found[0] - found[1]).max() < 0.02


def test_half_an_opacity_blends_like_a_whole_one():
    swap, plate, matte = textured(9), textured(10), disc()[0]
    whole = pyramid_blend(swap, plate, matte)
    np.testing.assert_allclose(pyramid_blend(swap, plate, matte * np.float32(0.4)), whole, atol=1e-3)


def test_pixels_that_are_no_numbers_and_highlights_do_not_spread():
    swap, plate, matte = textured(11), textured(12), disc()[0]
    clean = pyramid_blend(swap, plate, matte)
    bad = plate.copy()
    bad[60:63, 118:124] = np.nan
    bad[120, 120] = [np.inf, -np.inf, np.nan]
    found = pyramid_blend(swap, bad, matte)
    assert np.isfinite(found).all() and np.abs(found - clean)[matte > 0].max() < 0.05
    bad[200, 100] = 3e38
    assert np.abs(pyramid_blend(swap, bad, matte))[matte > 0].max() < 10
    assert np.isfinite(pyramid_blend(swap, np.full_like(plate, np.nan), matte)).all()


def test_small_arrays_and_empty_mattes_are_blended_as_well():
    swap, plate = textured(13), textured(14)
    np.testing.assert_array_equal(pyramid_blend(swap, plate, np.zeros((SIZE, SIZE), np.float32)), swap)
    for height, width in ((1, 1), (1, 240), (7, 3)):
        part = np.s_[:height, :width]
        found = pyramid_blend(swap[part], plate[part].astype(np.float16), np.ones((height, width), np.float32))
        assert found.shape == (height, width, 3) and found.dtype == np.float32 and np.isfinite(found).all()
