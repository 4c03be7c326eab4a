from __future__ import annotations

import pytest
import torch
from made_people import TINY
from understudy.model.families import architecture_from_json, build
from understudy.model.network import SIDES, parameter_count
from understudy.model.quick import QuickArchitecture, small


@pytest.mark.parametrize("resolution", [64, 80, 128])
def test_a_network_paints_pictures_of_its_resolution(resolution):
    network = build(QuickArchitecture(resolution, (8, 16, 24), 16))
    with torch.no_grad():
        painted, mask = network(torch.randn(2, 3, resolution, resolution))
    assert painted.shape == (2, 3, resolution, resolution) and mask.shape == (2, 1, resolution, resolution)
    assert torch.isfinite(painted).all() and torch.isfinite(mask).all()


def test_a_fresh_network_begins_near_each_mean_face_and_reads_codes_alike():
    torch.manual_seed(0)
    network = build(TINY)
    means = {side: torch.full((4, 64, 64), float(index + 1)) for index, side in enumerate(SIDES)}
    network.start(means)
    code = network.encode(torch.randn(4, 3, 64, 64))
    painted = {side: torch.cat(network.decode(code, side), 1).detach() for side in SIDES}
    for side in SIDES:
        assert float((painted[side] - means[side]).abs().mean()) < 0.6
    assert torch.allclose(painted["target"] - painted["source"], torch.ones(()), atol=1e-4)


def test_an_architecture_is_remembered_and_a_strange_one_refused():
    assert architecture_from_json(small(64).to_json()) == small(64)
    with pytest.raises(ValueError, match="family"):
        architecture_from_json({"family": "of none"})
    assert parameter_count(build(small(64))) < 12e6
