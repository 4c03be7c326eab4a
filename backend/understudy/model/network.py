"""What every family of networks is to the rest of the house: faces become codes, and codes are painted as people."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Protocol, TypeVar

import torch
from pydantic import Field, TypeAdapter, ValidationError
from torch import nn

from understudy.settings import first_problem

SIDES = ("source", "target")
"""The two people of a swap: whose face is new, and who is in the plate."""


Side = Annotated[int, Field(strict=True, ge=16, le=4096)]
Width = Annotated[int, Field(strict=True, ge=1, le=4096)]
CodeLength = Annotated[int, Field(strict=True, ge=1, le=1 << 16)]
Doublings = Annotated[int, Field(strict=True, ge=0, le=8)]
Flag = Annotated[bool, Field(strict=True)]
"""What the fields of an architecture may be, when it is read from a file: pixels, channels, and numbers."""


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


_Kind = TypeVar("_Kind")


def read_architecture(kind: type[_Kind], data: Mapping[str, Any]) -> _Kind:
    """The architecture of the dataclass ``kind`` from what its ``to_json`` gave; raises ``ValueError`` out of its ranges."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if odd := [name for name in data if name not in names and name != "family"]:
        raise ValueError(f"an architecture has no {odd[0]!r}")
    try:
        return TypeAdapter(kind).validate_python({name: data[name] for name in names if name in data})
    except ValidationError as error:
        raise ValueError(f"its architecture's {first_problem(error)}") from None


class SwapNetwork(nn.Module, ABC):
    """A face becomes a short code of pose and expression, which does not say whose it is; anybody is painted from it.

    ``decode(encode(faces of the target), "source")`` is the swap.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch

    @abstractmethod
    def encode(self, shown: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """(N, 3, R, R) detail, as :func:`~understudy.model.normalisation.detail` gives it -> (N, code).

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
