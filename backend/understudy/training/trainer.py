"""The loop's body: one step, one validation, one checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from understudy.errors import ModelError
from understudy.model.families import build
from understudy.model.losses import mask_loss, masked_mse, multi_scale_dssim
from understudy.model.network import SIDES, SwapNetwork
from understudy.settings import TrainingOptions
from understudy.training.augment import Random, along, look_up, vary
from understudy.training.checkpoint import Checkpoint
from understudy.training.data import Side
from understudy.training.lookalikes import exchange_fields, find_pairs
from understudy.training.schedule import pair_factor, rate_factor

EMA = 0.995
"""How slowly the averaged weights follow, once training is long enough for it to matter."""

CODE_NOISE = 0.1
"""Noise on the code: keeps what lies between two codes a face."""

UNWARPED_FROM = 0.9
"""Part of the budget after which faces are shown as they are, for the last sharpness."""

GRADIENT_LIMIT = 1.0


@dataclass(frozen=True)
class Draw:
    """One step's faces, source first: what the encoder sees, the noise on its codes, and what the decoders should paint."""

    shown: torch.Tensor  # (2N, 3, R, R)
    noise: torch.Tensor  # (2N, code)
    source: torch.Tensor  # (N, 5, R, R) colour, mask, eyes and mouth
    target: torch.Tensor  # (N, 5, R, R)
    stand_in: torch.Tensor  # (N, 5, R, R) for each target face its look-alike in the source's shape


class Trainer:
    """Both networks' weights, the data of both sides, the optimiser and the dice: everything that a step changes."""

    def __init__(
        self,
        network: SwapNetwork,
        sides: Mapping[str, Side],
        options: TrainingOptions,
        *,
        batch: int,
        learning_rate: float,
        device: torch.device,
    ) -> None:
        size = network.arch.resolution
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = build(network.arch).to(device).requires_grad_(False)
        self.average.load_state_dict(network.state_dict())
        self.sides, self.options = sides, options
        self.batch, self.learning_rate, self.device = batch, learning_rate, device
        self.step_count = 0
        self.random = Random(options.seed, device)
        source, target = sides["source"].shapes, sides["target"].shapes
        self._exchange = {
            "source": torch.from_numpy(exchange_fields(source, target, size)).to(device),
            "target": torch.from_numpy(exchange_fields(target, source, size)).to(device),
        }
        pairs = find_pairs(target, source, size)
        self._partner = torch.from_numpy(pairs.partner).to(device)
        self._pair_field = torch.from_numpy(pairs.field).to(device)
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )

    def step(self, progress: float) -> torch.Tensor:
        """One step on a batch of both sides; ``progress`` is the used part of the budget, 0..1.

        Returns the losses (4,) of source, target, pairs and their sum, still on the device: reading them waits for it.
        """
        return self.learn(self.draw(progress), progress)

    @torch.no_grad()
    def draw(self, progress: float) -> Draw:
        """Choose faces and vary them: all of a step that is not the network's."""
        picks = {side: self.random.integers(self.sides[side].count, self.batch) for side in SIDES}
        warp = self.options.warp if progress < UNWARPED_FROM else 0.0
        batches = {
            side: vary(
                self.sides[side].packed[picks[side]].float(),
                self._exchange[side][picks[side]],
                self.random,
                warp=warp,
                flip=self.options.flip,
            )
            for side in SIDES
        }
        noise = self.random.normal(2 * self.batch, self.network.arch.code) * CODE_NOISE
        chosen = picks["target"], self.random.integers(self._partner.shape[1], self.batch)
        grid = batches["target"].grid
        partner = self.sides["source"].packed[self._partner[chosen]][:, :5].float()
        return Draw(
            shown=torch.cat([batches[side].shown for side in SIDES]).contiguous(memory_format=torch.channels_last),
            noise=noise,
            source=batches["source"].wanted,
            target=batches["target"].wanted,
            stand_in=look_up(partner, grid + along(self._pair_field[chosen], grid)),
        )

    def learn(self, draw: Draw, progress: float) -> torch.Tensor:
        """Forward, losses, backward and the optimiser's step. Returns what :meth:`step` returns."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate * rate_factor(self.step_count, progress)
        pair_weight = self.options.pair_weight * pair_factor(progress)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            codes = self.network.encode(draw.shown, draw.noise)
            of_source, of_target = codes.chunk(2)
            # The source's decoder paints its own faces and, for the look-alikes, the target's: one pass for both.
            colour, logits = self.network.decode(codes if pair_weight else of_source, "source")
            target_colour, target_logits = self.network.decode(of_target, "target")
        colour, logits, count = colour.float(), logits.float(), self.batch
        losses = [
            self.loss(colour[:count], logits[:count], draw.source),
            self.loss(target_colour.float(), target_logits.float(), draw.target),
            self.loss(colour[count:], logits[count:], draw.stand_in) * pair_weight
            if pair_weight
            else colour.new_zeros(()),
        ]
        total = torch.stack(losses).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_LIMIT)
        self.optimiser.step()
        self.step_count += 1
        self._follow()
        return torch.stack([*losses, total]).detach()

    def loss(self, colour: torch.Tensor, logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """The loss of painted (N, 3, R, R) and mask logits (N, 1, R, R) against packed faces. Returns a scalar."""
        options = self.options
        target, mask, features = wanted[:, :3], wanted[:, 3:4], wanted[:, 4:5]
        weight = mask + options.feature_weight * features
        total = options.mse_weight * masked_mse(colour, target, weight) + options.mask_weight * mask_loss(logits, mask)
        if options.ssim_weight:
            # The surroundings are the target's own on both sides, so that the window at the mask's edge sees no step.
            blended = target + (colour - target) * mask
            total = total + options.ssim_weight * multi_scale_dssim(blended, target, weight)
        return total

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Self-reconstruction of the held-out faces by the averaged weights: loss of each side and their mean."""
        result: dict[str, float] = {}
        for side in SIDES:
            faces = self.sides[side].held_out[:64].float()
            colour, logits = self.average.decode(self.average.encode(faces[:, 5:8]), side)
            result[side] = float(self.loss(colour, logits, faces))
        result["mean"] = sum(result.values()) / len(SIDES)
        return result

    @torch.no_grad()
    def paint(self, count: int) -> dict[str, torch.Tensor]:
        """Faces to look at, spread evenly over both sets, in normalised code values (count, 3, R, R) on the CPU."""
        rows: dict[str, torch.Tensor] = {}
        for side in SIDES:
            packed = self.sides[side].packed
            picks = torch.linspace(0, len(packed) - 1, count).round().long().to(packed.device)
            faces = packed[picks].float()
            code = self.average.encode(faces[:, 5:8])
            rows[side], rows[f"{side} mask"] = faces[:, :3].cpu(), faces[:, 3:4].cpu()
            rows[f"{side} rebuilt"] = self.average.decode(code, side)[0].cpu()
            if side == "target":
                swap, logits = self.average.decode(code, "source")
                rows["swap"], rows["swap mask"] = swap.cpu(), torch.sigmoid(logits).cpu()
        return rows

    def checkpoint(self, numbers: dict[str, Any]) -> Checkpoint:
        """Everything that the next step depends on, with ``numbers`` of the caller's own."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
        tensors["random"] = self.random.generator.get_state()
        return Checkpoint(tensors, {"step": self.step_count, **numbers})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from ``checkpoint``. Raises :class:`ModelError` when it is of another network."""
        parts: dict[str, dict[str, torch.Tensor]] = {"network": {}, "average": {}, "optimiser": {}}
        for name, value in checkpoint.tensors.items():
            room, _, rest = name.partition(".")
            if room in parts:
                parts[room][rest] = value
        try:
            self.network.load_state_dict(parts["network"])
            self.average.load_state_dict(parts["average"])
        except RuntimeError as error:
            raise ModelError(f"The checkpoint is of another network: {str(error).splitlines()[0]}") from None
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in parts["optimiser"].items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.random.generator.set_state(checkpoint.tensors["random"])
        self.step_count = int(checkpoint.numbers["step"])

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the averaged weights follow; early on they follow fast, so that the beginning is forgotten."""
        keep = min(EMA, (1 + self.step_count) / (10 + self.step_count))
        mine: list[torch.Tensor] = list(self.average.parameters())
        theirs: list[torch.Tensor] = list(self.network.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - keep)
