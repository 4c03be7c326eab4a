from __future__ import annotations

import numpy as np
import pytest
import torch
from understudy.convert.colour.relight import broad, relit
from understudy.model.normalisation import ColourStats

WINDOW = torch.zeros(1, 64, 64)
WINDOW[:, 8:56, 8:56] = 1
BARE = torch.zeros(1, 64, 64)


def faces() -> tuple[torch.Tensor, torch.Tensor]:
    """The new face and the plate's, which is lit from the right; both (3, 64, 64)."""
    generator = torch.Generator().manual_seed(9)
    swap = torch.randn(3, 64, 64, generator=generator)
    return swap, torch.randn(3, 64, 64, generator=generator) + torch.linspace(-2, 2, 64)


def test_without_an_amount_nothing_changes():
    swap, shown = faces()
    assert torch.equal(relit(swap, shown, WINDOW, BARE, amount=0.0, reach=0.1), swap)


def test_relighting_takes_the_plates_broad_light_and_keeps_the_detail():
    swap, shown = faces()
    result = relit(swap, shown, WINDOW, BARE, amount=1.0, reach=0.1)
    columns = result[:, 12:52, 12:52].mean((0, 1))
    slope = np.polyfit(np.arange(40), columns.numpy(), 1)[0]
    assert abs(slope - 4 / 63) < 0.015
    detail = result - swap
    assert float((detail[:, 12:52, 13:52] - detail[:, 12:52, 12:51]).abs().mean()) < 0.1
    assert torch.allclose(result[:, :8], swap[:, :8], atol=1e-4)  # nothing outside the window


def test_half_the_amount_takes_half_of_the_light():
    swap, shown = faces()
    half, whole = (relit(swap, shown, WINDOW, BARE, amount=amount, reach=0.05) for amount in (0.5, 1.0))
    assert torch.allclose(half, (swap + whole) / 2, atol=1e-5)


@pytest.mark.parametrize("reach", [0.02, 0.2])
def test_the_result_does_not_depend_on_how_both_are_normalised(reach):
    swap, shown = faces()
    light = ColourStats(torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.1, 0.2, 0.3]))
    codes, shown_codes = (light.restore(picture[None])[0] for picture in (swap, shown))
    result = light.normalise(relit(codes, shown_codes, WINDOW, BARE, amount=0.7, reach=reach)[None])[0]
    assert torch.allclose(result, relit(swap, shown, WINDOW, BARE, amount=0.7, reach=reach), atol=1e-4)


def test_what_stands_before_the_face_does_not_light_it():
    swap, shown = faces()
    hidden = torch.zeros(1, 64, 64)
    hidden[:, 20:40, 20:40] = 1
    with_hand = relit(swap, shown + 50 * hidden, WINDOW, hidden, amount=1.0, reach=0.05)
    without = relit(swap, shown, WINDOW, hidden, amount=1.0, reach=0.05)
    assert torch.allclose(with_hand, without, atol=1e-3)


def test_light_is_carried_across_what_is_not_seen():
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    seen = torch.ones(1, 1, 64, 64)
    seen[..., 24:36, 10:54] = 0  # a band of eyes and brows
    found = broad(torch.where(seen > 0, ramp, 9.0), seen, 0.02)
    middle = (slice(None), slice(None), slice(8, 56), slice(16, 48))
    assert torch.allclose(found[middle], ramp[middle], atol=0.08)
    everything = broad(ramp, torch.ones_like(seen), 0.02)
    assert torch.allclose(everything[middle], ramp[middle], atol=1e-3)
