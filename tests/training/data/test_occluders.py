from __future__ import annotations

import torch
from made_dice import thrown
from scipy.ndimage import label
from understudy.model.normalisation import detail, gate
from understudy.training.data.augment import AugmentContext, look_up, vary
from understudy.training.data.augment_config import AugmentConfig
from understudy.training.data.occluders import occlude

SIZE = 64


def test_occluders_cover_a_part_of_the_picture_and_hang_together():
    cover, paint = occlude(SIZE, thrown(0, 150), 1.0)
    assert cover.shape == (150, 1, SIZE, SIZE) and paint.shape == (150, 3, SIZE, SIZE)
    assert float(cover.min()) == 0 and float(cover.max()) == 1
    area = cover.mean((1, 2, 3))
    assert float(area.min()) > 0.01 and float(area.max()) < 0.5 and 0.05 < float(area.mean()) < 0.25
    pieces = [label(picture[0].numpy() > 0)[1] for picture in cover]
    assert sum(count == 1 for count in pieces) > 0.9 * len(pieces) and max(pieces) <= 5
    soft = ((cover > 0.05) & (cover < 0.95)).float().mean((1, 2, 3))
    assert bool((soft > 0).all())
    assert float((area > 0.02).float().mean()) > 0.9


def test_a_third_are_lumps_a_third_bars_and_a_third_hands():
    cover = occlude(SIZE, thrown(0, 150), 1.0)[0][:, 0] > 0
    # Around the edge: a lump seldom gets there, the arm of a hand crosses it once, a bar twice.
    edge = torch.cat(
        [cover[:, 0, :-1], cover[:, :-1, -1], cover[:, -1].flip(1)[:, :-1], cover[:, 1:, 0].flip(1)], dim=1
    )
    crossings = (edge & ~edge.roll(1, 1)).sum(1)
    shares = torch.bincount(crossings, minlength=3)[:3] / len(cover)
    assert float(shares.min()) > 0.2 and float(shares.sum()) > 0.9, shares


def test_occluders_come_as_often_as_asked_for():
    often = (occlude(16, thrown(1, 400), 0.3)[0].amax((1, 2, 3)) > 0).float().mean()
    assert abs(float(often) - 0.3) < 0.07
    assert float(occlude(16, thrown(1, 50), 0.0)[0].max()) == 0


def test_half_of_them_are_striped():
    paint = occlude(SIZE, thrown(2, 200), 1.0)[1]
    # A flat colour with its shade is a plane: it has no second difference.
    bend = paint.diff(n=2, dim=3).abs().amax((1, 2, 3)) + paint.diff(n=2, dim=2).abs().amax((1, 2, 3))
    assert 0.35 < float((bend > 1e-3).float().mean()) < 0.65


def test_what_is_covered_is_shown_and_left_out_of_the_wanted_mask():
    faces = torch.randn(6, 8, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    masks = torch.zeros(6, 1, SIZE, SIZE)
    masks[:, :, 8:56, 12:52] = 1
    faces[:, 3:4], faces[:, 4:5] = masks, 0.5 * masks
    faces[:, 5:] = detail(faces[:, :3], gate(masks))
    around, still = AugmentContext(torch.zeros(6, 17, 17, 2)), AugmentConfig(warp=0.0)
    plain = vary(faces, around, thrown(8, 6), still, None)
    hidden = vary(faces, around, thrown(8, 6), AugmentConfig(warp=0.0, occluders=1.0), None)
    assert hidden.cover is not None and torch.equal(plain.grid, hidden.grid)
    assert torch.equal(hidden.wanted[:, :3], plain.wanted[:, :3])
    assert torch.allclose(hidden.wanted[:, 3:], plain.wanted[:, 3:] * (1 - hidden.cover), atol=1e-5)
    assert bool((hidden.wanted[:, 3].mean((1, 2)) < plain.wanted[:, 3].mean((1, 2))).all())
    # It moves with the face: the dice placed the face first, and then laid this before it.
    dice = thrown(8, 6)
    dice.uniform(4)
    laid = occlude(SIZE, dice, 1.0)[0]
    far = vary(faces, around, thrown(8, 6), AugmentConfig(warp=0.0, affine=8.0, occluders=1.0), None)
    for batch in (hidden, far):
        assert batch.cover is not None and torch.equal(batch.cover, look_up(laid, batch.grid))
    assert float((far.cover - hidden.cover).abs().max()) > 0.5
    # Inside an occluder, stripes apart, what was filmed has no more to say: with other faces behind it, the same is shown there.
    others = faces.clone()
    others[:, :3] = faces[:, :3].flip(0)
    behind = vary(others, around, thrown(8, 6), AugmentConfig(warp=0.0, occluders=1.0), None)
    inside = (hidden.cover == 1).expand_as(hidden.shown)
    sharp = [batch.shown - torch.nn.functional.avg_pool2d(batch.shown, 3, 1, 1) for batch in (hidden, behind)]
    assert float(sharp[0][inside].std()) < 0.5 * float(sharp[0][~inside].std())
    assert float((hidden.shown - behind.shown)[inside].abs().mean()) < 0.3 * float(
        (hidden.shown - behind.shown)[~inside & (plain.wanted[:, 3:4] > 0.9).expand_as(inside)].abs().mean()
    )
