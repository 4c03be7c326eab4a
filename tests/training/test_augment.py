from __future__ import annotations

import torch
from understudy.training.augment import Random, along, look_up, vary

CPU = torch.device("cpu")


def packed(count: int = 3, size: int = 32) -> torch.Tensor:
    return torch.randn(count, 8, size, size, generator=torch.Generator().manual_seed(0))


def test_without_a_warp_what_is_shown_is_what_is_wanted():
    faces = packed()
    faces[:, 5:8] = faces[:, :3]
    fields = torch.full((3, 17, 17, 2), 0.2)
    batch = vary(faces, fields, Random(1, CPU), warp=0.0, flip=False)
    tint = batch.shown / batch.wanted[:, :3]
    centre = tint.flatten(2).median(2).values
    assert torch.allclose(tint, centre[:, :, None, None].expand_as(tint), rtol=1e-3)


def test_a_warp_moves_what_is_shown_and_never_what_is_wanted():
    faces = packed()
    fields = torch.zeros(3, 17, 17, 2)
    still = vary(faces, fields, Random(1, CPU), warp=0.0, flip=False)
    warped = vary(faces, fields, Random(1, CPU), warp=1.0, flip=False)
    assert torch.equal(still.wanted, warped.wanted) and torch.equal(still.grid, warped.grid)
    assert float((still.shown - warped.shown).abs().mean()) > 0.1


def test_the_same_dice_give_the_same_batch_and_go_on_where_they_were():
    faces, fields = packed(), torch.zeros(3, 17, 17, 2)
    one, two = Random(5, CPU), Random(6, CPU)
    vary(faces, fields, one, warp=1.0, flip=True)
    two.generator.set_state(one.generator.get_state())
    a, b = (vary(faces, fields, dice, warp=1.0, flip=True) for dice in (one, two))
    assert torch.equal(a.shown, b.shown) and torch.equal(a.wanted, b.wanted)


def test_mirroring_happens_only_when_asked_for():
    ramp = torch.linspace(-1, 1, 32).expand(40, 8, 32, 32).contiguous()
    fields = torch.zeros(40, 17, 17, 2)
    rises = {
        flip: (vary(ramp, fields, Random(0, CPU), warp=0.0, flip=flip).wanted[:, 0, 16].diff().mean(1) > 0)
        for flip in (False, True)
    }
    assert bool(rises[False].all())
    assert 8 < int(rises[True].sum()) < 32


def test_looking_up_a_shifted_grid_shifts_the_picture_by_whole_pixels():
    faces = packed(1, 16)
    still = torch.nn.functional.affine_grid(torch.eye(2, 3)[None], [1, 1, 16, 16], align_corners=False)
    assert torch.allclose(look_up(faces, still), faces, atol=1e-5)
    field = torch.zeros(1, 17, 17, 2)
    field[..., 0] = 2 * 2 / 16
    moved = look_up(faces, still + along(field, still))
    assert torch.allclose(moved[..., :-2], faces[..., 2:], atol=1e-5)
