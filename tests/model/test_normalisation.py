from __future__ import annotations

import json

import pytest
import torch
from understudy.model.normalisation import ColourStats, detail, gate, low_pass, measure_light


def faces(count: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(count, 1, 32, 32)
    masks[:, :, 8:24, 8:24] = 1
    codes = torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1) + 0.1 * torch.randn(count, 3, 32, 32, generator=generator)
    return codes, masks


def test_light_is_measured_inside_the_masks():
    codes, masks = faces()
    outside = codes + 50 * (1 - masks)
    light, same = measure_light(codes, masks), measure_light(outside, masks)
    assert torch.allclose(light.mean, torch.tensor([0.5, 0.4, 0.3]), atol=0.02)
    assert torch.allclose(light.spread, torch.full((3,), 0.1), atol=0.01)
    assert torch.allclose(light.mean, same.mean, atol=1e-5)


def test_a_few_frames_in_another_light_do_not_count():
    codes, masks = faces(11)
    before = measure_light(codes, masks)
    codes[[0, 4, 7, 10]] = 3 * codes[[0, 4, 7, 10]] + 2
    after = measure_light(codes, masks)
    assert float((after.mean - before.mean).abs().max()) < 0.01
    assert float((after.spread - before.spread).abs().max()) < 0.01


def test_light_taken_out_comes_back():
    codes, masks = faces()
    light = measure_light(codes, masks)
    normalised = light.normalise(codes)
    inside = normalised[:, :, 8:24, 8:24]
    assert float(inside.mean().abs()) < 0.05 and float(inside.std()) == pytest.approx(1, abs=0.05)
    assert torch.allclose(light.restore(normalised), codes, atol=1e-5)
    again = ColourStats.from_json(json.loads(json.dumps(light.to_json())))
    assert torch.equal(again.mean, light.mean) and torch.equal(again.spread, light.spread)


def test_a_flat_card_does_not_explode():
    flat, masks = torch.full((3, 3, 16, 16), 0.4), torch.ones(3, 1, 16, 16)
    assert bool(measure_light(flat, masks).normalise(flat).abs().max() < 1e-3)


def test_the_broad_light_of_a_face_knows_nothing_of_its_surroundings():
    codes, masks = faces(1)
    loud = torch.where(masks > 0, codes, torch.tensor(1000.0))
    inside = masks.expand_as(codes) > 0
    assert torch.allclose(low_pass(codes, masks, 1 / 16)[inside], low_pass(loud, masks, 1 / 16)[inside], atol=1e-5)


def test_the_broad_light_of_a_constant_is_that_constant_up_to_the_edge():
    masks = faces(1)[1]
    broad = low_pass(torch.full((1, 3, 32, 32), 0.6), masks, 0.05)
    assert torch.allclose(broad[masks.expand(1, 3, -1, -1) > 0], torch.tensor(0.6), atol=1e-5)


def test_the_encoder_sees_neither_surroundings_nor_broad_light():
    codes, masks = faces(1)
    window = gate(masks)
    shown = detail(codes, window)
    assert float(shown[..., :2, :].abs().max()) == 0
    assert float(window[..., 10:22, 10:22].min()) > 0.95
    brighter = detail(codes + 0.7, window)
    assert float((brighter - shown)[..., 10:22, 10:22].abs().max()) < 0.01
