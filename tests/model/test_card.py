"""A card is taken for what it says only where a network can be of it and its file holds that network."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from made_people import TINY, make_model
from understudy.errors import ModelError
from understudy.model.card import ModelCard
from understudy.model.families import FAMILIES, build, default_architecture
from understudy.model.store import FILE, load_card, load_model, save_model

CPU = torch.device("cpu")
LIGHT = {"mean": [0.1, 0.2, 0.3], "spread": [1.0, 1.0, 0.5]}
FOOTAGE = {"faceset": "a", "plate": "p", "faces": 3, "sha256": "ab", "held_out": 1, "detector": "squares (0; MIT)"}


def rewritten(folder: Path, **changes: object) -> None:
    """The model's file with other entries on its card, and no byte of its weights changed."""
    content = (folder / FILE).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    card = json.loads(header["__metadata__"]["card"])
    header["__metadata__"]["card"] = json.dumps(card | changes)
    told = json.dumps(header).encode()
    (folder / FILE).write_bytes(struct.pack("<Q", len(told)) + told + content[8 + length :])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_card_of_every_family_comes_back(family: str) -> None:
    arch = default_architecture(family, 64)
    card = ModelCard(arch, "full", 12, 1.5, {"psnr": 31.5}, "lin_ap1_scene", LIGHT, {"source": [FOOTAGE]}, 8, 4000)
    assert ModelCard.from_json(card.to_json()) == card


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("value", [-1, 0, 10**12, 1.5, "64", [64], None, True])
def test_a_size_that_no_network_has_is_refused(family: str, value: object) -> None:
    data = json.loads(ModelCard(default_architecture(family, 64), "full").to_json())
    for name, known in data["architecture"].items():
        if isinstance(known, int) and not isinstance(known, bool) and not (name == "grown" and value == 0):
            with pytest.raises(ValueError, match=r"architecture|resolution"):
                ModelCard.from_json(json.dumps(data | {"architecture": data["architecture"] | {name: value}}))


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": []},
        {"architecture": {"family": ["df"]}},
        {"architecture": {"family": "comb", "identities": 3}},
        {"crop": "none"},
        {"steps": -1},
        {"minutes": "long"},
        {"validation": {"psnr": "high"}},
        {"source_light": {"mean": [0.1], "spread": [1.0]}},
        {"source_light": {"mean": [0.1] * 3, "spread": [0.0] * 3}},
        {"trained_on": {"source": [{"faceset": "a"}]}},
        {"trained_on": {"source": [FOOTAGE | {"detector": 3}]}},
        {"batch": 1 << 40},
        {"version": [[]]},
        {"more": 1},
    ],
)
def test_an_entry_out_of_its_range_is_refused_in_a_sentence(change: dict[str, object], tmp_path: Path) -> None:
    folder = make_model(tmp_path)
    rewritten(folder, **change)
    with pytest.raises(ModelError, match=r"model\.safetensors") as refused:
        load_card(folder)
    assert len(refused.value.message) < 400


def test_a_network_is_built_only_when_the_file_holds_its_sizes(tmp_path: Path) -> None:
    folder = make_model(tmp_path)
    # Of some 10^13 weights: to build it would be the end of the memory.
    huge = {"family": "quick", "resolution": 4096, "widths": [4096] * 3, "code": 65536, "grown": 0}
    rewritten(folder, architecture=huge)
    with pytest.raises(ModelError, match="does not hold the weights"):
        load_model(folder, CPU)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    network = build(TINY)
    with torch.no_grad():
        next(network.parameters()).view(-1)[3] = float("nan")
    save_model(tmp_path, network, ModelCard(TINY, "full"))
    with pytest.raises(ModelError, match="no number"):
        load_model(tmp_path, CPU)
