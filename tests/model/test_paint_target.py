from __future__ import annotations

import pytest
import torch
from made_people import TINY
from understudy.errors import UsageError
from understudy.model.comb import CombArchitecture
from understudy.model.families import build
from understudy.model.morph import MorphArchitecture
from understudy.model.network import Architecture, SwapNetwork
from understudy.model.paint_target import PaintTarget

WIDTHS = {"bottleneck": 16, "encoder_width": 8, "decoder_width": 8, "mask_width": 4}


def network(arch: Architecture) -> SwapNetwork:
    torch.manual_seed(2)
    made = build(arch)
    made.start({name: torch.full((4, 64, 64), float(index)) for index, name in enumerate(arch.identities)})
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return made


@torch.no_grad()
def test_a_morph_goes_from_one_end_to_the_other():
    made = network(MorphArchitecture(64, **WIDTHS))
    code = made.encode(torch.randn(2, 3, 64, 64))
    ends = {side: made.decode(code, side)[0] for side in ("source", "target")}
    painted = [
        PaintTarget(morphs=True).paint(made, code, torch.full((len(code), 1), amount))[0]
        for amount in (0.0, 0.25, 0.75, 1.0)
    ]
    assert torch.allclose(painted[0], ends["target"], atol=1e-5) and torch.allclose(
        painted[3], ends["source"], atol=1e-5
    )
    away = [float((picture - ends["target"]).abs().mean()) for picture in painted]
    assert away == sorted(away) and away[1] > 0.1 * away[3]


@torch.no_grad()
def test_anybody_of_a_comb_is_painted_by_name():
    made = network(CombArchitecture(64, **WIDTHS, identities=("source", "target", "carl")))
    code = made.encode(torch.randn(1, 3, 64, 64))
    assert torch.equal(PaintTarget("carl").paint(made, code, torch.ones(len(code), 1))[0], made.decode(code, "carl")[0])


@pytest.mark.parametrize(
    ("likeness", "said"),
    [(PaintTarget("carl"), "nobody called 'carl'"), (PaintTarget(morphs=True), "quick model cannot")],
)
def test_what_a_model_cannot_paint_is_said(likeness, said):
    with pytest.raises(UsageError, match=said):
        likeness.check(network(TINY))
    with pytest.raises(UsageError, match="to the source"):
        PaintTarget("target", True).check(network(MorphArchitecture(64, **WIDTHS)))
