from __future__ import annotations

import pytest
from understudy.errors import UsageError
from understudy.model.families import build
from understudy.model.network import parameter_count
from understudy.settings import TrainingOptions
from understudy.training.presets import PRESETS, plan, recipe


def test_a_preset_alone_is_its_recipe():
    for name, preset in PRESETS.items():
        assert recipe(TrainingOptions(), preset) == preset.recipe, name


def test_strengths_are_factors_on_the_presets():
    usual = recipe(TrainingOptions(), PRESETS["deepfacelab"])
    twice = recipe(TrainingOptions(ssim_weight=2.0, affine=2.0, adversarial_weight=0.5), PRESETS["deepfacelab"])
    assert twice.weights.ssim == 2 * usual.weights.ssim
    assert twice.variation.affine == 2 * usual.variation.affine
    assert twice.weights.adversarial == 0.5 * usual.weights.adversarial


def test_deepfacelabs_defaults_are_the_known_ones():
    preset = PRESETS["deepfacelab"]
    arch = preset.architecture(preset.resolution)
    weights = preset.recipe.weights
    assert (arch.family, arch.resolution, preset.recipe.batch) == ("liae", 128, 8)
    assert parameter_count(build(arch)) == pytest.approx(82.4e6, rel=0.05)
    assert preset.recipe.learning_rate == 5e-5 and preset.recipe.flips == ("target",)
    assert (weights.ssim, weights.mse, weights.mask) == (10, 10, 10)
    assert weights.pairs == weights.features == weights.identity == weights.style == 0


def test_phases_follow_the_preset_and_need_their_critic():
    names = [phase.name for phase in plan(TrainingOptions(minutes=30), PRESETS["gpu"]).phases]
    assert names == ["warped", "unwarped", "adversarial"]
    without = plan(TrainingOptions(adversarial_weight=0), PRESETS["gpu"])
    assert [phase.name for phase in without.phases] == ["warped", "unwarped"]


def test_without_a_limit_there_is_the_presets_own():
    assert plan(TrainingOptions(), PRESETS["cpu"]).limits.iterations == PRESETS["cpu"].iterations
    assert plan(TrainingOptions(minutes=3), PRESETS["cpu"]).limits.iterations is None
    with pytest.raises(UsageError, match="In no minutes"):
        plan(TrainingOptions(minutes=0), PRESETS["cpu"])
    assert plan(TrainingOptions(plateau=500), PRESETS["cpu"]).limits.iterations is None


@pytest.mark.parametrize(
    ("flip", "flips"),
    [("preset", ("target",)), ("none", ()), ("source", ("source",)), ("both", ("source", "target"))],
)
def test_who_is_mirrored(flip, flips):
    assert recipe(TrainingOptions(flip=flip), PRESETS["deepfacelab"]).flips == flips
