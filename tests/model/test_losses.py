from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from understudy.model.losses import gaussian_blur, mask_loss, masked_mse, multi_scale_dssim, ssim_map


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
