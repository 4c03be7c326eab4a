"""What a step learns from, under every option that varies it."""

from __future__ import annotations

import pytest
import torch
from made_trainers import CPU, trainer
from understudy.model.network import SIDES
from understudy.training.data import load_side
from understudy.training.lessons import Draw
from understudy.training.schedule import Moment


@pytest.fixture(scope="module")
def sides(people):
    return {side: load_side([people[side]], 64, CPU) for side in SIDES}


def drawn(sides, **options) -> Draw:
    return trainer(sides, batch=8, **options).draw(Moment())


def changed(one: Draw, two: Draw, name: str) -> dict[str, bool]:
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
    # The source's faces come first: what is wanted of the others is drawn with dice that have gone on.
    assert torch.equal(plain.lessons["source"].wanted, varied.lessons["source"].wanted)


def test_only_the_source_takes_the_colours_of_others(sides):
    plain, varied = drawn(sides), drawn(sides, colour_of_others=1.0)
    assert not torch.allclose(plain.lessons["source"].shown, varied.lessons["source"].shown, atol=0.05)
    assert torch.equal(plain.lessons["source"].wanted, varied.lessons["source"].wanted)


def test_placement_and_mirroring_move_what_is_wanted(sides):
    plain, turned = drawn(sides), drawn(sides, affine=8.0)
    assert changed(plain, turned, "wanted") == {"source": True, "target": True}
    mirrored = {flip: drawn(sides, flip=flip) for flip in ("source", "target", "both")}
    assert changed(plain, mirrored["target"], "wanted") == {"source": False, "target": True}
    assert changed(mirrored["source"], mirrored["both"], "wanted") == {"source": False, "target": True}
    assert changed(plain, mirrored["source"], "wanted")["source"]


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
