"""How everybody's faces of a step are drawn: chosen and sent for by the host, then varied on the device as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from understudy.model.device import send
from understudy.model.network import Architecture
from understudy.model.presentation import Light
from understudy.training.augment import Around, along, look_up, vary
from understudy.training.data import Side
from understudy.training.dice import NORMALS, UNIFORMS, Dice, Random
from understudy.training.lessons import Draw, Lesson
from understudy.training.lookalikes import exchange_fields, find_pairs
from understudy.training.precision import Precision
from understudy.training.presets import Recipe
from understudy.training.schedule import Moment

CODE_NOISE = 0.1
"""Noise on the code: keeps what lies between two codes a face."""

Made = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


class Drawing:
    """All of a step that is not the network's.

    ``sides``: faces by identity. A step's numbers go to the device in a few pieces (choices, dice, and nothing else
    from step to step), and what is done with them there is one program where ``precision`` says so.
    """

    def __init__(
        self,
        sides: Mapping[str, Side],
        arch: Architecture,
        recipe: Recipe,
        random: Random,
        *,
        device: torch.device,
        precision: Precision,
        morphs: bool,
    ) -> None:
        """``morphs``: whether the network is asked for what lies between two people as well."""
        self.sides, self.arch, self.recipe, self.random = sides, arch, recipe, random
        self._device, self._morphs, self._layout = device, morphs, precision.layout
        size, source, target = arch.resolution, sides["source"].shapes, sides["target"].shapes
        self._exchange = {
            name: torch.from_numpy(exchange_fields(side.shapes, target if name == "source" else source, size)).to(
                device
            )
            for name, side in sides.items()
        }
        weights = recipe.weights
        self._pairs = find_pairs(target, source, size) if weights.pairs or weights.style else None
        if self._pairs is not None:
            self._partners = torch.from_numpy(self._pairs.partner)
            self._pair_fields = torch.from_numpy(self._pairs.field).to(device)
        self._vary = torch.compile(self._make, dynamic=False) if precision.compiled else self._make

    @torch.no_grad()
    def draw(self, lineup: Sequence[str], count: int, moment: Moment) -> Draw:
        """``count`` faces of each in the ``lineup``, source and target first, as they are learnt at ``moment``."""
        recipe, variation, size = self.recipe, self.recipe.variation, self.arch.resolution
        picks = {name: self.sides[name].pick(self.random, count, recipe.pose_balance) for name in lineup}
        numbers = list(picks.values())
        if self._pairs is not None:
            which = self.random.integers(self._partners.shape[1], count)
            numbers += [which, self._partners[picks["target"], which]]
        there = send(torch.stack(numbers), self._device)
        rows = dict(zip(lineup, there, strict=False))
        partners, pair_fields = None, None
        if self._pairs is not None:
            partners = self.sides["source"].gather(numbers[-1], there[-1])
            pair_fields = self._pair_fields[rows["target"], there[-2]]
        lights = [self.sides[name].lights_of(rows[name]) for name in lineup] if variation.relights else []
        dice = self.random.throw(
            len(lineup) * count, NORMALS + self.arch.code, UNIFORMS, grain=size if variation.noise else 0
        )
        shown, noise, wanted, stand_in, amount = self._vary(
            torch.cat([self.sides[name].gather(picks[name], rows[name]) for name in lineup]),
            torch.cat([self._exchange[name][rows[name]] for name in lineup]),
            Light.join(lights) if lights else None,
            partners,
            pair_fields,
            dice,
            # A number that changes from step to step goes in as a tensor, or a program would be made anew for each.
            send(torch.tensor(moment.warp), self._device) if moment.warp > 0 else None,
            tuple(name in recipe.flips for name in lineup),
        )
        parts = (part.chunk(len(lineup)) for part in (shown, noise, wanted))
        return Draw({name: Lesson(*lesson) for name, *lesson in zip(lineup, *parts, strict=True)}, stand_in, amount)

    def _make(
        self,
        faces: torch.Tensor,
        fields: torch.Tensor,
        light: Light | None,
        partners: torch.Tensor | None,
        pair_fields: torch.Tensor | None,
        dice: Dice,
        warp: torch.Tensor | None,
        flips: tuple[bool, ...],
    ) -> Made:
        """Vary (P N, 8, R, R) ``faces`` of P people, source and target first: all on the device, nobody waits.

        Returns what is shown, noise and what is wanted, of (P N) each, and stand-ins and amounts of N, as
        :class:`Draw` has them.
        """
        count = len(faces) // len(flips)
        noise = dice.normal(self.arch.code) * CODE_NOISE
        chance = dice.uniform(1)[count : 2 * count]
        often = [torch.full((count, 1, 1, 1), 0.5 * flipped, device=faces.device) for flipped in flips]
        # Whoever may not borrow colours borrows their own.
        donors = (
            torch.cat([faces[count : 2 * count], faces[count:]]) if self.recipe.variation.colour_of_others else None
        )
        batch = vary(
            faces,
            Around(fields, light, donors, torch.cat(often) if any(flips) else None),
            dice,
            self.recipe.variation,
            warp,
        )
        target = slice(count, 2 * count)
        stand_in = batch.wanted[target]  # where nobody asks for look-alikes it only has to have the shape
        if partners is not None and pair_fields is not None:
            grid = batch.grid[target]
            stand_in = look_up(partners[:, :5], grid + along(pair_fields, grid))
            if batch.cover is not None:
                # What hides the target's face hides its look-alike's.
                stand_in = torch.cat([stand_in[:, :3], stand_in[:, 3:] * (1 - batch.cover[target])], dim=1)
        amount = torch.ones_like(chance)
        if self._morphs:
            # Half of them at the end of the way, where the swap is; the others anywhere on it.
            amount = (2 * chance).clamp(max=1)
            stand_in = torch.lerp(batch.wanted[target], stand_in, amount[:, :, None, None])
        return batch.shown.contiguous(memory_format=self._layout), noise, batch.wanted, stand_in, amount
