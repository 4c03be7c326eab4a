"""What a model is and where it comes from: the card in the header of its file, whose every entry has its range."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from understudy.json_reader import parse_json
from understudy.model.families import architecture_from_json
from understudy.model.network import Architecture
from understudy.settings import first_problem

VERSION = 1

_LARGEST = 1 << 24  # letters
_Text = Annotated[str, Field(max_length=1 << 12)]
_Count = Annotated[int, Field(strict=True, ge=0, le=1 << 53)]
_Batch = Annotated[int, Field(strict=True, ge=0, le=1 << 20)]
_Codes = Annotated[float, Field(ge=-100, le=100)]  # see model/log_curve.py
_Spread = Annotated[float, Field(gt=0, le=100)]
_Figure = Annotated[float, Field(allow_inf_nan=True)]


@dataclass(frozen=True)
class ModelCard:
    """What a model is and where it comes from."""

    architecture: Architecture
    crop: str  # crop kind the model was trained on
    steps: int = 0
    minutes: float = 0.0
    validation: dict[str, float] = field(default_factory=dict)
    working_space: str = ""  # colour space of the crops it was trained on
    source_light: dict[str, list[float]] = field(default_factory=dict)  # mean and spread of the source footage
    trained_on: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    batch: int = 0  # faces of each side in a step, the last time
    faces_seen: int = 0  # of both sides, over all steps
    version: int = VERSION

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "architecture": self.architecture.to_json()}, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> ModelCard:
        """Read :meth:`to_json`. Raises ValueError that says what is wrong with a card that is malformed."""
        data = parse_json(text, largest=_LARGEST, nan=True)
        if isinstance(data, dict) and data.get("version") != VERSION:
            raise ValueError(f"card version {data.get('version')!r} is not {VERSION}")
        try:
            _Form.model_validate(data)
        except ValidationError as error:
            raise ValueError(f"its card's {first_problem(error)}") from None
        return ModelCard(**{**data, "architecture": architecture_from_json(data["architecture"])})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Light(_Strict):
    mean: tuple[_Codes, _Codes, _Codes]
    spread: tuple[_Spread, _Spread, _Spread]


class _Footage(BaseModel):
    """The footage of one plate; what analysed it stands beside, by role."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Text] = Field(init=False)

    faceset: _Text
    plate: _Text = ""
    faces: _Count
    sha256: _Text = ""
    held_out: _Count = 0


class _Form(_Strict):
    """What a card holds. The architecture is checked by its family."""

    version: Literal[1]
    architecture: dict[str, Any]
    crop: Literal["face", "full", "whole", "head"]
    steps: _Count = 0
    minutes: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    validation: dict[_Text, _Figure] = {}
    working_space: _Text = ""
    source_light: Annotated[_Light | None, BeforeValidator(lambda light: light or None)] = None  # {}: never trained
    trained_on: dict[_Text, list[_Footage]] = {}
    batch: _Batch = 0
    faces_seen: _Count = 0
