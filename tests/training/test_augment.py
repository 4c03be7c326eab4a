from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from understudy.model.presentation import Light
from understudy.training.augment import ROTATION, SCALE, SHIFT, along, look_up, vary
from understudy.training.variation import Random, Variation

CPU = torch.device("cpu")
STILL = Variation(warp=0.0)


def packed(count: int = 3, size: int = 32) -> torch.Tensor:
    return torch.randn(count, 8, size, size, generator=torch.Generator().manual_seed(0))


def small_moves(faces: torch.Tensor, fields: torch.Tensor, seed: int, warp: float) -> list[torch.Tensor]:
    """Everything that is always varied, written out: shown, wanted and where that was looked up."""
    generator, count, size = torch.Generator().manual_seed(seed), len(faces), faces.shape[-1]
    turn, scale, right, down = (torch.rand(count, 4, generator=generator) * 2 - 1).unbind(1)
    angle, scale = turn * math.radians(2.0), 1 + scale * 0.015
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [cosine, -sine, right * 0.0125 * 2, sine, cosine, down * 0.0125 * 2]
    grid = F.affine_grid(torch.stack(rows, 1).view(count, 2, 3), [count, 1, size, size], align_corners=False)
    lattice = torch.randn(count, 2, 5, 5, generator=generator).clamp(-2, 2) * (0.027 * warp)
    loose = F.interpolate(lattice, size=(size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    chance = [torch.rand(count, 1, 1, 1, generator=generator) for _ in range(2)]
    bent = F.grid_sample(
        fields.permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="border", align_corners=True
    ).permute(0, 2, 3, 1)
    placed = grid + loose + chance[0] * 1.3 * (chance[1] < 0.8) * min(warp, 1.0) * bent
    shown, wanted = (
        F.grid_sample(part, where, mode="bilinear", padding_mode="border", align_corners=False)
        for part, where in ((faces[:, 5:], placed), (faces[:, :5], grid))
    )
    return [shown * (1 + 0.08 * torch.randn(count, 3, 1, 1, generator=generator)), wanted, grid]


@pytest.mark.parametrize("warp", [0.5, 1.0])
def test_with_nothing_asked_for_only_the_small_moves_are_made_bit_for_bit(warp):
    faces, fields = packed(), 0.1 * packed()[:, :2, :17, :17].permute(0, 2, 3, 1)
    batch = vary(faces, fields, Random(4, CPU), Variation(warp=warp))
    for made, expected in zip(
        (batch.shown, batch.wanted, batch.grid), small_moves(faces, fields, 4, warp), strict=True
    ):
        assert torch.equal(made, expected)
    assert batch.cover is None


def test_without_a_warp_what_is_shown_is_what_is_wanted():
    faces = packed()
    faces[:, 5:8] = faces[:, :3]
    fields = torch.full((3, 17, 17, 2), 0.2)
    batch = vary(faces, fields, Random(1, CPU), STILL)
    tint = batch.shown / batch.wanted[:, :3]
    centre = tint.flatten(2).median(2).values
    assert torch.allclose(tint, centre[:, :, None, None].expand_as(tint), rtol=1e-3)


def test_a_warp_moves_what_is_shown_and_never_what_is_wanted():
    faces = packed()
    fields = torch.zeros(3, 17, 17, 2)
    still = vary(faces, fields, Random(1, CPU), STILL)
    warped = vary(faces, fields, Random(1, CPU), Variation())
    assert torch.equal(still.wanted, warped.wanted) and torch.equal(still.grid, warped.grid)
    assert float((still.shown - warped.shown).abs().mean()) > 0.1


def test_the_same_dice_give_the_same_batch_and_go_on_where_they_were():
    faces, fields = packed(), torch.zeros(3, 17, 17, 2)
    everything = Variation(flip=True, blur=0.5, downscale=0.5, noise=0.5, occluders=0.5)
    one, two = Random(5, CPU), Random(6, CPU)
    vary(faces, fields, one, everything)
    two.generator.set_state(one.generator.get_state())
    a, b = (vary(faces, fields, dice, everything) for dice in (one, two))
    assert torch.equal(a.shown, b.shown) and torch.equal(a.wanted, b.wanted)
    assert not torch.equal(a.shown, vary(faces, fields, one, everything).shown)


def test_mirroring_happens_only_when_asked_for():
    ramp = torch.linspace(-1, 1, 32).expand(40, 8, 32, 32).contiguous()
    fields = torch.zeros(40, 17, 17, 2)
    rises = {
        flip: (vary(ramp, fields, Random(0, CPU), STILL.at(1.0, flip=flip)).wanted[:, 0, 16].diff().mean(1) > 0)
        for flip in (False, True)
    }
    assert bool(rises[False].all())
    assert 8 < int(rises[True].sum()) < 32


@pytest.mark.parametrize("strength", [0.0, 1.0, 8.0])
def test_faces_are_turned_scaled_and_shifted_as_opencv_would(strength):
    size = 64
    faces = F.avg_pool2d(packed(4, size), 5, stride=1, padding=2)
    batch = vary(faces, torch.zeros(4, 17, 17, 2), Random(7, CPU), replace(STILL, affine=strength))
    spread = (torch.rand(4, 4, generator=torch.Generator().manual_seed(7)) * 2 - 1).numpy() * strength
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
    light = Light(torch.full((3, 3), 0.5), torch.full((3, 3), 0.1))
    colours = {"exposure": 0.5, "white_balance": 0.2, "hue": 20.0, "saturation": 0.3, "colour_of_others": 0.5}
    everything = Variation(flip=True, blur=0.5, downscale=0.5, occluders=1.0, **colours)
    there = {}
    for name in ("cpu", "cuda"):
        device = torch.device(name)
        moved = faces.to(device), fields.to(device)
        there[name] = vary(*moved, Random(1, device), everything, light.to(device), moved[0].flip(0))
    assert torch.allclose(there["cuda"].shown.cpu(), there["cpu"].shown, atol=0.02)
    assert torch.allclose(there["cuda"].wanted.cpu(), there["cpu"].wanted, atol=0.02)
