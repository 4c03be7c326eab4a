from __future__ import annotations

import math
from dataclasses import fields as fields_of

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from made_dice import thrown
from understudy.model.normalisation import ColourStats
from understudy.training.data.augment import ROTATION, SCALE, SHIFT, AugmentContext, along, look_up, vary
from understudy.training.data.augment_config import AugmentConfig
from understudy.training.data.random_draws import NORMALS, UNIFORMS, BatchRandom

WHOLE = torch.ones(())


def packed(count: int = 3, size: int = 32) -> torch.Tensor:
    return torch.randn(count, 8, size, size, generator=torch.Generator().manual_seed(0))


def small_moves(faces: torch.Tensor, fields: torch.Tensor, seed: int, warp: float) -> list[torch.Tensor]:
    """Everything that is always varied, written out: shown, wanted and where that was looked up."""
    generator, count, size = torch.Generator().manual_seed(seed), len(faces), faces.shape[-1]
    normals, chances = (
        torch.randn(count, NORMALS, generator=generator),
        torch.rand(count, UNIFORMS, generator=generator),
    )
    turn, scale, right, down = (chances[:, :4] * 2 - 1).unbind(1)
    angle, scale = turn * math.radians(2.0), 1 + scale * 0.015
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [cosine, -sine, right * 0.0125 * 2, sine, cosine, down * 0.0125 * 2]
    grid = F.affine_grid(torch.stack(rows, 1).view(count, 2, 3), [count, 1, size, size], align_corners=False)
    lattice = normals[:, :50].reshape(count, 2, 5, 5).clamp(-2, 2) * (0.027 * warp)
    loose = F.interpolate(lattice, size=(size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    chance = chances[:, 4:6].reshape(count, 2, 1, 1, 1)
    bent = F.grid_sample(
        fields.permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="border", align_corners=True
    ).permute(0, 2, 3, 1)
    placed = grid + loose + chance[:, 0] * 1.3 * (chance[:, 1] < 0.8) * min(warp, 1.0) * bent
    shown, wanted = (
        F.grid_sample(part, where, mode="bilinear", padding_mode="border", align_corners=False)
        for part, where in ((faces[:, 5:], placed), (faces[:, :5], grid))
    )
    return [shown * (1 + 0.08 * normals[:, 50:53].reshape(count, 3, 1, 1)), wanted, grid]


@pytest.mark.parametrize(("strength", "warp"), [(1.0, 0.5), (2.0, 1.0), (1.5, 0.75)])
def test_with_nothing_asked_for_only_the_small_moves_are_made(strength, warp):
    faces, fields = packed(), 0.1 * packed()[:, :2, :17, :17].permute(0, 2, 3, 1)
    batch = vary(faces, AugmentContext(fields), thrown(4, 3), AugmentConfig(warp=strength), torch.tensor(warp))
    for made, expected in zip(
        (batch.shown, batch.wanted, batch.grid), small_moves(faces, fields, 4, strength * warp), strict=True
    ):
        torch.testing.assert_close(
            made, expected, rtol=0, atol=2e-5
        )  # of noise, whose neighbours differ by whole units
    assert batch.cover is None


@pytest.mark.parametrize(("strength", "warp"), [(1.0, None), (0.0, WHOLE)])
def test_without_a_warp_what_is_shown_is_what_is_wanted(strength, warp):
    faces = packed()
    faces[:, 5:8] = faces[:, :3]
    around = AugmentContext(torch.full((3, 17, 17, 2), 0.2))
    batch = vary(faces, around, thrown(1, 3), AugmentConfig(warp=strength), warp)
    tint = batch.shown / batch.wanted[:, :3]
    centre = tint.flatten(2).median(2).values
    assert torch.allclose(tint, centre[:, :, None, None].expand_as(tint), rtol=1e-3)


def test_a_warp_moves_what_is_shown_and_never_what_is_wanted():
    faces, around = packed(), AugmentContext(torch.zeros(3, 17, 17, 2))
    still, warped = (vary(faces, around, thrown(1, 3), AugmentConfig(), warp) for warp in (None, WHOLE))
    assert torch.equal(still.wanted, warped.wanted) and torch.equal(still.grid, warped.grid)
    assert float((still.shown - warped.shown).abs().mean()) > 0.1


def test_the_same_dice_give_the_same_batch_and_go_on_where_they_were():
    around = AugmentContext(torch.zeros(3, 17, 17, 2), flips=torch.full((3, 1, 1, 1), 0.5))
    everything = AugmentConfig(blur=0.5, downscale=0.5, noise=0.5, occluders=0.5)

    def varied(dice: BatchRandom) -> torch.Tensor:
        return vary(packed(), around, dice.throw(3, grain=32), everything, WHOLE).shown

    one, two = BatchRandom(5, torch.device("cpu")), BatchRandom(6, torch.device("cpu"))
    varied(one)
    two.generator.set_state(one.generator.get_state())
    shown = varied(one)
    assert torch.equal(shown, varied(two)) and not torch.equal(shown, varied(one))


def test_everything_that_can_be_varied_finds_numbers_enough():
    switched_on = {field.name: 1.0 for field in fields_of(AugmentConfig)}
    faces, light = packed(), ColourStats(torch.full((3, 3), 0.5), torch.full((3, 3), 0.1))
    faces[:, 3:5] = faces[:, 3:5].sigmoid()
    around = AugmentContext(torch.zeros(3, 17, 17, 2), light, faces, torch.ones(3, 1, 1, 1))
    assert bool(vary(faces, around, thrown(0, 3, 32), AugmentConfig(**switched_on), WHOLE).shown.isfinite().all())


def test_each_is_mirrored_as_often_as_asked_for():
    ramp = torch.linspace(-1, 1, 32).expand(60, 8, 32, 32).contiguous()
    often = torch.tensor([0.0, 0.5, 1.0]).repeat_interleave(20)[:, None, None, None]
    for flips in (None, often):
        batch = vary(
            ramp, AugmentContext(torch.zeros(60, 17, 17, 2), flips=flips), thrown(0, 60), AugmentConfig(), None
        )
        rises = (batch.wanted[:, 0, 16].diff().mean(1) > 0).view(3, 20).sum(1).tolist()
        assert rises == [20, 20, 20] if flips is None else (rises[0], rises[2]) == (20, 0) and 4 < rises[1] < 16


@pytest.mark.parametrize("strength", [0.0, 1.0, 8.0])
def test_faces_are_turned_scaled_and_shifted_as_opencv_would(strength):
    size = 64
    faces = F.avg_pool2d(packed(4, size), 5, stride=1, padding=2)
    batch = vary(faces, AugmentContext(torch.zeros(4, 17, 17, 2)), thrown(7, 4), AugmentConfig(affine=strength), None)
    spread = (thrown(7, 4).uniform(4) * 2 - 1).numpy() * strength
    for picture, wanted, (turn, scale, right, down) in zip(faces, batch.wanted, spread, strict=True):
        # OpenCV counts pixels from their centres, and angles against the clock.
        middle = (size - 1) / 2
        matrix = cv2.getRotationMatrix2D((middle, middle), -math.degrees(turn * ROTATION), 1 + scale * SCALE)
        matrix[:, 2] += np.array([right, down]) * SHIFT * size
        expected = cv2.warpAffine(
            picture[0].numpy(), matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        # It rounds positions to 1/32 pixel.
        np.testing.assert_allclose(wanted[0].numpy(), expected, atol=0.03)


def test_looking_up_a_shifted_grid_shifts_the_picture_by_whole_pixels():
    faces = packed(1, 16)
    still = torch.nn.functional.affine_grid(torch.eye(2, 3)[None], [1, 1, 16, 16], align_corners=False)
    assert torch.allclose(look_up(faces, still), faces, atol=1e-5)
    field = torch.zeros(1, 17, 17, 2)
    field[..., 0] = 2 * 2 / 16
    moved = look_up(faces, still + along(field, still))
    assert torch.allclose(moved[..., :-2], faces[..., 2:], atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_the_same_dice_vary_faces_alike_on_the_gpu():
    faces, fields = packed(), torch.zeros(3, 17, 17, 2)
    light = ColourStats(torch.full((3, 3), 0.5), torch.full((3, 3), 0.1))
    colours = {"exposure": 0.5, "white_balance": 0.2, "hue": 20.0, "saturation": 0.3, "colour_of_others": 0.5}
    everything = AugmentConfig(blur=0.5, downscale=0.5, occluders=1.0, **colours)
    there = {}
    for name in ("cpu", "cuda"):
        device = torch.device(name)
        moved = faces.to(device)
        around = AugmentContext(
            fields.to(device), light.to(device), moved.flip(0), torch.full((3, 1, 1, 1), 0.5, device=device)
        )
        there[name] = vary(moved, around, BatchRandom(1, device).throw(3), everything, WHOLE.to(device))
    assert torch.allclose(there["cuda"].shown.cpu(), there["cpu"].shown, atol=0.02)
    assert torch.allclose(there["cuda"].wanted.cpu(), there["cpu"].wanted, atol=0.02)
