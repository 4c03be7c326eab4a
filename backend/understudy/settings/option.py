"""What an option is: a field with a default, a range, a unit and a one-line description."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Writes = Literal["frames", "folder", "file"]
"""What an option names that is written."""


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
    writes: Writes | None = None,
    endings: tuple[str, ...] = (),
) -> Any:
    """One option: its default, what it does, its range and unit.

    On a command line it is ``positional``, or called ``flag`` where its field cannot have the name wanted there.
    ``writes`` says that it names what is written: EXR ``frames``, a ``folder``, or a
    ``file``, whose name has one of the ``endings`` where there are any.
    """
    extra: dict[str, Any] = {}
    if unit:
        extra["unit"] = unit
    if positional:
        extra["positional"] = True
    if flag:
        extra["flag"] = flag
    if writes:
        extra["writes"] = writes
    if endings:
        extra["endings"] = list(endings)
    return Field(default, description=description, ge=ge, le=le, gt=gt, json_schema_extra=extra or None)


class Options(BaseModel):
    """Base of all settings: unknown names are mistakes, values never change after they were checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    @model_validator(mode="after")
    def _no_zero_byte(self) -> Self:
        """No system has names with a zero byte in them, and each library fails in its own way on one."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, str | PurePath) and "\0" in str(value):
                raise ValueError(f"{name} has a zero byte in it")
        return self


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


def written(model: type[Options]) -> Iterator[tuple[str, Writes, tuple[str, ...]]]:
    """The options of ``model`` that name what is written, what that is, and its endings where they are limited."""
    for name, info in model.model_fields.items():
        extra: Any = info.json_schema_extra or {}
        if "writes" in extra:
            yield name, extra["writes"], tuple(extra.get("endings", ()))


def flag_of(model: type[Options], name: str) -> str:
    """How the option ``name`` of ``model`` is typed: ``--roto-operation``, or ``PLATE`` where it has a place of its own."""
    extra: Any = model.model_fields[name].json_schema_extra or {}
    return name.upper() if extra.get("positional") else "--" + str(extra.get("flag", name)).replace("_", "-")


def first_problem(error: ValidationError) -> str:
    """The first thing that a validation found, as ``where: what``."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])
