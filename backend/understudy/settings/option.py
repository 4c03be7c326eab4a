"""What an option is: a field with a default, a range, a unit and a one-line description."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


def option(
    default: Any,
    description: str,
    *,
    unit: str | None = None,
    ge: float | None = None,
    le: float | None = None,
    gt: float | None = None,
    positional: bool = False,
    flag: str | None = None,
) -> Any:
    """One option: its default, what it does, its range and unit.

    On a command line it is ``positional``, or called ``flag`` where its field cannot have the name wanted there.
    """
    extra: dict[str, Any] = {}
    if unit:
        extra["unit"] = unit
    if positional:
        extra["positional"] = True
    if flag:
        extra["flag"] = flag
    return Field(default, description=description, ge=ge, le=le, gt=gt, json_schema_extra=extra or None)


class Options(BaseModel):
    """Base of all settings: unknown names are mistakes, values never change after they were checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


def families(model: type[Options]) -> Iterator[tuple[type[Options], list[str]]]:
    """The classes that define the options of ``model``, itself first, each with the names of those that it defines."""
    left = list(model.model_fields)
    for family in model.__mro__:
        defined = inspect.get_annotations(family)
        if names := [name for name in left if name in defined]:
            left = [name for name in left if name not in defined]
            yield family, names


def family_name(family: type[Options]) -> str:
    """``PlateOptions`` are the family ``plate``."""
    return family.__name__.removesuffix("Options").lower()


def first_problem(error: ValidationError) -> str:
    """The first thing that a validation found, as ``where: what``."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])
