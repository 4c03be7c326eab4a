"""How everybody's faces of a step are drawn: chosen and sent for by the host, then varied on the device as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from understudy.model.device import send
from understudy.model.network import Architecture
from understudy.model.normalisation import ColourStats
from understudy.training.data.augment import AugmentContext, along, look_up, vary
from understudy.training.data.batch import PersonBatch, TrainBatch
from understudy.training.data.dataset import Side
from understudy.training.data.lookalikes import exchange_fields, find_pairs
from understudy.training.data.random_draws import NORMALS, UNIFORMS, BatchRandom, Draws
from understudy.training.presets import Recipe
from understudy.training.run.precision import Precision
from understudy.training.run.schedule import StepSchedule

CODE_NOISE = 0.1
"""Noise on the code: keeps what lies between two codes a face."""


@dataclass(frozen=True)
class LookAlikes:
    """For each of the N target faces a source face in its pose and expression."""

    faces: torch.Tensor  # (N, 8, R, R)
    fields: torch.Tensor  # (N, n, n, 2) bend each into its place


@dataclass(frozen=True)
class Chosen:
    """A step's faces on the device as they are: N of each of P people one after the other, source and target first."""

    faces: torch.Tensor  # (P N, 8, R, R)
    fields: torch.Tensor  # (P N, n, n, 2) bend each towards the other person's shape
    light: ColourStats | None  # (P N, 3) of their plates; None where light is not varied
    look_alikes: LookAlikes | None  # None where nobody asks for them
    flips: tuple[bool, ...]  # whose faces are mirrored at random
    warp: torch.Tensor | None  # how much of the warp there is by now, 0..1; None without any

    @property
    def count(self) -> int:
        """N"""
        return len(self.faces) // len(self.flips)


@dataclass(frozen=True)
class Varied:
    """What becomes of them."""

    shown: torch.Tensor  # (P N, 3, R, R)
    noise: torch.Tensor  # (P N, code)
    wanted: torch.Tensor  # (P N, 5, R, R)
    stand_in: torch.Tensor  # (N, 5, R, R)
    amount: torch.Tensor  # (N, 1)


class BatchBuilder:
    """All of a step that is not the network's.

    Choices, dice and how much warp there is go to the device, each in one piece, and faces that have no place there.
    What is done with them there is one program where ``precision`` says so.
    """

    def __init__(
        self,
        sides: Mapping[str, Side],
        arch: Architecture,
        recipe: Recipe,
        random: BatchRandom,
        *,
        device: torch.device,
        precision: Precision,
        morphs: bool,
    ) -> None:
        """``sides``: faces by identity; ``morphs``: whether what lies between two people is asked for as well."""
        self.sides, self.random = sides, random
        self._device, self._layout, self._morphs = device, precision.layout, morphs
        self._size, self._code = arch.resolution, arch.code
        self._variation, self._flips, self._pose_balance = recipe.variation, recipe.flips, recipe.pose_balance
        source, target = sides["source"].shapes, sides["target"].shapes
        self._exchange = {
            name: torch.from_numpy(exchange_fields(side.shapes, target if name == "source" else source, self._size)).to(
                device
            )
            for name, side in sides.items()
        }
        asked = recipe.weights.pairs or recipe.weights.style
        self._pairs = find_pairs(target, source, self._size) if asked else None
        if self._pairs is not None:
            self._partners = torch.from_numpy(self._pairs.partner)
            self._pair_fields = torch.from_numpy(self._pairs.field).to(device)
        self._on_device = torch.compile(self._varied, dynamic=False) if precision.compiled else self._varied

    @torch.no_grad()
    def draw(self, lineup: Sequence[str], count: int, moment: StepSchedule) -> TrainBatch:
        """``count`` faces of each in the ``lineup``, source and target first, as they are learnt at ``moment``.

        They have to fit into the memory whole: they are little beside what a network keeps of them.
        """
        chosen = self._choose(lineup, count, moment.warp)
        grain = self._size if self._variation.noise else 0
        dice = self.random.throw(len(lineup) * count, NORMALS + self._code, UNIFORMS, grain)
        varied = self._on_device(chosen, dice)
        parts = (part.chunk(len(lineup)) for part in (varied.shown, varied.noise, varied.wanted))
        lessons = {name: PersonBatch(*lesson) for name, *lesson in zip(lineup, *parts, strict=True)}
        return TrainBatch(lessons, varied.stand_in, varied.amount)

    def _choose(self, lineup: Sequence[str], count: int, warp: float) -> Chosen:
        """What the host does: choose, and have what was chosen brought together."""
        picks = [self.sides[name].pick(self.random, count, self._pose_balance) for name in lineup]
        numbers = list(picks)
        if self._pairs is not None:
            of_target = picks[lineup.index("target")]
            which = self.random.integers(self._partners.shape[1], count)
            numbers += [of_target, which, self._partners[of_target, which]]
        there = send(torch.stack(numbers), self._device)
        rows = list(zip(lineup, picks, there[: len(lineup)], strict=True))
        look_alikes = None
        if self._pairs is not None:
            faces = self.sides["source"].gather(numbers[-1], there[-1])
            look_alikes = LookAlikes(faces, self._pair_fields[there[-3], there[-2]])
        relights = self._variation.relights
        return Chosen(
            torch.cat([self.sides[name].gather(own, row) for name, own, row in rows]),
            torch.cat([self._exchange[name][row] for name, _, row in rows]),
            ColourStats.join([self.sides[name].lights_of(row) for name, _, row in rows]) if relights else None,
            look_alikes,
            tuple(name in self._flips for name in lineup),
            # A number that changes from step to step goes in as a tensor, or a program would be made anew for each.
            send(torch.tensor(warp), self._device) if warp > 0 else None,
        )

    def _varied(self, chosen: Chosen, dice: Draws) -> Varied:
        """What the device does: all numbers are there, and nobody waits."""
        count, faces = chosen.count, chosen.faces
        target = slice(count, 2 * count)
        noise, chance = dice.normal(self._code) * CODE_NOISE, dice.uniform(1)[target]
        often = [torch.full((count, 1, 1, 1), 0.5 * flipped, device=faces.device) for flipped in chosen.flips]
        around = AugmentContext(
            chosen.fields,
            chosen.light,
            # The source may borrow the target's colours, whoever may not borrow has their own.
            torch.cat([faces[target], faces[count:]]) if self._variation.colour_of_others else None,
            torch.cat(often) if any(chosen.flips) else None,
        )
        batch = vary(faces, around, dice, self._variation, chosen.warp)
        wanted, grid = batch.wanted[target], batch.grid[target]
        stand_in = wanted  # where nobody asks for look-alikes it only has to have the shape
        if chosen.look_alikes is not None:
            stand_in = look_up(chosen.look_alikes.faces[:, :5], grid + along(chosen.look_alikes.fields, grid))
            if batch.cover is not None:
                # What hides the target's face hides its look-alike's.
                stand_in = torch.cat([stand_in[:, :3], stand_in[:, 3:] * (1 - batch.cover[target])], dim=1)
        amount = torch.ones_like(chance)
        if self._morphs:
            # Half of them at the end of the way, where the swap is; the others anywhere on it.
            amount = (2 * chance).clamp(max=1)
            stand_in = torch.lerp(wanted, stand_in, amount[:, :, None, None])
        return Varied(batch.shown.contiguous(memory_format=self._layout), noise, batch.wanted, stand_in, amount)
