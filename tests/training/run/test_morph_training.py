"""What a morph learns between its two ends."""

from __future__ import annotations

import pytest
import torch
from made_trainers import trainer
from understudy.model.losses import psnr
from understudy.model.morph import MorphArchitecture
from understudy.training.run.schedule import StepSchedule


@pytest.mark.slow
def test_identity_moves_from_the_target_to_the_source(sides):
    arch = MorphArchitecture(64, bottleneck=32, encoder_width=8, decoder_width=12, mask_width=4)
    teacher = trainer(sides, arch, batch=4, rate=3e-3)
    draws = [teacher.draw(StepSchedule(warp=0.0)) for _ in range(4)]
    shown = torch.cat([draw.lessons["target"].shown for draw in draws])
    target = torch.cat([draw.lessons["target"].wanted for draw in draws])
    # What the source would look like in these moments: mixtures are taken apart again.
    amount = torch.cat([draw.amount for draw in draws])[:, :, None, None]
    source = (torch.cat([draw.stand_in for draw in draws]) - (1 - amount) * target) / amount.clamp_min(0.2)
    usable = amount.flatten() >= 0.2

    def nearness() -> list[tuple[float, float]]:
        """For three places on the way, PSNR to the source and to the target."""
        with torch.no_grad():
            code = teacher.network.encode(shown)
            painted = [teacher.network.blend(code, torch.full((len(code), 1), place))[0] for place in (0.0, 0.5, 1.0)]
        mask = target[:, 3:4]
        return [
            (float(psnr(one, source[:, :3], mask)[usable].mean()), float(psnr(one, target[:, :3], mask)[usable].mean()))
            for one in painted
        ]

    before = nearness()
    for _ in range(150):
        teacher.step(StepSchedule(warp=0.0))
    after = nearness()
    to_source, to_target = zip(*after, strict=True)
    assert to_source[0] < to_source[1] < to_source[2], after
    assert to_target[0] > to_target[1] > to_target[2], after
    assert to_source[2] > before[2][0] + 1 and to_target[0] > before[0][1] + 1, (before, after)
    assert to_source[1] > before[1][0] or to_target[1] > before[1][1], "what lies between is taught as well"
