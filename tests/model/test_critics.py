from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from understudy.model.blocks import unit
from understudy.model.critics import CodeCritic, PatchCritic, critic_loss, fooling_loss, receptive_field, steps_for
from understudy.model.network import parameter_count

Critic = PatchCritic | CodeCritic


def grain(count: int, sharp: bool, seed: int, size: int = 32) -> torch.Tensor:
    """Noise of spread 1, from pixel to pixel or smooth."""
    noise = torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))
    return noise if sharp else F.avg_pool2d(F.pad(noise, (1, 1, 1, 1), mode="circular"), 3, 1) * 3


def codes(count: int, side: int, seed: int, spread: float = 1.0) -> torch.Tensor:
    """Codes that say whose they are in one of 16 numbers."""
    code = torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))
    code[:, 0] += 1.5 if side else -1.5
    return code * spread


def teach(critic: Critic, real: torch.Tensor, fake: torch.Tensor, steps: int) -> list[float]:
    optimiser = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.99))
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = critic_loss(critic(real), critic(fake))
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def test_critics_begin_undecided():
    for critic, given, outputs in ((PatchCritic(8), grain(2, True, 0), 2), (CodeCritic(16), codes(2, 0, 0), 1)):
        answers = critic(given)
        assert len(answers) == outputs
        assert all(not answer.any() for answer in answers)
        assert float(critic_loss(answers, answers).detach()) == pytest.approx(outputs * math.log(2))
        assert float(fooling_loss(answers).detach()) == pytest.approx(outputs * math.log(2))


@pytest.mark.parametrize("patch", [8, 12, 16, 28, 32])
def test_the_receptive_field_is_what_a_gradient_reaches(patch: int):
    torch.manual_seed(0)
    critic = PatchCritic(patch)
    nn.init.ones_(critic.centre.weight)
    nn.init.ones_(critic.full.weight)
    pictures = torch.randn(1, 3, 128, 128, requires_grad=True)
    centre, full = critic(pictures)
    middle = centre.shape[-1] // 2

    def reached(value: torch.Tensor) -> tuple[int, int]:
        (gradient,) = torch.autograd.grad(value, pictures, retain_graph=True)
        rows, columns = (gradient[0].abs().sum(0) > 0).nonzero(as_tuple=True)
        return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1

    wanted = critic.receptive_field
    assert reached(centre[0, 0, middle, middle]) == (wanted, wanted)
    assert wanted == receptive_field(steps_for(patch))
    assert min(reached(full[0, 0, 64, 64])) > wanted


def test_the_receptive_field_is_near_the_patch():
    for patch in range(8, 129):
        assert abs(receptive_field(steps_for(patch)) - patch) <= max(2, patch / 6)
    for size in (64, 128, 256, 512, 1024):
        exact = receptive_field(steps_for(size // 8))
        assert exact == pytest.approx(size / 8, abs=2)


@pytest.mark.parametrize(("size", "patch"), [(64, 16), (80, 16), (111, 16), (256, 32)])
def test_one_answer_for_each_pixel_and_one_for_each_patch(size: int, patch: int):
    centre, full = PatchCritic(patch)(torch.zeros(2, 3, size, size))
    side = size // 2 ** len(steps_for(patch))
    assert centre.shape == (2, 1, side, side)
    assert full.shape == (2, 1, size, size)


def test_the_weights_of_the_critics_are_as_many_as_their_layers_have():
    def conv(some: int, more: int, side: int) -> int:
        return some * more * side**2 + more

    # 32 px: three halvings, refined before the first and the third.
    assert steps_for(32) == (True, False, True)
    widths = [16, 32, 64, 128]
    wanted = conv(3, 16, 1) + conv(16, 16, 3) + conv(64, 64, 3) + conv(128, 1, 1) + conv(16, 1, 1)
    wanted += sum(conv(some, more, 4) + conv(some + more, some, 3) for some, more in pairwise(widths))
    assert parameter_count(PatchCritic(32)) == wanted
    assert max(layer.out_channels for layer in PatchCritic(180).down) == 512
    assert parameter_count(CodeCritic(128)) == 129 * 256 + 256 + 256 * 256 + 256 + 256 + 1


def test_losses_are_cross_entropy_and_means_over_pictures():
    generator = torch.Generator().manual_seed(4)
    real = [torch.randn(4, 1, 3, 3, generator=generator), torch.randn(4, 1, 9, 9, generator=generator)]
    fake = [torch.randn(8, 1, 3, 3, generator=generator), torch.randn(8, 1, 9, 9, generator=generator)]
    entropy = F.binary_cross_entropy_with_logits
    wanted = sum(
        entropy(x, torch.ones_like(x)) + entropy(y, torch.zeros_like(y)) for x, y in zip(real, fake, strict=True)
    )
    assert float(critic_loss(real, fake)) == pytest.approx(float(wanted) / 2, rel=1e-5)
    wanted = sum(entropy(y, torch.ones_like(y)) for y in fake)
    assert float(fooling_loss(fake)) == pytest.approx(float(wanted), rel=1e-5)
    portions = [([x[i : i + 2] for x in real], [y[2 * i : 2 * i + 4] for y in fake]) for i in (0, 2)]
    assert float(critic_loss(real, fake)) == pytest.approx(
        sum(float(critic_loss(*part)) for part in portions) / 2, rel=1e-5
    )
    assert critic_loss([x.bfloat16() for x in real], [y.bfloat16() for y in fake]).dtype == torch.float32


def test_each_picture_is_judged_alone():
    torch.manual_seed(0)
    critic = PatchCritic(8)
    nn.init.normal_(critic.centre.weight)
    nn.init.normal_(critic.full.weight)
    pictures = torch.cat([grain(2, True, 1), grain(1, False, 2) + 3])
    for together, alone in zip(critic(pictures), critic(pictures[:1]), strict=True):
        torch.testing.assert_close(together[:1], alone, rtol=1e-4, atol=1e-5)
    again = critic(pictures)  # and to be asked changes nothing
    assert all(torch.equal(first, second) for first, second in zip(critic(pictures), again, strict=True))


def test_the_critic_of_pictures_learns_what_is_sharp_and_its_gradient_sharpens():
    torch.manual_seed(1)
    critic = PatchCritic(8)
    losses = teach(critic, grain(8, True, 1), grain(8, False, 2), 40)
    assert losses[-1] < 0.3 * losses[0]
    with torch.no_grad():
        for real, fake in zip(critic(grain(8, True, 3)), critic(grain(8, False, 4)), strict=True):
            assert float((real > 0).float().mean()) > 0.9
            assert float((fake < 0).float().mean()) > 0.9
    fake = grain(8, False, 4).requires_grad_()
    optimiser = torch.optim.Adam([fake], lr=0.02)
    before = float(fake.detach().diff(dim=3).abs().mean())
    for _ in range(20):
        optimiser.zero_grad()
        fooling_loss(critic(fake)).backward()
        optimiser.step()
    after = float(fake.detach().diff(dim=3).abs().mean())
    real = float(grain(8, True, 3).diff(dim=3).abs().mean())
    assert abs(real - after) < 0.9 * abs(real - before)
    assert after > before


@pytest.mark.parametrize("spread", [0.05, 1.0, 30.0])
def test_the_critic_of_codes_learns_whose_they_are_and_its_gradient_hides_it(spread: float):
    torch.manual_seed(1)
    critic = CodeCritic(16)
    losses = teach(critic, codes(64, 1, 1, spread), codes(64, 0, 2, spread), 40)
    assert losses[-1] < 0.3 * losses[0]
    with torch.no_grad():
        assert float((critic(codes(200, 1, 3, spread))[0] > 0).float().mean()) > 0.85
        assert float((critic(codes(200, 0, 4, spread))[0] < 0).float().mean()) > 0.85
    fake = codes(64, 0, 4, spread).requires_grad_()
    fooling_loss(critic(fake)).backward()
    downhill = -fake.grad.mean(0)
    assert int(downhill.abs().argmax()) == 0
    assert float(downhill[0]) > 0


def test_the_critic_of_codes_knows_sizes_apart():
    torch.manual_seed(1)
    critic = CodeCritic(16)
    small, large = (torch.randn(64, 16, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    losses = teach(critic, small, 1.6 * large, 60)
    assert losses[-1] < 0.4 * losses[0]


def test_an_encoder_against_the_critic_forgets_whose_face_it_sees_and_keeps_what_it_does():
    """Domain-adversarial training in small: three numbers of expression and one of identity become a noisy code."""
    random = torch.Generator().manual_seed(4)

    def faces(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        expression = torch.randn(2 * count, 3, generator=random)
        whose = torch.cat([torch.ones(count, 1), -torch.ones(count, 1)])
        return expression, torch.cat([expression, whose], dim=1)

    def encode(encoder: nn.Module, seen: torch.Tensor) -> torch.Tensor:
        return unit(encoder(seen)) + 0.3 * torch.randn(len(seen), 16, generator=random)

    def train(opposed: float) -> tuple[float, float]:
        """Share of new codes that a fresh critic tells right, and the error of what is read from them."""
        torch.manual_seed(2)
        encoder, decoder, critic = nn.Linear(4, 16), nn.Linear(16, 3), CodeCritic(16)
        mine = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2, betas=(0.9, 0.99))
        other = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.99))
        for _ in range(250):
            expression, seen = faces(32)
            code = encode(encoder, seen)
            source, target = code.chunk(2)
            mine.zero_grad()
            fooling = fooling_loss(critic(target)) + fooling_loss([-x for x in critic(source)])
            (F.mse_loss(decoder(code), expression) + opposed * fooling).backward()
            mine.step()
            other.zero_grad()
            critic_loss(critic(source.detach()), critic(target.detach())).backward()
            other.step()
        judge = CodeCritic(16)
        with torch.no_grad():
            source, target = encode(encoder, faces(256)[1]).chunk(2)
        teach(judge, source, target, 40)
        with torch.no_grad():
            expression, seen = faces(256)
            code = encode(encoder, seen)
            source, target = code.chunk(2)
            right = torch.cat([judge(source)[0] > 0, judge(target)[0] < 0]).float().mean()
            return float(right), float(F.mse_loss(decoder(code), expression))

    told, error = train(0.0)
    assert told > 0.95 and error < 0.1
    told, error = train(0.1)
    assert told < 0.85 and error < 0.1
