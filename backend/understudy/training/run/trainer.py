"""One step of training, one validation: everything that a step changes, and what it changes it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from understudy.errors import ModelError
from understudy.model.device import send
from understudy.model.families import build
from understudy.model.losses import psnr, ssim, style_loss
from understudy.model.morph import MorphNetwork
from understudy.model.network import SIDES, SwapNetwork
from understudy.training.data.batch import TrainBatch
from understudy.training.data.batch_builder import CODE_NOISE, BatchBuilder
from understudy.training.data.dataset import Side
from understudy.training.data.random_draws import BatchRandom
from understudy.training.distributed.group import Group
from understudy.training.output.checkpoint import Checkpoint
from understudy.training.presets import Recipe
from understudy.training.run.critic_training import Evidence, Opponents
from understudy.training.run.memory import Gauge, Portions, largest_batch
from understudy.training.run.objective import GRADIENT_LIMIT, face_loss
from understudy.training.run.precision import Precision
from understudy.training.run.schedule import StepSchedule

EMA = 0.995
"""How slowly the averaged weights follow, once training is long enough for it to matter."""

CRITIC_NOISE = 0.2
"""Noise on the codes that the critic of codes is shown, beside that."""

JUDGED_AT_ONCE = 8
"""Held-out faces that go through the network together: no more than fit beside a training."""


class Trainer:
    """A network with its average, everybody's faces, the optimisers and the dice.

    ``sides``: faces by identity, those of the network's architecture. In a ``group`` every process draws the same dice
    for the whole batch and learns its own share of it, so that they train what one process with their batches
    together would.
    """

    def __init__(
        self,
        network: SwapNetwork,
        sides: Mapping[str, Side],
        recipe: Recipe,
        *,
        device: torch.device,
        group: Group | None = None,
        precision: Precision | None = None,
    ) -> None:
        self.precision = precision or Precision.fast(device)
        self.network = network.to(device, memory_format=self.precision.layout)  # type: ignore[call-overload]
        self.average = build(network.arch).to(device).requires_grad_(False)
        self.average.load_state_dict(network.state_dict())
        self.sides, self.recipe, self.device = sides, recipe, device
        self.group = group or Group.alone()
        self.step_count = 0
        self.random = BatchRandom(recipe.seed, device, self.group.rank, self.group.size)
        self.portions = Portions(recipe.batch)
        self._others = [name for name in network.arch.identities if name not in SIDES]
        self.drawing = BatchBuilder(
            sides, network.arch, recipe, self.random,
            device=device, precision=self.precision, morphs=isinstance(network, MorphNetwork),
        )  # fmt: skip
        self.optimiser = torch.optim.AdamW(
            network.parameters(),
            lr=recipe.learning_rate,
            betas=recipe.betas,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self.opponents = Opponents(network.arch, recipe.weights, device)
        self.opponents.to(memory_format=self.precision.layout)  # type: ignore[call-overload]
        self._forward = torch.compile(self._losses, dynamic=False) if self.precision.compiled else self._losses

    @property
    def lineup(self) -> list[str]:
        """Whose faces the next step is about: both sides, and in turn one of the others."""
        others = self._others
        return [*SIDES, others[self.step_count % len(others)]] if others else list(SIDES)

    @property
    def terms(self) -> tuple[str, ...]:
        """What the numbers that a step returns are called."""
        style = ("style",) if self.recipe.weights.style else ()
        others = ("others",) if self._others else ()
        return ("source", "target", *others, "pairs", *style, *self.opponents.terms, "loss")

    def fitting_batch(self, gauge: Gauge) -> int:
        """The largest batch, up to the recipe's, of which a whole step fits into memory; the trainer stays as it is."""
        limit, before = self.recipe.batch, self.checkpoint({})
        kept = Checkpoint({name: value.detach().clone() for name, value in before.tensors.items()}, before.numbers)

        def try_step(batch: int) -> None:
            self.rebatch(batch)
            self._gradients([self.draw(StepSchedule(adversarial=1.0))], StepSchedule(adversarial=1.0))
            self._advance(StepSchedule())

        with self.precision.uncompiled():  # these batches are never used again
            fits = largest_batch(try_step, limit, gauge)
        self.rebatch(limit)
        self.restore(kept)
        return fits

    def rebatch(self, batch: int) -> None:
        """Learn from ``batch`` faces of each person from now on."""
        self.recipe = replace(self.recipe, batch=batch)
        self.portions = Portions(batch)

    def step(self, moment: StepSchedule) -> torch.Tensor:
        """One step on a batch of everybody.

        Returns the losses, as :attr:`terms` names them, still on the device: reading them waits for it.
        """
        return self.learn(self.draw(moment), moment)

    def draw(self, moment: StepSchedule) -> TrainBatch:
        """Choose faces and vary them: all of a step that is not the network's."""
        return self.drawing.draw(self.lineup, self.recipe.batch, moment)

    def learn(self, draw: TrainBatch, moment: StepSchedule) -> torch.Tensor:
        """Forward, losses, backward and the optimisers' steps. Returns what :meth:`step` returns.

        Where the whole batch does not fit into the memory, it goes in portions, to the same effect.
        """
        losses = self.portions.run(lambda count: self._gradients(draw.parts(count), moment))
        self._advance(moment)
        return losses

    def _advance(self, moment: StepSchedule) -> None:
        """Let everything follow its gradients."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * moment.rate
        self.group.average_gradients(self.network.parameters())
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_LIMIT)
        self.optimiser.step()
        self.opponents.step(self.recipe.learning_rate * moment.rate, self.group)
        self.step_count += 1
        self._follow()

    def _gradients(self, parts: list[TrainBatch], moment: StepSchedule) -> torch.Tensor:
        """Leave the batch's gradients in the networks; the losses, detached."""
        self.optimiser.zero_grad(set_to_none=True)
        self.opponents.forget()
        # Numbers that change from step to step go in as a tensor, or a compiled program would be made anew for each.
        factors = send(torch.tensor([moment.pairs, moment.adversarial]), self.device)
        total: torch.Tensor | None = None
        whole = sum(part.count for part in parts)
        for part in parts:
            share = part.count / whole
            losses, seen = self._forward(part, factors, moment.adversarial > 0)
            (losses[-1] * share).backward()  # type: ignore[no-untyped-call]
            critics = self.opponents.learn(seen, share)
            told = torch.cat([losses[:-1].detach(), critics, losses[-1:].detach()]) * share
            total = told if total is None else total + told
        assert total is not None
        return total

    def _losses(self, draw: TrainBatch, factors: torch.Tensor, opposed: bool) -> tuple[torch.Tensor, Evidence]:
        """The losses by term, critics' own left out, and what the critics are to see."""
        weights, network, lessons = self.recipe.weights, self.network, draw.lessons
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision.bfloat16):
            codes = network.encode(
                torch.cat([lesson.shown for lesson in lessons.values()]),
                torch.cat([lesson.noise for lesson in lessons.values()]),
            )
            code = dict(zip(lessons, codes.chunk(len(lessons)), strict=True))
            # The source's decoder paints its own faces and, for the look-alikes, the target's: one pass for both.
            both = torch.cat([code["source"], code["target"]]) if weights.pairs or weights.style else code["source"]
            if isinstance(network, MorphNetwork) and weights.pairs:
                colour, logits = network.blend(both, torch.cat([torch.ones_like(draw.amount), draw.amount]))
            else:
                colour, logits = network.decode(both, "source")
            rebuilt = {name: network.decode(code[name], name) for name in lessons if name != "source"}
        count = draw.count
        losses = [face_loss(colour[:count], logits[:count], lessons["source"].wanted, weights)]
        losses += [face_loss(painted, mask, lessons[name].wanted, weights) for name, (painted, mask) in rebuilt.items()]
        pairs = (
            face_loss(colour[count:], logits[count:], draw.stand_in, weights) if weights.pairs else codes.new_zeros(())
        )
        losses.append(weights.pairs * factors[0] * pairs)
        if weights.style:
            wanted = lessons["target"].wanted
            losses.append(
                weights.style * style_loss(colour[count:].float(), wanted[:, :3], draw.stand_in[:, 3:4], wanted[:, 3:4])
            )
        filmed, mask = lessons["source"].wanted[:, :3], lessons["source"].wanted[:, 3:4]
        # What lies between two people looks like neither, and is not for a critic of the source's pictures.
        judged = colour[:count] if isinstance(network, MorphNetwork) else colour
        painted = judged.float() * torch.cat([mask, draw.stand_in[:, 3:4]])[: len(judged)]
        # Seen through some more noise, the codes keep the critic from being sure, and its advice from vanishing.
        of_source, of_target = (code[side].float() + CRITIC_NOISE / CODE_NOISE * lessons[side].noise for side in SIDES)
        evidence = Evidence(filmed * mask, painted, of_source, of_target, opposed)
        losses += self.opponents.oppose(evidence, factors[1])
        return torch.stack([*losses, torch.stack(losses).sum()]), evidence

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """How well the averaged weights rebuild held-out faces.

        Returns ``psnr`` in dB and ``ssim``, both of normalised code values inside the mask, and ``loss``: means over
        the sides, and with the side's name before (``source_psnr``) each side's own.
        """
        figures: dict[str, float] = {}
        for side in SIDES:
            held, told = self.sides[side].held_out, torch.zeros(3, device=self.device)
            for part in torch.split(held, JUDGED_AT_ONCE):
                faces = part.to(self.device).float()
                colour, logits = self.average.decode(self.average.encode(faces[:, 5:8]), side)
                told[0] += psnr(colour, faces[:, :3], faces[:, 3:4]).sum()
                told[1] += ssim(colour, faces[:, :3], faces[:, 3:4]).sum()
                told[2] += face_loss(colour, logits, faces[:, :5], self.recipe.weights) * len(part)
            for name, value in zip(("psnr", "ssim", "loss"), (told / len(held)).tolist(), strict=True):
                figures[f"{side}_{name}"] = value
        for name in ("psnr", "ssim", "loss"):
            figures[name] = sum(figures[f"{side}_{name}"] for side in SIDES) / len(SIDES)
        return figures

    @torch.no_grad()
    def paint(self, count: int) -> dict[str, torch.Tensor]:
        """Faces to look at, spread evenly over both sets, by row of the preview: (count, C, R, R) on the CPU.

        Colours are normalised code values; masks are 0..1.
        """
        rows: dict[str, torch.Tensor] = {}
        for side in SIDES:
            picks = torch.linspace(0, self.sides[side].count - 1, count).round().long()
            faces = self.sides[side].gather(picks)
            code = self.average.encode(faces[:, 5:8])
            colour, logits = self.average.decode(code, side)
            rows[side], rows[f"{side} mask"] = faces[:, :3].cpu(), faces[:, 3:4].cpu()
            rows[f"{side} rebuilt"], rows[f"{side} mask rebuilt"] = colour.cpu(), torch.sigmoid(logits).cpu()
            if side == "target":
                swap, logits = self.average.decode(code, "source")
                rows["swap"], rows["swap mask"] = swap.cpu(), torch.sigmoid(logits).cpu()
        return rows

    def checkpoint(self, numbers: dict[str, Any]) -> Checkpoint:
        """Everything that the next step depends on, with ``numbers`` of the caller's own."""
        rooms = {"network": self.network, "average": self.average, "opponents": self.opponents}
        tensors = {f"{room}.{name}": value for room, held in rooms.items() for name, value in held.state_dict().items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
        tensors |= {f"opposing.{name}": value for name, value in self.opponents.moments().items()}
        tensors["random"] = self.random.generator.get_state()
        return Checkpoint(tensors, {"step": self.step_count, **numbers})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from ``checkpoint``. Raises :class:`ModelError` when it is of another network."""
        parts: dict[str, dict[str, torch.Tensor]] = {}
        for name, value in checkpoint.tensors.items():
            room, _, rest = name.partition(".")
            parts.setdefault(room, {})[rest] = value
        try:
            self.network.load_state_dict(parts.get("network", {}))
            self.average.load_state_dict(parts.get("average", {}))
        except RuntimeError as error:
            raise ModelError(f"The checkpoint is of another network: {str(error).splitlines()[0]}") from None
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in parts.get("optimiser", {}).items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.opponents.take(parts.get("opponents", {}), parts.get("opposing", {}))
        self.random.generator.set_state(checkpoint.tensors["random"])
        self.step_count = int(checkpoint.numbers["step"])

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the averaged weights follow; early on they follow fast, so that the beginning is forgotten."""
        keep = min(EMA, (1 + self.step_count) / (10 + self.step_count))
        mine: list[torch.Tensor] = list(self.average.parameters())
        theirs: list[torch.Tensor] = list(self.network.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - keep)
