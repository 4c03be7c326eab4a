from __future__ import annotations

import pytest
import torch
from understudy.model.families import DEEP, FAMILIES, architecture_from_json, build, default_architecture
from understudy.model.network import parameter_count


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("resolution", [64, 80, 128, 256, 512, 1024])
def test_every_family_has_sizes_for_every_resolution(family, resolution):
    arch = default_architecture(family, resolution)
    assert arch.family == family and arch.resolution == resolution
    with torch.device("meta"):
        network = build(arch)
    assert network.arch == arch and parameter_count(network) < 500e6
    assert architecture_from_json(arch.to_json()) == arch


@pytest.mark.parametrize("family", DEEP)
def test_words_say_what_is_wanted_otherwise(family):
    arch = default_architecture(family, 256, texture=True, bottleneck=64)
    assert arch.texture and arch.bottleneck == 64 and arch.encoder_width == 64
    with pytest.raises(TypeError, match="colour"):
        default_architecture(family, 256, colour=True)


def test_a_strange_family_is_refused():
    with pytest.raises(ValueError, match="'of none'"):
        architecture_from_json({"family": "of none"})
    with pytest.raises(ValueError, match="'of none'"):
        default_architecture("of none", 64)
    with pytest.raises(TypeError, match="texture"):
        default_architecture("quick", 64, texture=True)


def test_what_is_no_architecture_is_refused():
    with pytest.raises(ValueError, match="no family"):
        build("df")  # type: ignore[arg-type]
