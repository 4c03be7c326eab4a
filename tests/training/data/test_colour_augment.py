"""Colours are varied in scene-linear light, and only where the encoder looks."""

from __future__ import annotations

import colorsys
import math

import pytest
import torch
from made_dice import thrown
from understudy.model.log_curve import decode, encode
from understudy.model.normalisation import ColourStats, detail, gate, lights_of_faces
from understudy.training.data.augment import AugmentContext, vary
from understudy.training.data.augment_config import AugmentConfig
from understudy.training.data.colour_augment import chroma, lend_colours, relight
from understudy.training.data.random_draws import Draws

SIZE = 32
LIGHT = ColourStats(
    torch.tensor([[0.5, 0.4, 0.3], [0.6, 0.55, 0.5]]), torch.tensor([[0.1, 0.12, 0.15], [0.2, 0.1, 0.1]])
)


def certain(count: int) -> Draws:
    """Dice that always show one spread, and the lowest chance."""
    return Draws(torch.ones(count, 80), torch.zeros(count, 40))


@pytest.fixture(scope="module")
def linear() -> torch.Tensor:
    """(2, 3, R, R) skin-like scene-linear light with highlights, and a little below 0."""
    dice = torch.Generator().manual_seed(1)
    tone = torch.tensor([0.4, 0.25, 0.18])[:, None, None]
    return tone * torch.exp(0.5 * torch.randn(2, 3, SIZE, SIZE, generator=dice)) - 0.02


def relit(linear: torch.Tensor, variation: AugmentConfig, dice: Draws | None = None) -> torch.Tensor:
    normalised = LIGHT.normalise(encode(linear))
    return decode(LIGHT.restore(relight(normalised, LIGHT, dice or certain(2), variation)))


def test_a_stop_of_exposure_doubles_the_light(linear):
    assert torch.allclose(relit(linear, AugmentConfig(exposure=1.0)), 2 * linear, rtol=1e-4, atol=1e-5)


def test_exposure_is_one_gain_a_face_and_white_balance_one_a_channel(linear):
    gains = {
        name: torch.log2(relit(linear, AugmentConfig(**{name: 0.5}), thrown(2, 2)) / linear).flatten(2)
        for name in ("exposure", "white_balance")
    }
    for gain in gains.values():
        assert float((gain - gain.median(2, keepdim=True).values).abs().median()) < 1e-4
        assert float(gain[0].mean() - gain[1].mean()) != 0
    exposure, balance = (gain.median(2).values for gain in gains.values())
    assert torch.allclose(exposure, exposure[:, :1].expand(2, 3), atol=1e-3)
    assert float(balance.std(1).min()) > 0.05


def test_hue_turns_as_in_the_colour_circle():
    colours = torch.rand(200, 3, generator=torch.Generator().manual_seed(3)) * 0.9 + 0.05
    for degrees in (10.0, 45.0, -70.0):
        turned = colours @ chroma(torch.tensor([math.radians(degrees)]), torch.ones(1))[0].T
        for before, after in zip(colours.tolist(), turned.tolist(), strict=True):
            if min(after) <= 0 or max(before) - min(before) < 0.1:
                continue
            moved = 360 * (colorsys.rgb_to_hsv(*after)[0] - colorsys.rgb_to_hsv(*before)[0])
            # The circle of a rotation and the hexagon of HSV differ by up to 1.2 degrees at either end.
            assert (moved - degrees + 180) % 360 - 180 == pytest.approx(0, abs=2.5)
    third = chroma(torch.tensor([2 * math.pi / 3]), torch.ones(1))[0]
    assert torch.allclose(third @ torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]), atol=1e-6)


def test_saturation_scales_the_distance_from_grey(linear):
    grey = linear.mean(1, keepdim=True)
    assert torch.allclose(relit(linear, AugmentConfig(saturation=0.5)), grey + 1.5 * (linear - grey), atol=1e-4)
    wild = relit(linear, AugmentConfig(saturation=1.0), thrown(1, 2))
    assert torch.allclose(wild.mean(1), linear.mean(1), atol=1e-4)


def test_faces_reach_the_colours_of_their_donors():
    dice = torch.Generator().manual_seed(4)
    faces, donors = torch.randn(40, 8, SIZE, SIZE, generator=dice), torch.randn(40, 8, SIZE, SIZE, generator=dice)
    donors[:, :3] = 0.7 * donors[:, :3] + torch.tensor([0.5, -0.2, 0.1])[:, None, None]
    masks = (faces[:, 3:4] > 0.3).float()
    donors[:, 3:4] = (donors[:, 3:4] > 0).float()
    lent = lend_colours(faces[:, :3], masks, donors, thrown(0, 40), 1.0)
    for reached, wanted in zip(
        lights_of_faces(lent, masks), lights_of_faces(donors[:, :3], donors[:, 3:4]), strict=True
    ):
        assert torch.allclose(reached, wanted, atol=1e-3)
    some = lend_colours(faces[:, :3], masks, donors, thrown(0, 40), 0.5)
    kept = (some == faces[:, :3]).flatten(1).all(1)
    assert 8 < int(kept.sum()) < 32 and torch.equal(some[~kept], lent[~kept])


def test_other_light_is_shown_as_detail_and_never_wanted(linear):
    masks = torch.zeros(2, 1, SIZE, SIZE)
    masks[:, :, 8:24, 8:24] = 1
    colour = LIGHT.normalise(encode(linear))
    faces = torch.cat([colour, masks, 0 * masks, detail(colour, gate(masks))], dim=1)
    fields, still = torch.zeros(2, 17, 17, 2), AugmentConfig(affine=0.0)

    def varied(variation: AugmentConfig, light: ColourStats | None = LIGHT, donors: torch.Tensor | None = None):
        return vary(faces, AugmentContext(fields, light, donors), certain(2), variation, None)

    plain = varied(still)
    bright = varied(AugmentConfig(affine=0.0, exposure=1.0))
    tint = 1.08  # one spread of the tint that is always there
    expected = detail(LIGHT.normalise(encode(2 * linear)), gate(masks)) * tint
    assert torch.allclose(bright.shown, expected, atol=1e-3)
    assert float((bright.shown - plain.shown).abs().max()) > 0.1
    lent = varied(AugmentConfig(affine=0.0, colour_of_others=1.0), donors=faces.flip(0) * 1.5)
    assert float((lent.shown - plain.shown).abs().max()) > 0.1
    assert torch.equal(bright.wanted, plain.wanted) and torch.equal(lent.wanted, plain.wanted)
    nobody = varied(AugmentConfig(affine=0.0, colour_of_others=1.0))
    assert torch.equal(nobody.shown, plain.shown)


def test_a_face_without_a_mask_stays_finite(linear):
    faces = torch.cat([100 * LIGHT.normalise(encode(linear)), torch.zeros(2, 5, SIZE, SIZE)], dim=1)
    donors = torch.cat([faces[:, :3], torch.ones(2, 1, SIZE, SIZE)], dim=1)
    everything = AugmentConfig(exposure=2.0, hue=90.0, saturation=1.0, colour_of_others=1.0)
    around = AugmentContext(torch.zeros(2, 17, 17, 2), LIGHT, donors)
    shown = vary(faces, around, thrown(0, 2), everything, torch.ones(())).shown
    assert bool(torch.isfinite(shown).all())
