from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from made_people import ANNE, BERT, make_faceset
from made_trainers import CPU, trainer
from understudy.errors import ModelError, OutOfMemoryError
from understudy.model.comb import CombArchitecture
from understudy.model.families import default_architecture
from understudy.model.morph import MorphArchitecture
from understudy.model.network import SIDES
from understudy.model.quick import QuickArchitecture
from understudy.training.data.dataset import load_side
from understudy.training.run.schedule import StepSchedule

START, LATER = StepSchedule(), StepSchedule(rate=0.9, pairs=0.8)
WIDTHS = {"bottleneck": 16, "encoder_width": 8, "decoder_width": 8, "mask_width": 4}


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_a_step_changes_every_weight_of_encoder_and_both_decoders(sides):
    teacher = trainer(sides)
    before = weights(teacher.network)
    for _ in range(2):
        losses = teacher.step(START)
    assert teacher.terms == ("source", "target", "pairs", "loss")
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
    # Two faces do not tell what a third looks like: these are judged on what they are trained on.
    few = {name: replace(side, held_out=side.gather(torch.arange(side.count))) for name, side in few.items()}
    teacher = trainer(few, QuickArchitecture(64, (24, 48, 64), 48), warp=0.0)
    start = teacher.validate()
    losses = torch.stack([teacher.step(START) for _ in range(60)])
    end = teacher.validate()
    assert bool((losses[-10:].mean(0) < 0.75 * losses[:10].mean(0)).all()), losses
    assert all(end[f"{side}_loss"] < 0.8 * start[f"{side}_loss"] for side in SIDES), (start, end)
    assert end["psnr"] > start["psnr"] + 1 and end["ssim"] > start["ssim"], (start, end)


def test_without_pairs_only_own_faces_are_learned(sides):
    alone = trainer(sides, pair_weight=0.0)
    losses = alone.step(START)
    assert float(losses[2]) == 0 and float(losses[0]) > 0 and float(losses[1]) > 0


def test_a_state_carried_over_goes_on_bit_for_bit(sides):
    straight, first, second = trainer(sides), trainer(sides), trainer(sides, seed=9)
    for _ in range(4):
        straight.step(LATER)
    for _ in range(2):
        first.step(LATER)
    second.restore(first.checkpoint({}))
    for _ in range(2):
        second.step(LATER)
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
    assert torch.equal(rows["target"][0], sides["target"].gather(torch.tensor([0]))[0, :3])


def test_portions_of_a_batch_teach_what_the_whole_does(sides):
    whole, parted = trainer(sides, batch=4), trainer(sides, batch=4)
    parted.portions.count = 4
    for _ in range(2):
        losses = torch.stack([whole.step(START), parted.step(START)])
    assert torch.allclose(losses[0], losses[1], rtol=1e-4)
    for name, value in whole.network.state_dict().items():
        # Where a gradient is nearly 0, its rounding is a part of the step, which is 2e-3.
        assert torch.allclose(value, parted.network.state_dict()[name], atol=5e-5), name


def test_where_memory_runs_out_the_batch_is_parted_and_nothing_is_lost(sides, monkeypatch):
    whole, short = trainer(sides, batch=4), trainer(sides, batch=4)
    forward = short._forward

    def small(draw, *others):
        if draw.count > 2:
            raise torch.OutOfMemoryError
        return forward(draw, *others)

    monkeypatch.setattr(short, "_forward", small)
    assert torch.allclose(whole.step(START), short.step(START), rtol=1e-4)
    assert short.portions.count == 2 and short.step_count == 1
    for name, value in whole.network.state_dict().items():
        assert torch.allclose(value, short.network.state_dict()[name], atol=5e-5), name
    monkeypatch.setattr(short, "_forward", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(OutOfMemoryError, match="one face"):
        short.step(START)


@pytest.mark.parametrize("family", ["df", "liae", "comb", "morph"])
def test_every_family_learns_and_leaves_no_weight_behind(sides, family):
    teacher = trainer(sides, default_architecture(family, 64, **WIDTHS))
    before = weights(teacher.network)
    losses = torch.stack([teacher.step(START) for _ in range(4)])
    assert bool(torch.isfinite(losses).all())
    same = [name for name, value in weights(teacher.network).items() if torch.equal(value, before[name])]
    assert same == []


def test_a_comb_learns_its_other_people_in_turn(sides):
    arch = CombArchitecture(64, **WIDTHS, identities=("source", "target", "carl", "dora"))
    teacher = trainer({**sides, "carl": sides["source"], "dora": sides["target"]}, arch)
    assert teacher.terms == ("source", "target", "others", "pairs", "loss")
    lineups = []
    for _ in range(3):
        lineups.append(teacher.lineup)
        assert bool(torch.isfinite(teacher.step(START)).all())
    assert lineups == [["source", "target", "carl"], ["source", "target", "dora"], ["source", "target", "carl"]]


def test_a_morph_is_taught_what_lies_between(sides):
    teacher = trainer(sides, MorphArchitecture(64, **WIDTHS), batch=16)
    draw = teacher.draw(START)
    assert 0 < float(draw.amount.min()) < 0.9 and float(draw.amount.max()) == 1
    half = trainer(sides, batch=16).draw(START)
    assert bool((half.amount == 1).all()), "other families know the ends alone"


def test_the_critics_learn_and_are_part_of_the_state(sides):
    options = {"identity_weight": 0.1, "adversarial_weight": 1.0}
    teacher = trainer(sides, **options, preset="gpu")
    assert teacher.terms[3:] == ("adversarial", "identity", "adversarial critic", "identity critic", "loss")
    before = weights(teacher.opponents)
    quiet = teacher.step(START)
    assert float(quiet[3]) == float(quiet[5]) == 0, "the critic of pictures waits for its phase"
    loud = teacher.step(StepSchedule(adversarial=1.0))
    assert float(loud[3]) > 0 and float(loud[5]) > 0
    moved = {
        name.split(".")[0] for name, value in weights(teacher.opponents).items() if not torch.equal(value, before[name])
    }
    assert moved == {"pictures", "codes"}
    other = trainer(sides, **options, preset="gpu")
    other.restore(teacher.checkpoint({}))
    assert torch.equal(teacher.step(StepSchedule(adversarial=1.0)), other.step(StepSchedule(adversarial=1.0)))


def test_a_checkpoint_without_critics_gives_them_a_start(sides):
    plain, opposed = trainer(sides), trainer(sides, preset="gpu")
    plain.step(START)
    opposed.restore(plain.checkpoint({}))
    assert opposed.step_count == 1 and bool(torch.isfinite(opposed.step(StepSchedule(adversarial=1.0))).all())


@pytest.mark.parametrize("preset", ["cpu", "gpu"])
def test_measuring_the_batch_leaves_the_trainer_as_it_was(sides, preset):
    class Gauge:
        """Each face costs 10, and 45 are there."""

        def budget(self) -> int:
            return 45

        def peak(self, work) -> int:
            work()
            return 10 * measured.recipe.batch

    measured, untouched = (trainer(sides, batch=8, preset=preset) for _ in range(2))
    assert measured.fitting_batch(Gauge()) == 3
    assert measured.recipe == untouched.recipe and measured.step_count == 0
    for moment in (START, StepSchedule(adversarial=1.0), StepSchedule(adversarial=1.0)):
        assert torch.equal(measured.step(moment), untouched.step(moment))


CRITICS = {
    "both": {"identity_weight": 0.1},
    "pictures": {},
    "codes": {"identity_weight": 0.1, "adversarial_weight": 0.0},
}


@pytest.mark.parametrize("before", CRITICS)
@pytest.mark.parametrize("after", CRITICS)
def test_critics_come_and_go_and_who_stays_goes_on(sides, before, after):
    first = trainer(sides, preset="gpu", **CRITICS[before])
    first.step(StepSchedule(adversarial=1.0))
    second = trainer(sides, preset="gpu", **CRITICS[after])
    second.restore(first.checkpoint({}))
    old, new = dict(first.opponents.named_parameters()), dict(second.opponents.named_parameters())
    assert all(torch.equal(value, old[name]) for name, value in new.items() if name in old)
    moments = second.opponents.moments()
    for name in new:
        assert (f"{name}.exp_avg" in moments) == (name in old), name
        if name in old:
            assert torch.equal(moments[f"{name}.exp_avg"], first.opponents.moments()[f"{name}.exp_avg"])
    for _ in range(2):
        assert bool(torch.isfinite(second.step(StepSchedule(adversarial=1.0))).all())


@pytest.mark.parametrize(
    "options", [{"preset": "gpu", "identity_weight": 0.1, "style_weight": 0.1}, {"occluders": 1.0, "pair_weight": 0.0}]
)
def test_portions_teach_the_critics_too_what_the_whole_does(sides, options):
    whole, parted = (trainer(sides, batch=4, rate=1e-4, **options) for _ in range(2))
    parted.portions.count = 2
    for _ in range(2):
        losses = torch.stack([whole.step(StepSchedule(adversarial=1.0)), parted.step(StepSchedule(adversarial=1.0))])
    assert torch.allclose(losses[0], losses[1], rtol=1e-3, atol=1e-6)
    for one, other in ((whole.network, parted.network), (whole.opponents, parted.opponents)):
        for name, value in one.state_dict().items():
            assert torch.allclose(value, other.state_dict()[name], atol=3e-4), name


def test_without_look_alikes_none_are_looked_for(sides, monkeypatch):
    monkeypatch.setattr("understudy.training.data.batch_builder.find_pairs", lambda *_: pytest.fail("looked for"))
    assert bool(torch.isfinite(trainer(sides, pair_weight=0.0).step(START)).all())
