from __future__ import annotations

import pytest
import torch
from made_people import TINY, make_model
from understudy.errors import ModelError
from understudy.model.families import build
from understudy.model.quick import QuickArchitecture
from understudy.model.store import FILE, ModelCard, load_card, load_model, save_model

CPU = torch.device("cpu")


def test_a_model_comes_back_with_its_card_and_its_weights(tmp_path):
    network = build(TINY)
    card = ModelCard(
        TINY, "full", 12, 1.5, {"mean": 0.25}, "lin_ap1_scene", {"mean": [1.0] * 3, "spread": [2.0] * 3}, {"source": []}
    )
    save_model(tmp_path, network, card)
    loaded, read = load_model(tmp_path, CPU)
    assert read == card == load_card(tmp_path)
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert not loaded.training and not any(weight.requires_grad for weight in loaded.parameters())


def test_no_model_is_said_in_a_sentence(tmp_path):
    with pytest.raises(ModelError, match="no trained model"):
        load_model(tmp_path / "nowhere", CPU)


@pytest.mark.parametrize("keep", [0, 5, 200, -100])
def test_a_model_cut_short_is_damaged(tmp_path, keep):
    path = make_model(tmp_path) / FILE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_model(tmp_path, CPU)


def test_weights_that_do_not_fit_the_card_are_refused(tmp_path):
    save_model(tmp_path, build(TINY), ModelCard(QuickArchitecture(64, (8, 16, 32), 16), "whole"))
    with pytest.raises(ModelError, match="weights"):
        load_model(tmp_path, CPU)
