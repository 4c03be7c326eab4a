from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from understudy.model.morph import MorphArchitecture, MorphNetwork

TINY = MorphArchitecture(64, 16, 8, 8, 4)


@pytest.fixture
def network() -> MorphNetwork:
    torch.manual_seed(0)
    network = MorphNetwork(TINY)
    with torch.no_grad():
        network.mean.normal_()
    return network


def painted(network: MorphNetwork, code: torch.Tensor, amount: float) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat(network.blend(code, torch.full((len(code), 1), amount)), 1)


def test_the_ends_of_the_slider_are_the_two_people(network):
    code = torch.randn(3, 16)
    with torch.no_grad():
        for amount, side in ((1.0, "source"), (0.0, "target")):
            ends = torch.cat(network.decode(code, side), 1)
            assert torch.allclose(painted(network, code, amount), ends, atol=1e-6)
    assert not torch.allclose(painted(network, code, 0.0), painted(network, code, 1.0), atol=0.1)


def test_the_picture_moves_from_one_end_to_the_other_without_a_jump(network):
    code = torch.randn(2, 16)
    steps = [painted(network, code, index / 20) for index in range(21)]
    moves = [float((after - before).square().mean().sqrt()) for before, after in pairwise(steps)]
    whole = float((steps[-1] - steps[0]).square().mean().sqrt())
    assert whole > 0.5 and max(moves) < 0.15 * whole
    from_target = [float((step - steps[0]).square().mean()) for step in steps]
    assert all(after > before for before, after in pairwise(from_target))


def test_each_face_of_a_batch_has_its_own_amount(network):
    code = torch.randn(2, 16)
    with torch.no_grad():
        mixed = torch.cat(network.blend(code, torch.tensor([[0.2], [0.9]])), 1)
    assert torch.allclose(mixed[:1], painted(network, code, 0.2)[:1], atol=1e-5)
    assert torch.allclose(mixed[1:], painted(network, code, 0.9)[1:], atol=1e-5)


def test_a_mixture_teaches_both_inters(network):
    """The inters of DeepFaceLab's morphing model are not among the weights that its optimiser is given."""
    weights = dict(network.named_parameters())
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
    colour, logits = network.blend(network.encode(torch.randn(2, 3, 64, 64)), torch.full((2, 1), 0.5))
    (colour.square().mean() + logits.square().mean()).backward()
    optimiser.step()
    assert all(not torch.equal(before[name], weight) for name, weight in weights.items())
