from __future__ import annotations

import torch
from understudy.model.df import DfArchitecture, DfNetwork

TINY = DfArchitecture(64, 16, 8, 8, 4)


def test_each_person_has_a_decoder_of_their_own():
    network = DfNetwork(TINY)
    code = torch.randn(2, 16)
    network.decode(code, "source")[0].sum().backward()
    learned = {name for name, weight in network.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert any(name.startswith("decoders.source") for name in learned)
    assert not any(name.startswith("decoders.target") for name in learned)
    assert any(name.startswith("inter.") for name in learned)
