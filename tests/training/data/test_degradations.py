from __future__ import annotations

import numpy as np
import torch
from made_dice import thrown
from scipy.ndimage import gaussian_filter
from understudy.training.data.augment import AugmentContext, vary
from understudy.training.data.augment_config import AugmentConfig
from understudy.training.data.degradations import BLUR, COARSER, NOISE, blurred, coarsened, grained

SIZE = 64


def pictures(count: int) -> torch.Tensor:
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def test_each_picture_is_blurred_by_a_gaussian_of_its_own():
    sharp = pictures(4)
    soft = blurred(sharp, thrown(1, 4), 1.0)
    sigmas = thrown(1, 4).uniform() * BLUR * SIZE
    for before, after, sigma in zip(sharp, soft, sigmas.tolist(), strict=True):
        expected = gaussian_filter(before[0].numpy(), sigma, mode="constant", truncate=8)
        np.testing.assert_allclose(after[0, 8:-8, 8:-8], expected[8:-8, 8:-8], atol=2e-3)
    flat = blurred(torch.ones(4, 1, SIZE, SIZE), thrown(1, 4), 1.0)
    assert torch.allclose(flat, torch.ones_like(flat), atol=1e-5)  # the edge does not darken


def test_coarse_pictures_have_a_half_or_a_quarter_of_the_pixels():
    sharp = pictures(60)
    coarse = coarsened(sharp, thrown(1, 60), 1.0)
    spectrum = torch.fft.rfft2(coarse).abs().square().mean(1)
    low = [float(spectrum[k, : SIZE // 16, : SIZE // 16].sum() / spectrum[k].sum()) for k in range(60)]
    kinds = np.sort(low)
    gap = np.argmax(np.diff(kinds))
    assert 15 < gap < 45  # two kinds, both often
    steps = torch.nn.functional.interpolate(
        torch.nn.functional.avg_pool2d(sharp, COARSER[1]), (SIZE, SIZE), mode="bilinear", align_corners=False
    )
    assert sum(torch.allclose(one, two, atol=1e-5) for one, two in zip(coarse, steps, strict=True)) == 59 - gap


def test_noise_stays_inside_the_window():
    window = torch.zeros(50, 1, SIZE, SIZE)
    window[:, :, 16:48, 16:48] = 1
    added = grained(torch.zeros(50, 3, SIZE, SIZE), window, thrown(1, 50, SIZE), 1.0)
    assert float((added * (1 - window)).abs().max()) == 0
    spread = added[:, :, 16:48, 16:48].flatten(1).std(1)
    assert float(spread.min()) > 0 and 0.8 * NOISE < float(spread.max()) < 1.05 * NOISE


def test_as_many_pictures_are_spoilt_as_asked_for():
    sharp, window = pictures(300), torch.ones(300, 1, SIZE, SIZE)
    for spoilt in (
        blurred(sharp, thrown(2, 300, SIZE), 0.3),
        coarsened(sharp, thrown(2, 300, SIZE), 0.3),
        grained(sharp, window, thrown(2, 300, SIZE), 0.3),
    ):
        changed = (spoilt != sharp).flatten(1).any(1).float().mean()
        assert abs(float(changed) - 0.3) < 0.09


def test_what_is_wanted_stays_sharp():
    faces = torch.randn(3, 8, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    faces[:, 3] = 1
    around, warp = AugmentContext(torch.zeros(3, 17, 17, 2)), torch.ones(())
    plain = vary(faces, around, thrown(8, 3), AugmentConfig(), warp)
    for name in ("blur", "downscale", "noise"):
        spoilt = vary(faces, around, thrown(8, 3, SIZE), AugmentConfig(**{name: 1.0}), warp)
        assert torch.equal(spoilt.wanted, plain.wanted) and float((spoilt.shown - plain.shown).abs().max()) > 0.05, name
