from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from understudy.model.families import DEEP, architecture_from_json, build, default_architecture
from understudy.model.network import SwapNetwork, parameter_count

NARROW: dict[str, Any] = {"bottleneck": 16, "encoder_width": 8, "decoder_width": 8, "mask_width": 4}
"""Widths that learn nothing useful, quickly."""

WORDS = ("normalised_code", "half_resolution_decoder", "texture", "cosine")


def begun(family: str, resolution: int = 64, **words: Any) -> tuple[SwapNetwork, dict[str, torch.Tensor]]:
    """A fresh narrow network and the mean faces it starts from."""
    torch.manual_seed(0)
    network = build(default_architecture(family, resolution, **{**NARROW, **words}))
    means = {name: torch.randn(4, resolution, resolution) for name in network.arch.identities}
    network.start(means)
    return network, means


def shake(network: SwapNetwork, amount: float = 0.3) -> None:
    """Move every weight a little, as training would, each from where it is."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(amount * torch.randn_like(weight) * (weight.std(correction=0).item() or 0.1))


@pytest.mark.parametrize("family", DEEP)
@pytest.mark.parametrize(
    ("resolution", "words"),
    [
        (64, {}),
        (80, {"half_resolution_decoder": False}),
        (96, {"texture": True, "cosine": True, "normalised_code": False}),
        (80, {"texture": True, "half_resolution_decoder": False}),
    ],
)
def test_a_network_paints_pictures_of_its_resolution(family, resolution, words):
    network, _ = begun(family, resolution, **words)
    with torch.no_grad():
        code = network.encode(torch.randn(3, 3, resolution, resolution))
        assert code.shape == (3, network.arch.code)
        for identity in network.arch.identities:
            colour, logits = network.decode(code, identity)
            assert colour.shape == (3, 3, resolution, resolution) and logits.shape == (3, 1, resolution, resolution)


@pytest.mark.parametrize("family", DEEP)
@pytest.mark.parametrize("cosine", [False, True])
def test_a_fresh_network_paints_exactly_the_mean_faces(family, cosine):
    network, means = begun(family, cosine=cosine)
    code = network.encode(torch.randn(2, 3, 64, 64))
    for identity, mean in means.items():
        painted = torch.cat(network.decode(code, identity), 1)
        assert torch.equal(painted, mean.expand(2, 4, 64, 64))


@pytest.mark.parametrize("family", DEEP)
def test_everybody_reads_codes_alike_at_first(family):
    network, means = begun(family)
    decoders = [module for module in network.modules() if hasattr(module, "colour_head")]
    torch.manual_seed(1)
    head = torch.randn_like(decoders[0].colour_head.weight)
    for decoder in decoders:
        decoder.colour_head.weight.data.copy_(head)
    code = network.encode(torch.randn(2, 3, 64, 64))
    source, target = (network.decode(code, side)[0] - means[side][None, :3] for side in ("source", "target"))
    assert source.abs().mean() > 0.1
    assert torch.allclose(source, target, atol=1e-4)


@pytest.mark.parametrize("family", DEEP)
@pytest.mark.parametrize("cosine", [False, True])
def test_fresh_weights_keep_the_spread_of_what_passes(family, cosine):
    network, _ = begun(family, 128, bottleneck=64, encoder_width=32, decoder_width=32, cosine=cosine)
    spreads: list[float] = []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(lambda _, __, out: spreads.append(float(out.std())))
    with torch.no_grad():
        network.decode(network.encode(torch.randn(8, 3, 128, 128)), "source")
    inner = [spread for spread in spreads if spread > 0]  # the heads begin with 0
    assert len(inner) > 12 and min(inner) > 0.05 and max(inner) < 4, inner


@pytest.mark.parametrize("family", DEEP)
def test_every_weight_learns_from_a_step_on_both_people(family):
    network, _ = begun(family, normalised_code=True)
    shake(network)
    codes = network.encode(torch.randn(2, 3, 64, 64))
    painted = [picture for side in network.arch.identities for picture in network.decode(codes, side)]
    torch.stack([picture.square().mean() for picture in painted]).sum().backward()
    still = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not still


@pytest.mark.parametrize("family", DEEP)
def test_noise_is_added_to_the_code_when_it_is_given(family):
    network, _ = begun(family)
    shown = torch.randn(2, 3, 64, 64)
    noise = torch.randn(2, network.arch.code)
    with torch.no_grad():
        assert torch.equal(network.encode(shown, noise), network.encode(shown) + noise)


@pytest.mark.parametrize("family", DEEP)
def test_a_normalised_code_has_spread_1_however_strong_the_picture(family):
    shown = torch.randn(2, 3, 64, 64)
    for normalised in (True, False):
        network, _ = begun(family, normalised_code=normalised)
        with torch.no_grad():
            weak, strong = network.encode(shown), network.encode(7 * shown)
        ratio = float(strong.square().mean().sqrt() / weak.square().mean().sqrt())
        assert ratio == pytest.approx(1.0 if normalised else 7.0, rel=1e-3)
        if normalised:
            assert float(weak.square().mean().sqrt()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_changes_the_network(word):
    usual, other = (default_architecture("df", 64, **NARROW, **{word: value}) for value in (False, True))
    pictures = []
    for arch in (usual, other):
        torch.manual_seed(0)
        network = build(arch)
        shake(network, 0.1)
        with torch.no_grad():
            pictures.append(network.decode(network.encode(torch.ones(1, 3, 64, 64)), "source")[0])
    assert not torch.allclose(pictures[0], pictures[1])


@pytest.mark.parametrize("family", DEEP)
def test_last_pixels_begin_without_a_pattern_of_two_by_two(family):
    network, _ = begun(family)
    shuffled = [module for module in network.modules() if module.__class__.__name__ == "Enlarge"]
    with torch.no_grad():
        for module in shuffled:
            out = module(torch.randn(1, module.spread.in_channels, 6, 6))
            assert torch.equal(out[..., ::2, ::2], out[..., 1::2, 1::2])
    assert shuffled


@pytest.mark.parametrize("family", DEEP)
def test_an_architecture_is_remembered(family):
    words = {word: index % 2 == 0 for index, word in enumerate(WORDS)}
    arch = default_architecture(family, 96, **NARROW, **words)
    assert architecture_from_json(json.loads(json.dumps(arch.to_json()))) == arch


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"resolution": 72, "half_resolution_decoder": False}, "multiple of 16"),
        ({"resolution": 80}, "multiple of 32"),
        ({"resolution": 32}, "from 64 to 1024"),
        ({"resolution": 2048}, "from 64 to 1024"),
        ({"bottleneck": 0}, "bottleneck"),
        ({"mask_width": -1}, "mask width"),
    ],
)
def test_a_shape_that_cannot_be_built_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        DEEP["df"](**{"resolution": 64, **change})


def test_an_architecture_that_is_not_whole_is_refused():
    data = default_architecture("df", 64).to_json()
    with pytest.raises(ValueError, match="missing"):
        architecture_from_json({name: data[name] for name in data if name != "texture"})
    with pytest.raises(ValueError, match="bottleneck"):
        architecture_from_json({**data, "bottleneck": "256"})


@pytest.mark.parametrize(
    ("family", "resolution", "words", "millions"),
    [
        ("liae", 128, {}, 82.4),
        ("df", 256, {}, 82.8),
        ("liae", 256, {}, 145.3),
        ("liae", 256, {"half_resolution_decoder": False}, 195.6),
        ("liae", 256, {"bottleneck": 512, "encoder_width": 80, "decoder_width": 80, "mask_width": 26}, 399.6),
        ("liae", 320, {"texture": True}, 122),
        ("liae", 512, {"texture": False}, 396.9),
        ("liae", 512, {"texture": True, "bottleneck": 512}, 498),
    ],
)
def test_the_widths_cost_what_they_cost_in_the_peers_network(family, resolution, words, millions):
    """Counts of DeepFaceLab's SAEHD. Ours has a mean face for each person more (4 R^2 weights each)."""
    with torch.device("meta"):
        network = build(default_architecture(family, resolution, **words))
    means = 2 * 4 * resolution**2
    assert (parameter_count(network) - means) / 1e6 == pytest.approx(millions, rel=0.005)
