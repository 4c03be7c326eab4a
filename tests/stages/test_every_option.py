"""Every option of training changes something that can be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from made_people import ANNE, BERT, make_faceset, tiny_preset
from understudy.errors import ComponentError
from understudy.events import Events
from understudy.settings import TrainingOptions, TrainSettings
from understudy.stages import train
from understudy.training import session
from understudy.training.distributed.group import Group
from understudy.training.output.metrics_log import read_metrics
from understudy.training.presets import PRESETS, plan
from understudy.training.run.schedule import StepSchedule
from understudy.training.run.trainer import Trainer
from understudy.training.setup import begin, preset_of

CPU = torch.device("cpu")
LAST = StepSchedule(adversarial=1.0)
LIAE: dict[str, Any] = {
    "family": "liae", "bottleneck": 16, "encoder_width": 8, "decoder_width": 8, "mask_width": 4,
}  # fmt: skip

STEP: dict[str, dict[str, Any]] = {
    "learning_rate": {"learning_rate": 1e-4},
    "batch": {"batch": 3},
    "ssim_weight": {"ssim_weight": 0.5},
    "mse_weight": {"mse_weight": 0.5},
    "l1_weight": {"l1_weight": 1.0},
    "edge_weight": {"edge_weight": 1.0},
    "mask_weight": {"mask_weight": 0.5},
    "feature_weight": {"feature_weight": 0.0},
    "pair_weight": {"pair_weight": 0.5},
    "identity_weight": {"identity_weight": 0.1},
    "style_weight": {"style_weight": 0.1},
    "adversarial_weight": {"adversarial_weight": 2.0},
    "background_weight": {"background_weight": 0.1},
    "warp": {"warp": 0.5},
    "affine": {"affine": 3.0},
    "flip": {"flip": "both"},
    "exposure": {"exposure": 0.5},
    "white_balance": {"white_balance": 0.2},
    "hue": {"hue": 20.0},
    "saturation": {"saturation": 0.5},
    "colour_of_others": {"colour_of_others": 1.0},
    "blur": {"blur": 1.0},
    "downscale": {"downscale": 1.0},
    "noise": {"noise": 1.0},
    "occluders": {"occluders": 1.0},
    "pose_balance": {"pose_balance": 1.0},
    "seed": {"seed": 1},
}
"""Options that change what a step does."""

NETWORK: dict[str, dict[str, Any]] = {
    "preset": {"preset": "deepfacelab", **{**LIAE, "family": "preset"}},
    "family": {**LIAE, "family": "df"},
    "resolution": {**LIAE, "resolution": 96},
    "bottleneck": {**LIAE, "bottleneck": 24},
    "encoder_width": {**LIAE, "encoder_width": 16},
    "decoder_width": {**LIAE, "decoder_width": 16},
    "mask_width": {**LIAE, "mask_width": 8},
    "normalised_code": {**LIAE, "normalised_code": "no"},
    "half_resolution_decoder": {**LIAE, "half_resolution_decoder": "no"},
    "texture": {**LIAE, "texture": "yes"},
    "cosine": {**LIAE, "cosine": "yes"},
}
"""Options that change what a new network is."""

ELSEWHERE = {
    "minutes", "iterations", "plateau", "find_rate", "device", "data_budget", "save_every", "preview_every", "base",
}  # fmt: skip
"""Options that change the course of a training: tests below, in test_train.py (find_rate) and test_beginning.py (base)."""


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("people")
    return {
        "source": [make_faceset(folder / "bert", BERT, 6, seed=1)],
        "target": [make_faceset(folder / "anne", ANNE, 5, seed=2)],
    }


@pytest.fixture(autouse=True)
def tiny(monkeypatch) -> None:
    """The cpu preset with a network of a few thousand weights, and with a critic, which it has not by itself."""
    monkeypatch.setitem(PRESETS, "cpu", tiny_preset(adversarial=0.1))


def settings(people, **options: Any) -> TrainSettings:
    return TrainSettings(**{**people, "model": Path("nowhere"), "device": "cpu", **options})


def after_a_step(people, **options: Any) -> dict[str, torch.Tensor]:
    begun = begin(settings(people, **options), CPU, None)
    teacher = Trainer(begun.network, begun.sides, begun.recipe, device=CPU, group=Group.alone())
    for _ in range(2):
        teacher.step(LAST)
    return {name: value.clone() for name, value in teacher.network.state_dict().items()}


def test_there_is_a_test_for_every_option():
    assert {*STEP, *NETWORK, *ELSEWHERE} == set(TrainingOptions.model_fields)


@pytest.fixture(scope="module")
def usual(people) -> dict[str, torch.Tensor]:
    with pytest.MonkeyPatch.context() as patch:
        tiny.__wrapped__(patch)  # type: ignore[attr-defined]
        return after_a_step(people)


@pytest.mark.parametrize("option", STEP)
def test_an_option_of_the_step_changes_what_is_learnt(people, usual, option):
    changed = after_a_step(people, **STEP[option])
    assert changed.keys() == usual.keys()
    assert any(not torch.equal(value, usual[name]) for name, value in changed.items())


def test_equal_options_teach_the_same(people, usual):
    assert all(torch.equal(value, usual[name]) for name, value in after_a_step(people).items())


@pytest.mark.parametrize("option", NETWORK)
def test_an_option_of_the_network_makes_another_one(people, option):
    plain, other = (begin(settings(people, **some), CPU, None).network for some in (LIAE, NETWORK[option]))
    assert other.arch != plain.arch or preset_of(settings(people, **NETWORK[option]), CPU) != PRESETS["cpu"]
    shapes = [{name: tuple(value.shape) for name, value in net.state_dict().items()} for net in (plain, other)]
    picture = torch.randn(1, 3, other.arch.resolution, other.arch.resolution)
    assert shapes[0] != shapes[1] or not torch.equal(other.encode(picture), plain.encode(picture))


def test_limits_end_a_training(people):
    for name, value in (("minutes", 5.0), ("iterations", 77), ("plateau", 300)):
        limits = plan(TrainingOptions(**{name: value}), PRESETS["cpu"]).limits
        assert getattr(limits, name) == value


def test_the_course_of_a_training_is_as_asked(people, tmp_path):
    course = settings(people, iterations=6, preview_every=2, save_every=1e-9).model_copy(
        update={"model": tmp_path / "m"}
    )
    train.run(course, Events())
    assert [one["step"] for one in read_metrics(tmp_path / "m") if "validation" in one] == [2, 4, 6]
    seldom = course.model_copy(update={"model": tmp_path / "n", "preview_every": 100})
    train.run(seldom, Events())
    assert [one["step"] for one in read_metrics(tmp_path / "n") if "validation" in one] == [6]


def test_saving_often_saves_often(people, tmp_path, monkeypatch):
    saved: list[int] = []
    monkeypatch.setattr(session, "save_model", lambda _folder, _network, card: saved.append(card.steps))
    monkeypatch.setattr(session, "keep_backup", lambda *_: None)
    for minutes in (1e-9, 60.0):
        train.run(
            settings(people, iterations=4, save_every=minutes).model_copy(update={"model": tmp_path / str(minutes)}),
            Events(),
        )
    assert saved == [1, 2, 3, 4, 4, 4]


def test_faces_beyond_the_budget_lie_beside_the_device(people):
    near = begin(settings(people), CPU, None).sides["source"].faces
    far = begin(settings(people, data_budget=1e-6), CPU, None).sides["source"].faces
    assert len(near.far) == 0 and len(far.near) == 0
    assert torch.equal(near.gather(torch.tensor([1, 0])), far.gather(torch.tensor([1, 0])))


def test_a_device_that_is_not_there_is_said(people, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(ComponentError, match="no device cuda"):
        train.run(settings(people, device="cuda").model_copy(update={"model": tmp_path}), Events())
