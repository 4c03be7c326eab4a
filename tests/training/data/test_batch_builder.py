"""What a step learns from, under every option that varies it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from made_trainers import CPU, trainer
from understudy.model.network import SIDES
from understudy.model.normalisation import ColourStats
from understudy.model.quick import QuickArchitecture
from understudy.settings import TrainingOptions
from understudy.training.data.augment import AugmentContext, along, look_up, vary
from understudy.training.data.batch import TrainBatch
from understudy.training.data.batch_builder import CODE_NOISE, BatchBuilder
from understudy.training.data.dataset import load_side
from understudy.training.data.lookalikes import exchange_fields, find_pairs
from understudy.training.data.random_draws import NORMALS, UNIFORMS, BatchRandom, Draws
from understudy.training.presets import PRESETS, recipe
from understudy.training.run.precision import Precision
from understudy.training.run.schedule import StepSchedule

CODE, BALANCE, FLIPPED = 16, 0.5, {"target"}
EVERYTHING = {
    "pose_balance": 0.5,
    "exposure": 0.3,
    "white_balance": 0.1,
    "hue": 5.0,
    "saturation": 0.1,
    "colour_of_others": 0.5,
    "blur": 0.5,
    "downscale": 0.5,
    "noise": 0.5,
    "occluders": 0.5,
    "flip": "both",
}


@pytest.fixture(scope="module")
def sides(people):
    return {side: load_side([people[side]], 64, CPU) for side in SIDES}


def drawn(sides, **options) -> TrainBatch:
    return trainer(sides, batch=8, **options).draw(StepSchedule())


def changed(one: TrainBatch, two: TrainBatch, name: str) -> dict[str, bool]:
    return {side: not torch.equal(getattr(one.lessons[side], name), getattr(two.lessons[side], name)) for side in SIDES}


@pytest.mark.parametrize(
    "options",
    [
        {"warp": 0.5},
        {"exposure": 1.0},
        {"white_balance": 0.5},
        {"hue": 20.0},
        {"saturation": 0.5},
        {"blur": 1.0},
        {"downscale": 1.0},
        {"noise": 1.0},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_of_what_is_shown_leave_what_is_wanted_alone(sides, options):
    plain, varied = drawn(sides), drawn(sides, **options)
    assert changed(plain, varied, "shown") == {"source": True, "target": True}
    assert changed(plain, varied, "wanted") == {"source": False, "target": False}


def test_only_the_source_takes_the_colours_of_others(sides):
    plain, varied = drawn(sides, warp=0.0), drawn(sides, warp=0.0, colour_of_others=1.0)
    assert not torch.allclose(plain.lessons["source"].shown, varied.lessons["source"].shown, atol=0.05)
    assert torch.allclose(plain.lessons["target"].shown, varied.lessons["target"].shown, atol=2e-3)
    assert changed(plain, varied, "wanted") == {"source": False, "target": False}


def test_placement_and_mirroring_move_what_is_wanted(sides):
    plain, turned = drawn(sides), drawn(sides, affine=8.0)
    assert changed(plain, turned, "wanted") == {"source": True, "target": True}
    for flip, moved in {"source": (True, False), "target": (False, True), "both": (True, True)}.items():
        mirrored = drawn(sides, flip=flip)
        assert changed(plain, mirrored, "wanted") == dict(zip(SIDES, moved, strict=True)), flip


def test_what_hides_the_target_hides_its_look_alike(sides):
    plain, hidden = drawn(sides), drawn(sides, occluders=1.0)
    for one, two in (
        *((plain.lessons[side].wanted, hidden.lessons[side].wanted) for side in SIDES),
        (plain.stand_in, hidden.stand_in),
    ):
        assert float(two[:, 3].sum()) < 0.95 * float(one[:, 3].sum())
    # Where all of the target is hidden, so is all of what stands in for it.
    wanted = hidden.lessons["target"].wanted[:, 3]
    inside = torch.nn.functional.avg_pool2d(plain.lessons["target"].wanted[:, 3:4], 9, 1, 4)[:, 0] > 0.999
    holes = (wanted == 0) & inside
    assert int(holes.sum()) > 20 and float(hidden.stand_in[:, 3][holes].max()) < 1e-5


def test_poses_are_balanced_on_request(sides):
    plain, balanced = drawn(sides), drawn(sides, pose_balance=1.0)
    assert changed(plain, balanced, "wanted") == {"source": True, "target": True}


@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["plain", "everything"])
def test_what_is_done_on_the_device_is_one_program_whatever_the_moment(sides, options):
    eager, compiled = (trainer(sides, batch=4, **options) for _ in range(2))
    # Raises where the program would break.
    compiled.drawing._on_device = torch.compile(
        compiled.drawing._varied, backend="eager", fullgraph=True, dynamic=False
    )
    moments = [StepSchedule(), StepSchedule(rate=0.5, warp=0.7), StepSchedule(warp=0.0)]
    try:
        for moment in moments:
            one, two = eager.draw(moment), compiled.draw(moment)
            for side in SIDES:
                for name in ("shown", "noise", "wanted"):
                    pair = (getattr(draw.lessons[side], name) for draw in (one, two))
                    torch.testing.assert_close(*pair, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(one.stand_in, two.stand_in)
        with torch.compiler.set_stance("fail_on_recompile"):
            for moment in [*moments, StepSchedule(warp=0.3)]:
                compiled.draw(moment)
    finally:
        torch.compiler.reset()


def rebuilt(
    drawing: BatchBuilder, lineup: list[str], count: int, moment: StepSchedule, random: BatchRandom
) -> dict[str, torch.Tensor]:
    """The same draw person by person, from the same dice: everything by its name."""
    sides, size = drawing.sides, 64
    picks = {name: sides[name].pick(random, count, BALANCE) for name in lineup}
    pairs = find_pairs(sides["target"].shapes, sides["source"].shapes, size)
    which = random.integers(pairs.partner.shape[1], count)
    dice = random.throw(count * len(lineup), NORMALS + CODE, UNIFORMS, grain=size)
    normals, uniforms, grain = dice.normal(NORMALS + CODE), dice.uniform(UNIFORMS), dice.grain
    faces = {name: sides[name].gather(picks[name]) for name in lineup}
    told: dict[str, torch.Tensor] = {}
    for number, name in enumerate(lineup):
        rows = slice(number * count, (number + 1) * count)
        own = Draws(normals[rows], uniforms[rows], grain[rows])
        told[f"{name} noise"], chance = own.normal(CODE) * CODE_NOISE, own.uniform(1)
        other = sides["target" if name == "source" else "source"].shapes
        fields = torch.from_numpy(exchange_fields(sides[name].shapes, other, size))[picks[name]]
        borrowed = faces["target"] if name == "source" else faces[name]
        flips = torch.full((count, 1, 1, 1), 0.5 if name in FLIPPED else 0.0)
        around = AugmentContext(fields, sides[name].lights_of(picks[name]), borrowed, flips)
        warp = torch.tensor(moment.warp) if moment.warp else None
        batch = vary(faces[name], around, own, drawing._variation, warp)
        told[f"{name} shown"], told[f"{name} wanted"] = batch.shown, batch.wanted
        if name != "target":
            continue
        bend = torch.from_numpy(pairs.field)[picks[name], which]
        partner = sides["source"].gather(torch.from_numpy(pairs.partner)[picks[name], which])[:, :5]
        stand_in = look_up(partner, batch.grid + along(bend, batch.grid))
        stand_in[:, 3:] *= 1 - batch.cover
        told["amount"] = (2 * chance).clamp(max=1) if drawing._morphs else torch.ones(count, 1)
        told["stand_in"] = batch.wanted + told["amount"][..., None, None] * (stand_in - batch.wanted)
    return told


@pytest.mark.parametrize("morphs", [False, True])
@pytest.mark.parametrize("others", [[], ["carl"]])
@pytest.mark.parametrize("moment", [StepSchedule(warp=0.6), StepSchedule(warp=0.0)], ids=["warped", "unwarped"])
def test_each_gets_what_is_their_own(sides, others, morphs, moment):
    made = recipe(TrainingOptions(**{**EVERYTHING, "flip": "target"}), PRESETS["cpu"])
    lights = ColourStats(torch.linspace(0.3, 0.6, 54).view(18, 3)[:17], torch.full((17, 3), 0.1))
    sides = {**sides, "target": replace(sides["target"], lights=lights)} | dict.fromkeys(others, sides["source"])
    lineup = [*SIDES, *others]
    plain = Precision(bfloat16=False, channels_last=False, compiled=False)
    drawing = BatchBuilder(
        sides, QuickArchitecture(64, (8, 16, 32), CODE), made, BatchRandom(3, CPU),
        device=CPU, precision=plain, morphs=morphs,
    )  # fmt: skip
    draw = drawing.draw(lineup, 6, moment)
    expected = rebuilt(drawing, lineup, 6, moment, BatchRandom(3, CPU))
    assert list(draw.lessons) == lineup
    for name, tensor in expected.items():
        if name in ("stand_in", "amount"):
            drawn = getattr(draw, name)
        else:
            who, what = name.split()
            drawn = getattr(draw.lessons[who], what)
        torch.testing.assert_close(drawn, tensor, rtol=1e-4, atol=2e-4, msg=lambda told, name=name: f"{name}: {told}")
