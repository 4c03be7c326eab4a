from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.signal import correlate
from understudy.convert.finish.grain import REACH, TILE, Grain, white_noise
from understudy.convert.finish.grain_measure import measure_grain
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate
from understudy.stages.demo import SAMPLE

LIGHTS = np.array([[0.05] * 3, [0.15] * 3, [0.4] * 3], np.float32)


def surface(height: int = 260, width: int = 320, seed: int = 0) -> np.ndarray:
    """A smooth thing in light from 0.02 to 0.6 with a few hard edges: (H, W, 3)."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    light = 0.02 + 0.58 * x / width * (0.8 + 0.2 * np.sin(y / 40 + seed))
    light[60:120, 100:180] *= 0.4
    light[150:, 200:] *= 1.3
    return (light[..., None] * (1.0, 0.8, 0.7)).astype(np.float32)


def noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of variance 1, white or blurred by ``sigma``."""
    white = rng.standard_normal(shape)
    if not sigma:
        return white
    blurred = gaussian_filter(white, (sigma, sigma, 0), mode="wrap")
    return blurred / blurred.std()


def correlations(field: np.ndarray) -> np.ndarray:
    """At 0, 1 and 2 pixels along x, of a single channel."""
    whole = correlate(field, field, method="fft")
    middle = whole[field.shape[0] - 1, field.shape[1] - 1 :]
    pairs = field.shape[1] - np.arange(3)
    return middle[:3] / pairs / (middle[0] / field.shape[1])


def photons(light: np.ndarray | float) -> np.ndarray:
    return np.sqrt(light + np.float32(0.01))


def film(light: np.ndarray | float) -> np.ndarray:
    return light + np.float32(0.02)


@pytest.mark.parametrize(
    ("sigma", "strength", "law"), [(0.0, 0.05, photons), (0.8, 0.004, photons), (0.0, 0.004, film), (0.8, 0.05, film)]
)
def test_what_is_laid_is_what_was_put_on(sigma, strength, law):
    rng = np.random.default_rng(3)
    pictures = [surface(seed=seed) for seed in range(2)]
    grain = measure_grain([p + strength * law(p) * noise(p.shape, sigma, rng) for p in pictures])
    np.testing.assert_allclose(grain.variance(LIGHTS), (strength * law(LIGHTS)) ** 2, rtol=0.15)
    card = np.full((256, 256, 3), 0.15, np.float32)
    laid = grain.lay(card, seed=1001) - card
    np.testing.assert_allclose(laid.var((0, 1)), (strength * law(0.15)) ** 2, rtol=0.15)
    expected = correlations(noise((256, 256, 1), sigma, rng)[..., 0])
    np.testing.assert_allclose(correlations(laid[..., 1]), expected, rtol=0.15, atol=0.03)


def test_channels_go_together_as_they_do_in_the_plate():
    rng = np.random.default_rng(4)
    own, common = noise((260, 320, 3), 0.6, rng), noise((260, 320, 1), 0.6, rng)
    mixed = 0.02 * (0.6 * own + 0.8 * common * (1, 1, -1))  # correlations of 0.64 and -0.64
    grain = measure_grain([surface() + mixed])
    card = np.full((300, 300, 3), 0.2, np.float32)
    made = np.corrcoef((grain.lay(card, seed=5) - card).reshape(-1, 3).T)
    np.testing.assert_allclose(made, np.corrcoef(mixed.reshape(-1, 3).T), atol=0.05)


def rendered() -> list[np.ndarray]:
    plate = open_plate((SAMPLE / "plate.%04d.exr").as_posix())
    return [np.asarray(read_frame(plate, number).rgb[:, 90:420], np.float32) for number in (1001, 1012)]


def test_a_clean_plate_has_next_to_no_grain():
    grain = measure_grain(rendered())
    assert np.sqrt(grain.variance(LIGHTS)).max() < 0.003
    assert np.sqrt(grain.variance(LIGHTS[1:2])).max() < 0.002


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_on_a_face_texture_is_not_taken_for_grain(sigma):
    rng = np.random.default_rng(7)
    grain = measure_grain(
        [p + 0.02 * np.sqrt(np.maximum(p, 0) + 0.01) * noise(p.shape, sigma, rng) for p in rendered()]
    )
    known = 0.02**2 * (LIGHTS[:2] + 0.01)
    assert np.all(np.abs(grain.variance(LIGHTS[:2]) / known - 1) < 0.15)
    side = correlations(noise((256, 256, 1), sigma, rng)[..., 0])[1:]
    np.testing.assert_allclose(grain.correlation[1, 1, REACH, REACH + 1 :][:2], side, rtol=0.15, atol=0.03)


def test_a_rough_wall_beside_a_flat_one_does_not_count():
    rng = np.random.default_rng(8)
    wall = surface()
    wall[:, :160] *= 1 + 0.3 * noise((260, 160, 1), 1.5, rng).astype(np.float32)
    grain = measure_grain([wall + 0.01 * rng.standard_normal(wall.shape)])
    np.testing.assert_allclose(grain.variance(LIGHTS), 1e-4, rtol=0.15)


def test_what_is_found_is_a_little_less_than_there_is_and_never_more():
    ratios = []
    for seed in range(6):
        picture = surface(seed=seed)
        noisy = picture + 0.02 * np.sqrt(picture) * np.random.default_rng(seed).standard_normal(picture.shape)
        ratios.append(measure_grain([noisy]).variance(LIGHTS) / (0.02**2 * LIGHTS))
    assert np.min(ratios) > 0.93, ratios
    assert np.max(ratios) <= 1.0, ratios


def test_clipped_constant_and_broken_pixels_do_not_count():
    rng = np.random.default_rng(9)
    picture = (surface() + 0.02 * rng.standard_normal((260, 320, 3))).astype(np.float32)
    picture[:40] = 0.0  # a letterbox
    picture[-50:] = np.minimum(picture[-50:] * 9, 1.0)  # burnt out
    picture[100:110, 50:60] = np.nan
    picture[130, 40] = np.inf
    np.testing.assert_allclose(measure_grain([picture]).variance(LIGHTS), 4e-4, rtol=0.15)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((10, 300, 3)), np.ones((200, 200, 3)), np.full((99, 99, 3), np.nan)],
    ids=["low", "flat", "nan"],
)
def test_where_nothing_can_be_told_nothing_is_laid(picture):
    grain = measure_grain([np.asarray(picture, np.float32)])
    card = np.full((20, 20, 3), 0.3, np.float32)
    np.testing.assert_array_equal(grain.lay(card, seed=1), card)
    np.testing.assert_array_equal(measure_grain([]).lay(card, seed=1), card)


def plain(sigma: float = 0.7) -> Grain:
    """A tenth everywhere, of known coarseness."""
    shape = np.exp(-((np.arange(-REACH, REACH + 1)) ** 2) / (4 * sigma**2))
    correlation = np.einsum("ab,y,x->abyx", np.eye(3), shape, shape)
    return Grain(np.diag([0.01, 0.0, 0.0])[:1].repeat(3, 0), np.tile([0.0, 1.0], (3, 1)), correlation)


def test_a_pixel_of_a_frame_has_its_own_grain_wherever_the_region_begins():
    card = np.full((300, 310, 3), 0.2, np.float32)
    whole = plain().lay(card, seed=1001, origin=(-140, 100))
    part = plain().lay(card[:90, :70], seed=1001, origin=(-20, 217))
    np.testing.assert_allclose(part, whole[117:207, 120:190], atol=1e-6)
    np.testing.assert_array_equal(plain().lay(card, seed=1001, origin=(-140, 100)), whole)


def test_frames_and_places_are_independent():
    card = np.full((256, 256, 3), 0.2, np.float32)
    frames = [plain().lay(card, seed=seed)[..., 0].ravel() for seed in (1001, 1002, -1001, 1001 + 2**20)]
    assert np.abs(np.corrcoef(frames) - np.eye(4)).max() < 0.03
    tiles = white_noise(256, 192, 1001, (0, 0)).reshape(3, 3, TILE, 4, TILE).transpose(0, 1, 3, 2, 4).reshape(36, -1)
    assert np.abs(np.corrcoef(tiles) - np.eye(36)).max() < 6.4 / TILE  # of their deviations


def test_strength_scales_it_and_nothing_is_none():
    card = np.full((64, 64, 3), 0.2, np.float32)
    whole, half = (plain().lay(card, seed=3, strength=strength) - card for strength in (1.0, 0.5))
    np.testing.assert_allclose(half, whole / 2, atol=1e-6)
    np.testing.assert_array_equal(plain().lay(card, seed=3, strength=0.0), card)


def test_grain_follows_the_light_within_what_was_measured_and_stays_sane_beyond():
    grain = Grain(np.array([[1e-4, 1e-3, 0.0]] * 3), np.array([[0.01, 0.5]] * 3), plain().correlation)
    levels = np.array([-3.0, 0.01, 0.2, 0.5, 5.0, 64.0], np.float32)
    variance = grain.variance(np.repeat(levels[:, None], 3, 1))[:, 0]
    np.testing.assert_allclose(variance, [1.1e-4, 1.1e-4, 3e-4, 6e-4, 6e-3, 6e-4 * 128], rtol=1e-4)
    wild = np.linspace(-5, 64, 3 * 40 * 40, dtype=np.float32).reshape(40, 40, 3)
    assert np.isfinite(grain.lay(wild, seed=1)).all()


def test_under_a_soft_matte_the_mix_is_as_grainy_as_the_plate():
    rng = np.random.default_rng(11)
    matte = np.repeat(np.linspace(0, 1, 9, dtype=np.float32), 64)[None].repeat(400, 0)
    card = np.full((*matte.shape, 3), 0.2, np.float32)
    plate = card + 0.1 * noise(card.shape, 0.7, rng).astype(np.float32)
    mixed = {}
    for name, given in (("with", matte), ("without", None)):
        swap = plain().lay(card, seed=1, matte=given)
        composite = plate + matte[..., None] * (swap - plate)
        mixed[name] = composite.reshape(400, 9, 64, 3).var((0, 2, 3)) / 0.01
    np.testing.assert_allclose(mixed["with"], 1, atol=0.06)
    assert mixed["without"][4] < 0.6  # at a half, a half of the variance is missing


def test_it_survives_as_json():
    grain = measure_grain([surface() + 0.02 * np.random.default_rng(1).standard_normal((260, 320, 3))])
    again = Grain.from_json(json.loads(json.dumps(grain.to_json())))
    card = np.full((50, 50, 3), 0.2, np.float32)
    np.testing.assert_array_equal(again.lay(card, seed=7), grain.lay(card, seed=7))
