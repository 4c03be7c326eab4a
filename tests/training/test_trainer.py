from __future__ import annotations

import pytest
import torch
from made_people import ANNE, BERT, TINY, make_faceset
from understudy.errors import ModelError
from understudy.model.families import build
from understudy.model.network import SIDES
from understudy.model.quick import QuickArchitecture
from understudy.settings import TrainingOptions
from understudy.training.data import load_side
from understudy.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sides(people):
    return {side: load_side([people[side]], 64, CPU) for side in SIDES}


def trainer(sides, arch: QuickArchitecture = TINY, rate: float = 2e-3, **options) -> Trainer:
    torch.manual_seed(0)
    network = build(arch)
    network.start({side: sides[side].mean_face() for side in SIDES})
    return Trainer(network, sides, TrainingOptions(**options), batch=2, learning_rate=rate, device=CPU)


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_a_step_changes_every_weight_of_encoder_and_both_decoders(sides):
    teacher = trainer(sides)
    before = weights(teacher.network)
    for _ in range(2):
        losses = teacher.step(0.0)
    assert losses.shape == (4,) and bool(torch.isfinite(losses).all())
    assert float(losses[3]) == pytest.approx(float(losses[:3].sum()), rel=1e-5)
    for name, value in weights(teacher.network).items():
        assert not torch.equal(value, before[name]), name
        moved = teacher.average.state_dict()[name]
        assert not torch.equal(moved, before[name]) and not torch.equal(moved, value), name


def test_a_few_faces_are_soon_learned(tmp_path):
    few = {
        side: load_side([make_faceset(tmp_path / side, person, 3)], 64, CPU)
        for side, person in (("source", BERT), ("target", ANNE))
    }
    teacher = trainer(few, QuickArchitecture(64, (24, 48, 64), 48), warp=0.0)
    start = teacher.validate()
    losses = torch.stack([teacher.step(0.0) for _ in range(60)])
    end = teacher.validate()
    assert bool((losses[-10:].mean(0) < 0.75 * losses[:10].mean(0)).all()), losses
    assert all(end[side] < 0.8 * start[side] for side in SIDES), (start, end)


def test_without_pairs_only_own_faces_are_learned(sides):
    alone = trainer(sides, pair_weight=0.0)
    losses = alone.step(0.0)
    assert float(losses[2]) == 0 and float(losses[0]) > 0 and float(losses[1]) > 0


def test_the_loss_is_blind_to_colour_outside_the_face(sides):
    teacher = trainer(sides, feature_weight=0.0)
    wanted = sides["source"].packed[:2, :5]
    outside = (wanted[:, 3:4] == 0).float()
    outside[:, :, 8:-8, 8:-8] = 0
    colour, logits = torch.zeros(2, 3, 64, 64), torch.zeros(2, 1, 64, 64)
    assert torch.equal(teacher.loss(colour, logits, wanted), teacher.loss(colour + 9 * outside, logits, wanted))


def test_a_state_carried_over_goes_on_bit_for_bit(sides):
    straight, first, second = trainer(sides), trainer(sides), trainer(sides, seed=9)
    for _ in range(4):
        straight.step(0.1)
    for _ in range(2):
        first.step(0.1)
    second.restore(first.checkpoint({}))
    for _ in range(2):
        second.step(0.1)
    assert second.step_count == 4
    for one, two in ((straight.network, second.network), (straight.average, second.average)):
        for name, value in one.state_dict().items():
            assert torch.equal(value, two.state_dict()[name]), name


def test_the_state_of_another_network_is_refused(sides):
    with pytest.raises(ModelError, match="another network"):
        trainer(sides).restore(trainer(sides, QuickArchitecture(64, (8, 16, 32), 16)).checkpoint({}))


def test_faces_to_look_at_come_with_their_masks(sides):
    rows = trainer(sides).paint(3)
    assert rows["swap"].shape == (3, 3, 64, 64) and rows["swap mask"].shape == (3, 1, 64, 64)
    assert torch.equal(rows["target"][0], sides["target"].packed[0, :3])
