from __future__ import annotations

import json

import pytest
import torch
from understudy.model.comb import CombArchitecture, CombNetwork
from understudy.model.families import architecture_from_json
from understudy.model.network import parameter_count

WHO = ("source", "target", "anne.v2", "Bert")
TINY = CombArchitecture(64, 16, 8, 8, 4, identities=WHO)


def test_everybody_has_a_mean_face_and_a_style():
    torch.manual_seed(0)
    network = CombNetwork(TINY)
    means = {name: torch.randn(4, 64, 64) for name in WHO}
    network.start(means)
    code = torch.randn(2, 16)
    with torch.no_grad():
        for name in WHO:
            assert torch.equal(torch.cat(network.decode(code, name), 1), means[name].expand(2, 4, 64, 64))
        network.decoder.colour_head.weight.normal_()
        before = {name: network.decode(code, name)[0] for name in WHO}
        network.styles["colour_1"].scale[2] += 0.5
    with torch.no_grad():
        for name in WHO:
            assert torch.equal(network.decode(code, name)[0], before[name]) == (name != "anne.v2")


def test_another_person_costs_little():
    two, four = (
        parameter_count(CombNetwork(CombArchitecture(64, 16, 8, 8, 4, identities=who))) for who in (WHO[:2], WHO)
    )
    means, offset, channels = 4 * 64**2, 32 * 4**2, 32 + 64 + 32 + 16 + 32 + 32 + 16 + 8 + 4
    assert four - two == 2 * (means + offset + 2 * channels)


def test_the_people_are_remembered_and_the_sides_come_first():
    assert architecture_from_json(json.loads(json.dumps(TINY.to_json()))) == TINY
    for wrong in (("target", "source"), ("source",), ("source", "target", "a", "a")):
        with pytest.raises(ValueError, match="source, target and others"):
            CombArchitecture(64, identities=wrong)


def test_people_join_and_leave_and_the_others_stay_as_they_are():
    torch.manual_seed(0)
    network, code = CombNetwork(TINY), torch.randn(2, 16)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    regrouped = network.regrouped(("source", "target", "Bert", "Clara"))
    assert regrouped.arch.identities == ("source", "target", "Bert", "Clara")
    with torch.no_grad():
        for who in ("source", "target", "Bert"):
            for one, two in zip(network.decode(code, who), regrouped.decode(code, who), strict=True):
                assert torch.equal(one, two), who
    assert torch.allclose(regrouped.offset[3], network.offset.mean(0))
    assert torch.allclose(regrouped.styles["colour_1"].scale[3], network.styles["colour_1"].scale.mean(0))


def test_nobody_else_can_be_painted():
    with pytest.raises(ValueError, match="tuple"):
        CombNetwork(TINY).decode(torch.randn(1, 16), "Clara")
