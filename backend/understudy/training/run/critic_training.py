"""The networks that a swap network learns against: who tells painted faces from filmed ones, and whose a code is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from understudy.model.critics import CodeCritic, PatchCritic, critic_loss, fooling_loss
from understudy.model.network import Architecture
from understudy.training.distributed.group import Group
from understudy.training.run.objective import GRADIENT_LIMIT, Weights

PATCH = 1 / 8
"""What the critic of pictures looks at, as a part of the crop's side, as in DeepFaceLab."""


@dataclass(frozen=True)
class Evidence:
    """What a step shows to the critics, without its history."""

    filmed: torch.Tensor  # (N, 3, R, R) source faces, 0 outside the mask
    painted: torch.Tensor  # (N or 2N, 3, R, R) the same rebuilt, and the swap
    of_source: torch.Tensor  # (N, code)
    of_target: torch.Tensor  # (N, code)
    opposed: bool  # whether the critic of pictures is at work yet


class Opponents(nn.Module):
    """Both critics with their optimiser; those exist whose term has a weight.

    The critic of pictures judges the swap as well as rebuilt source faces: the swap is what people will see.
    The critic of codes makes the encoder forget who it looks at (domain-adversarial training, Ganin and Lempitsky 2015).
    """

    def __init__(self, arch: Architecture, weights: Weights, device: torch.device) -> None:
        super().__init__()
        self.weights = weights
        self._gathered: dict[int, torch.Tensor] = {}  # gradients of the batch so far, by parameter
        self.pictures = PatchCritic(max(16, round(PATCH * arch.resolution))).to(device) if weights.adversarial else None
        self.codes = CodeCritic(arch.code).to(device) if weights.identity else None
        self.optimiser = (
            torch.optim.AdamW(self.parameters(), lr=0.0, betas=(0.5, 0.99), weight_decay=0.0, fused=True)
            if self.pictures or self.codes
            else None
        )

    @property
    def terms(self) -> tuple[str, ...]:
        """What the losses are called that the network is given, and those that the critics have."""
        return (*self.opposing, *(f"{name} critic" for name in self.opposing))

    @property
    def opposing(self) -> tuple[str, ...]:
        named = {"adversarial": self.pictures, "identity": self.codes}
        return tuple(name for name, critic in named.items() if critic is not None)

    def oppose(self, evidence: Evidence, factor: torch.Tensor) -> list[torch.Tensor]:
        """What the network pays for being found out, by :attr:`opposing`; the adversarial term is weighed by ``factor``."""
        losses: list[torch.Tensor] = []
        if self.pictures is not None:
            term = fooling_loss(self.pictures(evidence.painted)) * factor if evidence.opposed else factor * 0
            losses.append(self.weights.adversarial * term)
        if self.codes is not None:
            # Codes of neither side are to say whose they are: each should look like both.
            told = [logits for codes in (evidence.of_source, evidence.of_target) for logits in self.codes(codes)]
            term = fooling_loss(told) + fooling_loss([-logits for logits in told])
            losses.append(self.weights.identity * 0.25 * term)
        return losses

    def learn(self, evidence: Evidence, share: float) -> torch.Tensor:
        """Keep what a part of the batch, ``share`` of the whole, teaches the critics. Returns their losses."""
        losses: list[torch.Tensor] = []
        if self.pictures is not None:
            if evidence.opposed:
                losses.append(critic_loss(self.pictures(evidence.filmed), self.pictures(evidence.painted.detach())))
            else:
                losses.append(evidence.filmed.new_zeros(()))
        if self.codes is not None:
            losses.append(critic_loss(self.codes(evidence.of_source.detach()), self.codes(evidence.of_target.detach())))
        if not losses:
            return evidence.filmed.new_zeros(0)
        total = torch.stack(losses)
        if total.requires_grad:
            # Not by backward(): the network's own pass leaves in the critics what is not theirs to learn from.
            parameters = list(self.parameters())
            gradients = torch.autograd.grad(total.sum() * share, parameters, allow_unused=True)
            for index, gradient in enumerate(gradients):
                if gradient is not None:
                    before = self._gathered.get(index)
                    self._gathered[index] = gradient if before is None else before + gradient
        return total.detach()

    def forget(self) -> None:
        """Drop what the parts of a batch have taught so far."""
        self._gathered.clear()

    def step(self, rate: float, group: Group) -> None:
        """The optimiser's step, at the learning rate ``rate``."""
        if self.optimiser is None:
            return
        for entry in self.optimiser.param_groups:
            entry["lr"] = rate
        for index, parameter in enumerate(self.parameters()):
            parameter.grad = self._gathered.get(index)
        group.average_gradients(self.parameters())
        torch.nn.utils.clip_grad_norm_(self.parameters(), GRADIENT_LIMIT)
        self.optimiser.step()

    def moments(self) -> dict[str, torch.Tensor]:
        """The optimiser's state, by the name of the weight and of the moment: critics come and go."""
        if self.optimiser is None:
            return {}
        return {
            f"{name}.{key}": value
            for name, parameter in self.named_parameters()
            for key, value in self.optimiser.state.get(parameter, {}).items()
        }

    def take(self, weights: Mapping[str, torch.Tensor], moments: Mapping[str, torch.Tensor]) -> None:
        """Go on from what :meth:`state_dict` and :meth:`moments` gave, as far as it is of the critics there are now.

        A critic that was not there, or was another, begins anew.
        """
        own = dict(self.named_parameters())
        if self.optimiser is not None:
            self.optimiser.state.clear()
        known = {name for name, value in own.items() if name in weights and weights[name].shape == value.shape}
        for critic in {name.partition(".")[0] for name in own}:
            mine = {name for name in own if name.startswith(f"{critic}.")}
            if not mine <= known:
                continue
            for name in mine:
                with torch.no_grad():
                    own[name].copy_(weights[name])
                state = {
                    key.rpartition(".")[2]: value for key, value in moments.items() if key.rpartition(".")[0] == name
                }
                if state and self.optimiser is not None:
                    # A fused optimiser walks a weight and its moments in the order in which they lie in memory.
                    self.optimiser.state[own[name]] = {
                        key: torch.empty_like(own[name]).copy_(value)
                        if value.dim()
                        else value.clone().to(own[name].device)
                        for key, value in state.items()
                    }
