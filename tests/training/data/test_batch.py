from __future__ import annotations

import pytest
import torch
from understudy.training.data.batch import PersonBatch, TrainBatch


def draw(count: int) -> TrainBatch:
    def lesson(start: float) -> PersonBatch:
        rows = start + torch.arange(count, dtype=torch.float32)
        return PersonBatch(
            rows.view(-1, 1, 1, 1).expand(-1, 3, 4, 4), rows[:, None], rows.view(-1, 1, 1, 1).expand(-1, 5, 4, 4)
        )

    rows = torch.arange(count, dtype=torch.float32)
    return TrainBatch(
        {"source": lesson(0), "target": lesson(100)}, rows.view(-1, 1, 1, 1).expand(-1, 5, 4, 4), rows[:, None]
    )


@pytest.mark.parametrize(("count", "portions"), [(8, 1), (8, 2), (8, 8), (6, 4), (1, 1)])
def test_portions_are_the_whole_and_keep_together_what_belongs_together(count, portions):
    whole = draw(count)
    parts = whole.parts(portions)
    assert len(parts) == portions and sum(part.count for part in parts) == count and all(part.count for part in parts)
    for name, lesson in whole.lessons.items():
        assert torch.equal(torch.cat([part.lessons[name].shown for part in parts]), lesson.shown)
        assert torch.equal(torch.cat([part.lessons[name].noise for part in parts]), lesson.noise)
        assert torch.equal(torch.cat([part.lessons[name].wanted for part in parts]), lesson.wanted)
    for part in parts:
        assert torch.equal(part.lessons["target"].noise - 100, part.amount)
        assert torch.equal(part.stand_in[:, 0, 0, 0], part.amount[:, 0])
