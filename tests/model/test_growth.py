from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from made_people import TINY
from understudy.model.families import DEEP, FAMILIES, architecture_from_json, build, default_architecture
from understudy.model.growth import grow, grown_architecture
from understudy.model.network import SIDES, SwapNetwork, parameter_count

NARROW: dict[str, Any] = {"bottleneck": 24, "encoder_width": 8, "decoder_width": 8, "mask_width": 4}


def blobs(size: int, count: int = 32) -> dict[str, torch.Tensor]:
    """Smooth moments of two people, (count, 4, R, R) each: the same spot in the same places, in other colours."""
    generator = torch.Generator().manual_seed(5)
    line = (torch.arange(size) + 0.5) * 2 / size - 1
    x, y, open_ = (torch.rand(3, count, 1, 1, generator=generator) - 0.5) * 0.8
    spot = 3 * torch.exp(-((line[None, None] - x) ** 2 + (line[None, :, None] - y) ** 2) / (0.12 + 0.05 * open_))
    mask = (2 - 4 * (line**2 + line[:, None] ** 2))[None].expand_as(spot)
    people = {}
    for sign, side in zip((1, -1), SIDES, strict=True):
        people[side] = torch.stack([sign * spot, spot * 0.5, line[None, :, None].expand_as(spot) * sign, mask], 1)
    return people


def shown(faces: torch.Tensor) -> torch.Tensor:
    return faces[:, 1:2].expand(-1, 3, -1, -1)


def learn(network: SwapNetwork, people: dict[str, torch.Tensor], steps: int) -> list[float]:
    """The error of rebuilding everybody, step by step."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(1)
    errors = []
    for _ in range(steps):
        picks = torch.randint(32, (4,), generator=generator)
        painted = [network.decode(network.encode(shown(faces[picks])), side) for side, faces in people.items()]
        wanted = [faces[picks] for faces in people.values()]
        loss = torch.stack(
            [F.mse_loss(torch.cat(one, 1), face) for one, face in zip(painted, wanted, strict=True)]
        ).sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        errors.append(loss.item())
    return errors


def begun(family: str, resolution: int, **more: Any) -> SwapNetwork:
    torch.manual_seed(0)
    network = build(
        TINY if family == "quick" and resolution == 64 else default_architecture(family, resolution, **more)
    )
    network.start({side: faces.mean(0) for side, faces in blobs(resolution).items()})
    return network


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(10 * torch.log10(4 / F.mse_loss(a, b)))


def test_a_grown_network_paints_the_same_larger_and_learns_sooner():
    small = begun("quick", 64)
    learn(small, blobs(64), 60)
    torch.manual_seed(1)
    grown = grow(small, 128)
    people = blobs(128)
    with torch.no_grad():
        for side in SIDES:
            few = torch.cat(small.decode(small.encode(shown(blobs(64)["target"])), side), 1)
            many = torch.cat(grown.decode(grown.encode(shown(people["target"])), side), 1)
            enlarged = F.interpolate(few, scale_factor=2, mode="bicubic")
            mean = F.interpolate(few.mean(0, keepdim=True), scale_factor=2, mode="bicubic").expand_as(enlarged)
            assert psnr(many, enlarged) > max(35, psnr(mean, enlarged) + 12)
    fresh = begun("quick", 128)
    sooner, later = learn(grown, people, 6), learn(fresh, people, 6)
    assert max(sooner) < 0.5 * min(later)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("resolution", [128, 256])
def test_a_code_is_painted_as_the_small_network_paints_it(family, resolution):
    words: dict[str, Any] = {"texture": True, "half_resolution_decoder": False} if family == "morph" else {}
    small = begun(family, 64, **({} if family == "quick" else NARROW | words))
    with torch.no_grad():
        for weight in small.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    grown = grow(small, resolution)
    assert grown.arch.resolution == resolution and grown.arch.code == small.arch.code
    code = torch.randn(2, small.arch.code)
    empty = begun(family, 64, **({} if family == "quick" else NARROW | words))
    empty.load_state_dict(small.state_dict())
    for name, weight in empty.named_parameters():
        if name.endswith("mean"):
            weight.data.zero_()
    with torch.no_grad():
        for side in SIDES:
            few, added = (torch.cat(network.decode(code, side), 1) for network in (small, empty))
            many = torch.cat(grown.decode(code, side), 1)
            for _ in range((resolution // 64).bit_length() - 1):
                added = F.interpolate(added, scale_factor=2, mode="bilinear")
            wanted = added + F.interpolate(
                few - torch.cat(empty.decode(code, side), 1), size=(resolution, resolution), mode="bicubic"
            )
            assert torch.allclose(many, wanted, atol=1e-4)
            assert wanted.std() > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_smooth_face_is_read_as_the_small_network_reads_it(family):
    small = begun(family, 64, **({} if family == "quick" else NARROW))
    grown = grow(small, 128)
    with torch.no_grad():
        few, many = small.encode(shown(blobs(64)["source"])), grown.encode(shown(blobs(128)["source"]))
    assert float(F.cosine_similarity(few, many).min()) > 0.99


@pytest.mark.parametrize("family", DEEP)
def test_growing_adds_little_and_everything_new_learns(family):
    arch = default_architecture(family, 256)
    with torch.device("meta"):
        begun_small, begun_large, has_grown = (
            parameter_count(build(one)) - 2 * 4 * one.resolution**2  # mean faces
            for one in (arch, replace(arch, resolution=512), grown_architecture(arch, 512))
        )
    assert begun_small < has_grown < begun_small + 0.1 * (begun_large - begun_small)
    grown = grow(begun(family, 64, **NARROW), 128)
    with torch.no_grad():
        for weight in grown.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    codes = grown.encode(torch.randn(2, 3, 128, 128))
    sum(part.square().mean() for side in SIDES for part in grown.decode(codes, side)).backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in grown.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_grown_architecture_is_remembered_and_grows_on(family):
    arch = default_architecture(family, 96)
    once, twice = grown_architecture(arch, 192), grown_architecture(arch, 384)
    assert grown_architecture(once, 384) == twice
    assert architecture_from_json(json.loads(json.dumps(twice.to_json()))) == twice


@pytest.mark.parametrize("resolution", [64, 32, 96, 160, 192, 2048])
def test_a_network_grows_by_doubling_alone(resolution):
    arch = default_architecture("df", 64)
    with pytest.raises(ValueError, match=r"doubling|multiple"):
        grown_architecture(arch, resolution)


def test_a_model_of_before_there_was_growth_is_still_read():
    data = TINY.to_json()
    del data["grown"]
    assert architecture_from_json(data) == TINY
