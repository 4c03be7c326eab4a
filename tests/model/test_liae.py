from __future__ import annotations

import torch
from understudy.model.liae import LiaeArchitecture, LiaeNetwork

TINY = LiaeArchitecture(64, 16, 8, 8, 4)


def test_the_source_is_painted_from_ab_alone_and_the_target_from_both():
    torch.manual_seed(0)
    network = LiaeNetwork(TINY)
    code = torch.randn(2, 32)
    other_b, other_ab = code.clone(), code.clone()
    other_b[:, 16:] += 1
    other_ab[:, :16] += 1
    with torch.no_grad():
        source, target = (torch.cat(network.decode(code, side), 1) for side in ("source", "target"))
        assert torch.equal(torch.cat(network.decode(other_b, "source"), 1), source)
        assert not torch.equal(torch.cat(network.decode(other_ab, "source"), 1), source)
        assert not torch.equal(torch.cat(network.decode(other_b, "target"), 1), target)
        assert not torch.equal(torch.cat(network.decode(other_ab, "target"), 1), target)


def test_a_source_face_leaves_the_inter_of_the_target_alone():
    network = LiaeNetwork(TINY)
    network.decode(network.encode(torch.randn(2, 3, 64, 64)), "source")[0].sum().backward()
    for name, weight in network.named_parameters():
        if "_b." in name:
            assert weight.grad is None or not weight.grad.any(), name
