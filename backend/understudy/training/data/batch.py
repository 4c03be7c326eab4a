"""What a step is taught: everybody's faces of one batch, and what should be painted from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class PersonBatch:
    """One person's faces of a step."""

    shown: torch.Tensor  # (N, 3, R, R) what the encoder sees
    noise: torch.Tensor  # (N, code) what is added to its code
    wanted: torch.Tensor  # (N, 5, R, R) what is to be painted: colour, mask, eyes and mouth


@dataclass(frozen=True)
class TrainBatch:
    """One step's faces of everybody, source first."""

    lessons: Mapping[str, PersonBatch]
    stand_in: torch.Tensor  # (N, 5, R, R) for each target face its look-alike in the source's shape
    amount: torch.Tensor  # (N, 1) how far between target (0) and look-alike (1) a morph is asked for

    @property
    def count(self) -> int:
        """Faces of each person."""
        return len(self.stand_in)

    def parts(self, count: int) -> list[TrainBatch]:
        """The same in ``count`` portions of nearly equal size, none of them empty."""
        parts: list[TrainBatch] = []
        for rows in torch.arange(self.count).tensor_split(count):
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            lessons = {
                name: PersonBatch(lesson.shown[part], lesson.noise[part], lesson.wanted[part])
                for name, lesson in self.lessons.items()
            }
            parts.append(TrainBatch(lessons, self.stand_in[part], self.amount[part]))
        return parts
