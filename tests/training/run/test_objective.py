from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from understudy.training.run.objective import Weights, face_loss

PLAIN = Weights(features=0.0)


@pytest.fixture(scope="module")
def wanted() -> torch.Tensor:
    """Four faces: smooth colours, a disc for a mask, two spots for eyes."""
    generator = torch.Generator().manual_seed(4)
    colour = torch.nn.functional.interpolate(
        torch.randn(4, 3, 8, 8, generator=generator), size=(64, 64), mode="bilinear"
    )
    line = torch.linspace(-1, 1, 64)
    mask = ((line[:, None] ** 2 + line[None] ** 2) < 0.5).float().expand(4, 1, 64, 64)
    eyes = torch.zeros(4, 1, 64, 64)
    eyes[:, :, 24:28, 20:26] = eyes[:, :, 24:28, 38:44] = 1
    return torch.cat([colour, mask, eyes], 1)


def perfect(wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return wanted[:, :3].clone(), (wanted[:, 3:4] * 2 - 1) * 30


def test_a_perfect_face_costs_nothing(wanted):
    everything = Weights(l1=1.0, edge=1.0)
    assert float(face_loss(*perfect(wanted), wanted, everything)) == pytest.approx(0.0, abs=1e-6)


def test_the_loss_is_blind_to_colour_outside_the_face(wanted):
    colour, logits = perfect(wanted)
    outside = (wanted[:, 3:4] == 0).float()
    painted = colour + 0.3
    assert torch.equal(
        face_loss(painted, logits, wanted, PLAIN), face_loss(painted + 9 * outside, logits, wanted, PLAIN)
    )


def test_with_a_weight_the_surroundings_are_to_be_painted_blurred(wanted):
    colour, logits = perfect(wanted)
    weights = replace(PLAIN, background=1.0)
    outside = (wanted[:, 3:4] == 0).float()
    assert 0 < float(face_loss(colour, logits, wanted, weights)) < 0.01, "sharp surroundings are nearly as wanted"
    assert float(face_loss(colour + outside, logits, wanted, weights)) == pytest.approx(1.0, rel=0.05)


def test_half_a_batch_counts_half(wanted):
    colour, logits = perfect(wanted)
    painted = colour + torch.randn(colour.shape, generator=torch.Generator().manual_seed(1)) * 0.2
    weights = Weights(l1=0.5, edge=0.5, background=0.5)
    halves = [face_loss(painted[part], logits[part], wanted[part], weights) for part in (slice(2), slice(2, 4))]
    assert torch.allclose(face_loss(painted, logits, wanted, weights), torch.stack(halves).mean(), rtol=1e-5)


def test_eyes_and_mouth_come_first_where_they_are_wanted_to(wanted):
    colour, logits = perfect(wanted)
    eyes = wanted[:, 4:5]
    cheeks = torch.roll(eyes, 16, 2)
    plain, first = (
        [float(face_loss(colour + 0.5 * where, logits, wanted, weights)) for where in (eyes, cheeks)]
        for weights in (PLAIN, Weights(features=10.0))
    )
    assert first[0] / first[1] > 3 * plain[0] / plain[1]


@pytest.mark.parametrize("term", ["ssim", "mse", "l1", "edge", "mask", "background"])
def test_each_term_counts_by_its_weight(wanted, term):
    nothing = Weights(**{field.name: 0.0 for field in fields(Weights)})
    colour, logits = perfect(wanted)
    painted = colour + torch.randn(colour.shape, generator=torch.Generator().manual_seed(1)) * 0.2
    once, twice = (
        float(face_loss(painted, logits * 0.01, wanted, replace(nothing, **{term: weight}))) for weight in (1.0, 2.0)
    )
    assert once > 0 and twice == pytest.approx(2 * once, rel=1e-5)
