from __future__ import annotations

from pathlib import Path

import pytest
import torch
from understudy.model.cost import BATCH, cost, page, table
from understudy.model.families import FAMILIES, build, default_architecture
from understudy.model.network import parameter_count

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("family", "resolution", "words", "gmac"),
    [
        ("liae", 128, {}, 8.95),
        ("df", 256, {}, 30.5),
        ("liae", 256, {}, 35.8),
        ("liae", 256, {"half_resolution_decoder": False}, 132),
        ("liae", 512, {"texture": False}, 143),
    ],
)
def test_a_swapped_face_costs_what_it_costs_in_the_peers_network(family, resolution, words, gmac):
    """Multiplications of one inference of DeepFaceLab's SAEHD, counted by hand from its layers."""
    counted = cost(default_architecture(family, resolution, **words), 1)
    assert counted.gflop_per_swap / 2 == pytest.approx(gmac, rel=0.02)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_counted_is_what_is_built(family):
    arch = default_architecture(family, 64)
    counted = cost(arch, 2)
    assert counted.weights == parameter_count(build(arch))
    assert counted.memory_bytes == 20 * counted.weights
    # Forwards once and backwards twice for two encoded and three painted faces, but for the first layer's gradient.
    assert 2 * 3 * 2 * counted.gflop_per_swap < 1000 * counted.tflop_per_step < 3 * 3 * 2 * counted.gflop_per_swap
    assert cost(arch, 4).tflop_per_step == pytest.approx(2 * counted.tflop_per_step, rel=1e-6)


def test_nothing_is_made_to_be_counted():
    with torch.device("meta"):
        assert all(weight.is_meta for weight in build(default_architecture("liae", 1024)).parameters())
    assert cost(default_architecture("liae", 1024), 64).tflop_per_step > 100


def test_the_table_has_a_line_for_every_family_and_size():
    lines = table((64, 96), 4).splitlines()
    assert len(lines) == 2 + 2 * len(FAMILIES)
    weights = parameter_count(build(default_architecture("morph", 96))) / 1e6
    assert f"| morph | 96 px | {weights:.1f} M |" in lines[-1]


def test_the_page_in_the_documentation_is_of_these_networks():
    written = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    assert written == page(), "renew it: python -m understudy.model.cost > docs/networks.md"
    assert f"{BATCH} + {BATCH} faces" in written
