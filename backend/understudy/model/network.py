"""What every family of networks is to the rest of the house: faces become codes, and codes are painted as people."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import torch
from torch import nn

SIDES = ("source", "target")
"""The two people of a swap: whose face is new, and who is in the plate."""


class Architecture(Protocol):
    """Everything that fixes the shape of a network's weights: a frozen dataclass of each family's own."""

    family: ClassVar[str]

    @property
    def resolution(self) -> int:
        """Side of the picture in pixels."""

    @property
    def code(self) -> int:
        """Length of the code."""

    @property
    def identities(self) -> tuple[str, ...]:
        """Who can be painted; the sides of a swap first."""

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the name of the family."""


class SwapNetwork(nn.Module, ABC):
    """A face becomes a short code of pose and expression, which does not say whose it is; anybody is painted from it.

    ``decode(encode(faces of the target), "source")`` is the swap.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch

    @abstractmethod
    def encode(self, shown: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """(N, 3, R, R) detail, as :func:`~understudy.model.presentation.detail` gives it -> (N, code).

        ``noise`` (N, code), for training, is added to the code.
        """

    @abstractmethod
    def decode(self, code: torch.Tensor, identity: str) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, code) -> ``identity`` in these moments: (N, 3, R, R) normalised code values and (N, 1, R, R) mask logits."""

    @abstractmethod
    def start(self, means: Mapping[str, torch.Tensor]) -> None:
        """Fresh weights from torch's random state, each identity at its person's mean face.

        ``means``: for each identity (4, R, R), mean colour in normalised code values and mean mask as logits.
        """

    @abstractmethod
    def introduce(self, means: Mapping[str, torch.Tensor]) -> None:
        """Let these identities start over from their mean faces, as for :meth:`start`; all other weights stay."""

    def forward(self, shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The swap of (N, 3, R, R) detail: what :meth:`decode` returns."""
        return self.decode(self.encode(shown), SIDES[0])


def parameter_count(network: nn.Module) -> int:
    """Number of weights."""
    return sum(parameter.numel() for parameter in network.parameters())
