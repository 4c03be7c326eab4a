"""What a faceset says of where it comes from: JSON whose known entries have a form."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from understudy.settings import first_problem


class _Settings(BaseModel):
    """Those of the extraction that are read again; others stand beside them."""

    model_config = ConfigDict(extra="allow")

    plate: str = ""
    colour_space: str | None = None
    ocio: str | None = None


class _Provenance(BaseModel):
    model_config = ConfigDict(extra="allow")

    settings: _Settings = Field(default_factory=_Settings)
    analysis: dict[str, str] = {}  # role to what filled it
    cut: list[tuple[int, int, float, float]] = []  # frame, track and place of each face; see extraction/deletions.py
    deleted: list[tuple[int, float, float]] = []  # frame and place


def provenance_of(value: Any) -> dict[str, Any]:
    """``value``, from JSON, as a faceset's provenance. Raises ValueError that says what is wrong with it."""
    try:
        _Provenance.model_validate(value)
    except ValidationError as error:
        raise ValueError(f"provenance: {first_problem(error)}") from None
    return dict(value)
