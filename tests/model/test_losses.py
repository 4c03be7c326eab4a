from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from understudy.model.losses import (
    blur_background,
    edge_loss,
    gaussian_blur,
    mask_loss,
    masked_l1,
    masked_mse,
    multi_scale_dssim,
    psnr,
    ssim,
    ssim_map,
    style_loss,
)

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

LOSSES: dict[str, Loss] = {
    "structure": multi_scale_dssim,
    "squared": masked_mse,
    "absolute": masked_l1,
    "edges": edge_loss,
    "style": lambda a, b, mask: style_loss(a, b, mask, mask),
    "mask": lambda a, b, mask: mask_loss(a[:, :1], mask),
}


def pictures(size: int = 72) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    a = torch.randn(2, 3, size, size, generator=generator)
    a = torch.nn.functional.avg_pool2d(a, 3, 1, 1)
    return a, a + 0.3 * torch.randn(a.shape, generator=generator)


def test_structural_similarity_is_that_of_scikit_image():
    a, b = pictures()
    ours = ssim_map(a, b, data_range=4.0)
    for picture in range(2):
        for colour in range(3):
            _, theirs = structural_similarity(
                a[picture, colour].double().numpy(),
                b[picture, colour].double().numpy(),
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=4.0,
                full=True,
            )
            np.testing.assert_allclose(ours[picture, colour].numpy(), theirs[5:-5, 5:-5], atol=2e-5)


def test_blur_keeps_a_constant_and_the_size():
    flat = torch.full((1, 2, 20, 31), 0.7)
    assert torch.allclose(gaussian_blur(flat, 2.0, 6, pad=True), flat, atol=1e-6)
    assert gaussian_blur(flat, 2.0, 6, pad=False).shape == (1, 2, 8, 19)


def test_the_scales_of_the_structural_loss_differ():
    a, _ = pictures(128)
    mask = torch.ones(2, 1, 128, 128)
    checks = (torch.arange(128)[:, None] + torch.arange(128)[None]) % 2 * 2.0 - 1
    fine = a + 0.5 * checks  # is gone at half size
    broad = a + 0.5 * torch.sin(torch.arange(128) / 6.0)
    losses = {
        name: [float(multi_scale_dssim(a, b, mask, scales)) for scales in (1, 2, 3)]
        for name, b in (("fine", fine), ("broad", broad))
    }
    one, two, three = losses["fine"]
    assert one == pytest.approx(2 * two, rel=0.02)
    assert one == pytest.approx(3 * three, rel=0.02)
    one, two, three = losses["broad"]
    assert two > 0.7 * one and three > 0.7 * one


def test_the_structural_loss_is_blind_outside_the_mask():
    a, b = pictures(96)
    mask = torch.zeros(2, 1, 96, 96)
    mask[:, :, 40:56, 40:56] = 1
    changed = b.clone()
    changed[:, :, :, :8] += 5
    assert torch.equal(multi_scale_dssim(a, b, mask, 1), multi_scale_dssim(a, changed, mask, 1))
    assert float(multi_scale_dssim(a, a, mask)) == pytest.approx(0, abs=1e-6)


def test_squared_error_counts_only_what_the_weight_says():
    a = torch.zeros(1, 3, 4, 4)
    b = torch.zeros(1, 3, 4, 4)
    weight = torch.zeros(1, 1, 4, 4)
    weight[..., :2, :] = 1
    weight[..., 0, 0] = 3
    b[..., 2:, :] = 100.0
    assert float(masked_mse(a, b, weight)) == 0
    b[..., 0, 0] = 2.0
    assert float(masked_mse(a, b, weight)) == pytest.approx(3 * 4 / 10)
    assert float(masked_mse(a, b, weight * 0)) == 0


def test_the_loss_of_a_mask_is_least_where_it_is_right():
    mask = torch.tensor([0.0, 0.3, 1.0]).view(1, 1, 1, 3)
    logits = torch.tensor([-8.0, float(torch.logit(torch.tensor(0.3))), 8.0]).view(1, 1, 1, 3).requires_grad_()
    mask_loss(logits, mask).backward()
    assert float(logits.grad.abs().max()) < 1e-3
    assert float(mask_loss(-logits.detach(), mask)) > float(mask_loss(logits.detach(), mask)) + 1


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_costs_the_mean_of_what_its_portions_cost(name: str):
    a, b = pictures()
    mask = torch.zeros(2, 1, 72, 72)
    mask[0, :, 10:60, 10:60] = 1
    mask[1, :, 30:40, 20:50] = 0.5  # a fraction of the first one's weight
    whole = a.clone().requires_grad_()
    LOSSES[name](whole, b, mask).backward()
    portions = [a[:1].clone().requires_grad_(), a[1:].clone().requires_grad_()]
    for index, part in enumerate(portions):
        (LOSSES[name](part, b[index : index + 1], mask[index : index + 1]) / 2).backward()
    torch.testing.assert_close(whole.grad, torch.cat([part.grad for part in portions]), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "mask"])
def test_a_picture_without_mask_costs_nothing(name: str):
    a, b = pictures()
    mask = torch.ones(2, 1, 72, 72)
    mask[1] = 0
    leaf = a.clone().requires_grad_()
    loss = LOSSES[name](leaf, b, mask)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(LOSSES[name](a[:1], b[:1], mask[:1])) / 2, rel=1e-5)
    assert float(leaf.grad[0].abs().max()) > 0
    assert float(leaf.grad[1].abs().max()) == 0


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "mask"])
def test_equal_pictures_cost_nothing_and_have_a_gradient(name: str):
    a, b = pictures()
    mask = torch.ones(2, 1, 72, 72)
    leaf = a.clone().requires_grad_()
    loss = LOSSES[name](leaf, a, mask)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    assert bool(leaf.grad.isfinite().all())
    assert float(LOSSES[name](b, a, mask)) > 1e-3


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_as_exact_under_autocast(name: str):
    a, b = pictures()
    mask = torch.rand(2, 1, 72, 72, generator=torch.Generator().manual_seed(2))
    plain = LOSSES[name](a, b, mask)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(LOSSES[name](a, b, mask), plain)
    assert LOSSES[name](a.bfloat16(), b.bfloat16(), mask).dtype == torch.float32


def test_losses_compile_into_one_program_with_the_same_values():
    a, b = pictures()
    mask = torch.rand(2, 1, 72, 72, generator=torch.Generator().manual_seed(2))

    def together(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        soft = blur_background(b, mask, 1.0)
        return torch.stack([loss(a, soft, mask) for loss in LOSSES.values()])

    torch._dynamo.reset()
    compiled = torch.compile(together, backend="eager", fullgraph=True)  # raises where the program would break
    torch.testing.assert_close(compiled(a, b, mask), together(a, b, mask))


def test_absolute_error_is_a_mean_over_what_the_weight_says():
    error = torch.tensor([1.0, -2.0, 7.0]).view(1, 1, 1, 3)
    weight = torch.tensor([3.0, 1.0, 0.0]).view(1, 1, 1, 3)
    assert float(masked_l1(error, torch.zeros_like(error), weight)) == pytest.approx((3 * 1 + 1 * 2) / 4)
    # Eyes that are small in the picture count as much as large ones.
    face, small, large = torch.full((1, 3, 64, 64), 0.3), torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    small[..., 20:22, 20:24], large[..., 10:30, 10:50] = 1, 1
    zero = torch.zeros_like(face)
    assert float(masked_l1(face, zero, small)) == pytest.approx(float(masked_l1(face, zero, large)), rel=1e-6)


def test_edges_count_in_both_axes_alike():
    flat = torch.zeros(1, 3, 16, 16)
    upright = torch.where(torch.arange(16) < 8, 0.0, 2.0).expand(1, 3, 16, 16)  # one step of 2 in each row
    level = upright.transpose(2, 3)
    weight = torch.ones(1, 1, 16, 16)
    wanted = 2 / 15 / 2  # one of the 15 steps to the right, none of those down
    assert float(edge_loss(upright, flat, weight)) == pytest.approx(wanted)
    assert float(edge_loss(level, flat, weight)) == pytest.approx(wanted)
    assert float(edge_loss(flat + 5, flat, weight)) == 0
    weight[..., 8:] = 0  # the step lies at the mask's edge: one of its pixels is outside
    assert float(edge_loss(upright, flat, weight)) == 0
    assert float(edge_loss(level, flat, weight)) == pytest.approx(wanted)


def test_style_is_mean_and_spread_and_nothing_else():
    generator = torch.Generator().manual_seed(3)
    size = 96
    face = torch.randn(1, 3, size, size, generator=generator)
    mask = torch.zeros(1, 1, size, size)
    mask[..., 16:80, 16:80] = 1
    # Brighter by a constant: the mean differs by it, the spread does not.
    assert float(style_loss(face + 0.5, face, mask, mask)) == pytest.approx(0.25, rel=1e-3)
    # Twice the contrast of noise about 0: the spread goes from 1 to 2.
    assert float(style_loss(2 * face, face, mask, mask)) == pytest.approx(1, rel=0.1)
    # The same pixels in other places nearby have the same style, although nothing else is alike.
    blocks = face.unfold(2, 8, 8).unfold(3, 8, 8)
    turned = blocks.flip(4, 5).permute(0, 1, 2, 4, 3, 5).reshape(face.shape)
    assert float(masked_mse(turned, face, mask)) > 1.5
    assert float(style_loss(turned, face, mask, mask)) < 5e-3
    # Light from the other side is another style: the neighbourhoods are local.
    ramp = torch.linspace(-1, 1, size).expand(1, 3, size, size)
    assert float(style_loss(ramp.flip(3), ramp, mask, mask)) > 0.3


def test_style_looks_at_each_picture_under_its_own_mask():
    face, _ = pictures(96)
    left, right = torch.zeros(2, 1, 96, 96), torch.zeros(2, 1, 96, 96)
    left[..., :60], right[..., 30:] = 1, 1
    around = face.clone()
    around[..., 60:] += 9
    assert float(style_loss(around, face, left, left)) == 0
    assert float(style_loss(face, around, left, left)) == 0
    assert float(style_loss(around, face, left, right)) < 1e-2
    assert float(style_loss(around, face, right, right)) > 1


def test_the_background_is_blurred_and_nothing_of_the_face_bleeds_out():
    picture, _ = pictures(64)
    mask = torch.zeros(2, 1, 64, 64)
    mask[..., 20:44, 16:40] = 1
    inside = mask.bool().expand_as(picture)
    soft = blur_background(picture, mask, 2.0)
    assert torch.equal(soft[inside], picture[inside])
    loud = torch.where(inside, picture + 100, picture)
    assert torch.equal(blur_background(loud, mask, 2.0)[~inside], soft[~inside])
    flat = torch.where(inside, picture, torch.full_like(picture, 0.7))
    assert float((blur_background(flat, mask, 2.0) - flat).abs().max()) < 1e-5
    # Far from the mask it is the Gaussian of another library.
    theirs = gaussian_filter(picture[0, 0].double().numpy(), 2.0, mode="nearest", truncate=3.0)
    np.testing.assert_allclose(soft[0, 0, :, 50:].numpy(), theirs[:, 50:], atol=1e-5)


def test_measures_are_those_of_scikit_image():
    a, b = pictures()
    everywhere = torch.ones(2, 1, 72, 72)
    ratios, similarities = psnr(a, b, everywhere), ssim(a, b, everywhere)
    assert ratios.shape == similarities.shape == (2,)
    for picture in range(2):
        mine, theirs = a[picture].double().numpy(), b[picture].double().numpy()
        assert float(ratios[picture]) == pytest.approx(peak_signal_noise_ratio(theirs, mine, data_range=4.0), abs=1e-4)
        wanted = structural_similarity(
            theirs,
            mine,
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=4.0,
        )
        assert float(similarities[picture]) == pytest.approx(wanted, abs=1e-5)


def test_measures_look_inside_the_mask_alone():
    a, b = pictures()
    mask = torch.zeros(2, 1, 72, 72)
    mask[..., 20:50, 20:50] = 1
    off = torch.where(mask.bool(), b, b + 50)
    assert torch.equal(psnr(a, b, mask), psnr(a, torch.where(mask.bool(), b, a), mask))
    assert torch.allclose(ssim(off, a, mask), ssim(b, a, mask), atol=1e-6)
    assert torch.equal(psnr(off, a, mask), psnr(b, a, mask))
    crop = (slice(None), slice(None), slice(20, 50), slice(20, 50))
    wanted = peak_signal_noise_ratio(b[crop][0].double().numpy(), a[crop][0].double().numpy(), data_range=4.0)
    assert float(psnr(a, b, mask)[0]) == pytest.approx(wanted, abs=1e-4)


def test_measures_of_equal_pictures_are_best_and_without_a_mask_nothing():
    a, _ = pictures()
    mask = torch.ones(2, 1, 72, 72)
    mask[1] = 0
    assert psnr(a, a, mask).tolist() == pytest.approx([100, 0])
    assert ssim(a, a, mask).tolist() == pytest.approx([1, 0], abs=1e-6)
