from __future__ import annotations

import numpy as np
import pytest
from made_people import bits
from understudy.convert.inverse_warp import PlacedFace
from understudy.convert.layers.compose import CHANNELS, LAYERS, compose, of_person, together
from understudy.imaging.region import Region

AWKWARD = [-3.5, 1.5, np.inf, -np.inf, np.nan, 6e4, 1e-7, 0.0, -0.0]


def placed(matte: np.ndarray, region: Region, seed: int = 2, confidence: float = 0.5) -> PlacedFace:
    height, width = matte.shape
    shape = (height, width, 3)
    rng = np.random.default_rng(seed)
    return PlacedFace(
        region,
        rng.uniform(0, 4, shape).astype(np.float32),
        rng.uniform(0, 4, shape).astype(np.float32),
        matte.astype(np.float32),
        np.full((height, width), 0.25, np.float32),
        rng.uniform(0, 1, (height, width, 2)).astype(np.float32),
        np.ones((height, width), bool),
        confidence,
    )


def plate(dtype: type, height: int = 24, width: int = 30) -> np.ndarray:
    rng = np.random.default_rng(1)
    whole = {np.float16: (np.uint16, 1 << 16), np.float32: (np.uint32, 1 << 32)}[dtype]
    return rng.integers(0, whole[1], (height, width, 3), dtype=whole[0]).view(dtype)  # every kind of number


def by_name(layers: list) -> dict:
    return {layer.name: layer for layer in layers}


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_outside_the_matte_the_plates_bits_stand(dtype):
    pixels = plate(dtype)
    matte = np.zeros((12, 14))
    matte[3:9, 4:10] = np.random.default_rng(0).uniform(0, 1, (6, 6))
    matte[4, 4] = 1e-9  # rounds to nothing in the file
    untouched = pixels.copy()
    layers = by_name(compose(pixels, None, placed(matte, Region(5, 6, 14, 12))))
    main = layers[""].pixels
    np.testing.assert_array_equal(bits(pixels), bits(untouched))  # the plate itself is not written to
    whole = np.zeros((24, 30), bool)
    whole[6:18, 5:19] = layers["matte"].pixels[..., 0] > 0
    assert main.dtype == dtype and whole.sum() > 20 and not whole[10, 9]
    np.testing.assert_array_equal(bits(main[..., :3][~whole]), bits(pixels[~whole]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_inside_the_matte_the_new_face_is_blended_by_the_formula(dtype):
    pixels = np.random.default_rng(5).uniform(-0.5, 8, (10, 10, 3)).astype(dtype)
    face = placed(np.random.default_rng(6).uniform(0, 1, (10, 10)), Region(0, 0, 10, 10))
    layers = by_name(compose(pixels, None, face))
    matte = layers["matte"].pixels.astype(np.float64)
    expected = pixels + matte * (face.swap - pixels.astype(np.float64))
    np.testing.assert_allclose(
        layers[""].pixels[..., :3], expected, rtol=2e-3 if dtype == np.float16 else 1e-5, atol=1e-4
    )
    np.testing.assert_allclose(layers["delta"].pixels, expected - pixels, rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(layers["swap"].pixels[..., :3], face.swap * matte, rtol=2e-3, atol=1e-4)
    np.testing.assert_array_equal(layers["swap"].pixels[..., 3:], layers["matte"].pixels)
    # An over of the layers gives the composite again.
    over = layers["swap"].pixels[..., :3] + (1 - matte) * pixels
    np.testing.assert_allclose(over, layers[""].pixels[..., :3], rtol=4e-3, atol=2e-3)


def test_awkward_pixels_under_the_face_do_not_spoil_any_layer():
    pixels = np.resize(np.array(AWKWARD, np.float32), (9, 9, 3))
    for value in (0.5, 1.0):
        face = placed(np.full((9, 9), value), Region(0, 0, 9, 9))
        layers = by_name(compose(pixels, None, face))
        for name, layer in layers.items():
            if name:
                assert np.isfinite(layer.pixels).all(), name
        main = layers[""].pixels[..., :3]
        finite = np.isfinite(pixels)
        assert np.isfinite(main[finite]).all()
        if value == 1.0:
            np.testing.assert_allclose(main[~finite], face.swap[~finite])
        else:
            np.testing.assert_array_equal(bits(main[~finite]), bits(pixels[~finite]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_frame_without_a_face_has_every_layer_and_its_own_bits(dtype):
    pixels, alpha = plate(dtype), np.full((24, 30), 0.5, dtype)
    layers = compose(pixels, alpha, None)
    assert [layer.name for layer in layers] == ["", *LAYERS]
    np.testing.assert_array_equal(bits(layers[0].pixels[..., :3]), bits(pixels))
    np.testing.assert_array_equal(layers[0].pixels[..., 3], alpha)
    assert all(not layer.pixels.any() for layer in layers[1:])


def test_the_names_and_types_of_the_layers_are_the_agreed_ones():
    names = {name for layer in compose(plate(np.float16), None, None) for name in layer.channel_names}
    agreed = "R G B A swap.R swap.G swap.B swap.A raw.R raw.G raw.B delta.R delta.G delta.B matte.A occlusion.A"
    assert names == set(CHANNELS) == {*agreed.split(), "st.u", "st.v", "confidence.Y"}


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_two_people_are_laid_one_over_the_other_and_their_layers_rebuild_it(dtype):
    rng = np.random.default_rng(7)
    pixels = rng.uniform(-0.5, 8, (20, 24, 3)).astype(dtype)
    behind = placed(rng.uniform(0, 1, (10, 12)), Region(2, 3, 12, 10), 3, 0.2)
    before = placed(rng.uniform(0, 1, (9, 11)), Region(8, 6, 11, 9), 4, 0.9)
    layers = by_name(compose(pixels, None, together([behind, before])))
    expected = pixels.astype(np.float64)
    for one in (behind, before):
        share = one.matte.astype(np.float16).astype(np.float64)[..., None]
        under = expected[one.region.rows, one.region.columns]
        expected[one.region.rows, one.region.columns] = under + share * (one.swap - under)
    result = layers[""].pixels[..., :3]
    # The matte of both is rounded to half once more.
    np.testing.assert_allclose(result, expected, rtol=4e-3, atol=1e-2)
    untouched = expected == pixels
    np.testing.assert_array_equal(bits(result[untouched]), bits(pixels[untouched]))
    swap, matte = (np.zeros((20, 24, count), np.float32) for count in (3, 1))
    x, y = layers["swap"].origin
    height, width = layers["swap"].pixels.shape[:2]
    swap[y : y + height, x : x + width] = layers["swap"].pixels[..., :3]
    matte[y : y + height, x : x + width] = layers["matte"].pixels
    np.testing.assert_allclose(swap + (1 - matte) * pixels, result, rtol=4e-3, atol=4e-3)
    assert layers["confidence"].pixels.max() == np.float16(0.9) and np.float16(0.2) in layers["confidence"].pixels


def test_a_persons_own_layers_bear_the_name_and_are_black_without_a_face():
    pixels = plate(np.float16)
    alone = by_name(of_person(placed(np.full((6, 6), 0.5), Region(1, 1, 6, 6)), pixels, "p2"))
    assert list(alone) == [f"{name}_p2" for name in LAYERS]
    assert alone["matte_p2"].channel_names == ("matte_p2.A",) and alone["matte_p2"].pixels.all()
    assert not any(layer.pixels.any() for layer in of_person(None, pixels, "p1"))
    assert together([]) is None
