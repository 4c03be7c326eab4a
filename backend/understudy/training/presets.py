"""Models and trainings that are known to work together, and what becomes of them under a person's settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from understudy.errors import UsageError
from understudy.model.families import default_architecture
from understudy.model.network import Architecture
from understudy.model.quick import large, small
from understudy.settings import TrainingOptions
from understudy.training.data.augment_config import AugmentConfig
from understudy.training.run.objective import Weights
from understudy.training.run.schedule import Phase, TrainingLimits, TrainingPlan


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: everything about a step that is not its data."""

    batch: int  # faces of each person
    learning_rate: float
    weights: Weights
    variation: AugmentConfig
    flips: tuple[str, ...] = ()  # whose faces are mirrored at random
    pose_balance: float = 0.0
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    seed: int = 0


@dataclass(frozen=True)
class Preset:
    """What a new training takes where its settings leave a choice open."""

    architecture: Callable[[int], Architecture]
    resolution: int
    recipe: Recipe
    phases: tuple[Phase, ...]
    iterations: int  # the plan's length when no limit is set


WARPED_AND_NOT = (Phase("warped", 0.9), Phase("unwarped", 0.1, warp=0.0))
"""Faces are shown bent until the code has learnt what is expression; then as they are, for the last sharpness."""

PRESETS = {
    "cpu": Preset(small, 64, Recipe(8, 1e-3, Weights(), AugmentConfig()), WARPED_AND_NOT, 4_000),
    "gpu": Preset(
        large,
        256,
        Recipe(16, 2e-4, Weights(adversarial=0.1), AugmentConfig()),
        (Phase("warped", 0.7), Phase("unwarped", 0.2, warp=0.0), Phase("adversarial", 0.1, warp=0.0, adversarial=1.0)),
        60_000,
    ),
    # The defaults of DeepFaceLab's SAEHD: liae-ud at 128 px, 10 DSSIM + 10 MSE + 10 mask, constant small steps, a wide
    # placement, and a critic of 0.1 at the end as its guides recommend.
    "deepfacelab": Preset(
        lambda resolution: default_architecture("liae", resolution),
        128,
        Recipe(
            8,
            5e-5,
            Weights(ssim=10.0, mse=10.0, mask=10.0, features=0.0, pairs=0.0, adversarial=0.1),
            AugmentConfig(affine=5.0),
            flips=("target",),
            betas=(0.9, 0.999),
            weight_decay=0.0,
        ),
        (Phase("warped", 0.6), Phase("unwarped", 0.3, warp=0.0), Phase("adversarial", 0.1, warp=0.0, adversarial=1.0)),
        150_000,
    ),
}


def recipe(options: TrainingOptions, preset: Preset) -> Recipe:
    """The preset's recipe with a person's own settings: factors on its strengths, and whatever it leaves out.

    Raises UsageError for a factor on what the preset does not have.
    """
    base = preset.recipe
    factors = {
        "feature_weight": base.weights.features,
        "pair_weight": base.weights.pairs,
        "adversarial_weight": base.weights.adversarial,
    }
    for name, own in factors.items():
        if not own and getattr(options, name) not in (0.0, 1.0):
            raise UsageError(
                f"The preset has no {name.partition('_')[0]} term that --{name.replace('_', '-')} could strengthen.",
                "Leave it out, or choose another --preset.",
            )
    weights = Weights(
        ssim=base.weights.ssim * options.ssim_weight,
        mse=base.weights.mse * options.mse_weight,
        l1=options.l1_weight,
        edge=options.edge_weight,
        mask=base.weights.mask * options.mask_weight,
        features=base.weights.features * options.feature_weight,
        pairs=base.weights.pairs * options.pair_weight,
        identity=options.identity_weight,
        style=options.style_weight,
        adversarial=base.weights.adversarial * options.adversarial_weight,
        background=options.background_weight,
    )
    variation = AugmentConfig(
        warp=base.variation.warp * options.warp,
        affine=base.variation.affine * options.affine,
        exposure=options.exposure,
        white_balance=options.white_balance,
        hue=options.hue,
        saturation=options.saturation,
        colour_of_others=options.colour_of_others,
        blur=options.blur,
        downscale=options.downscale,
        noise=options.noise,
        occluders=options.occluders,
    )
    sides = ("source", "target")
    flips = {"preset": base.flips, "none": (), "source": sides[:1], "target": sides[1:], "both": sides}[options.flip]
    return replace(
        base,
        batch=options.batch or base.batch,
        learning_rate=options.learning_rate or base.learning_rate,
        weights=weights,
        variation=variation,
        flips=flips,
        pose_balance=options.pose_balance,
        seed=options.seed,
    )


def plan(options: TrainingOptions, preset: Preset) -> TrainingPlan:
    """The preset's phases within the person's limits, or the preset's own; without a critic there is no phase for it.

    Raises UsageError where there is no time for any of them.
    """
    if options.minutes == 0:
        raise UsageError("In no minutes nothing is trained.", "Give --minutes, or leave them out.")
    iterations = options.iterations
    if iterations is None and options.minutes is None and options.plateau is None:
        iterations = preset.iterations
    critic = preset.recipe.weights.adversarial * options.adversarial_weight > 0
    phases = tuple(phase for phase in preset.phases if critic or not phase.adversarial)
    return TrainingPlan(phases, TrainingLimits(iterations, options.minutes, options.plateau))
