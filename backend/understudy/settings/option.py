"""What an option is: a field with a default, a range, a unit and a one-line description."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePath
from typing import Any, ClassVar, Literal, Self

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


Condition = Mapping[str, bool | tuple[str, ...]]
"""What must hold of other options: that they say something (True) or nothing (False), or one of these words."""

Needs = tuple[Condition, ...]
"""Conditions of which one must hold."""


class Options(BaseModel):
    """Base of all settings: unknown names are mistakes, values never change after they were checked.

    ``needs`` tell what else must be given for an option to do anything. What would do nothing is refused.
    ``group`` is what hosts list a family's options under, where that is not the family's own name.
    """

    needs: ClassVar[Mapping[str, Needs]] = {}
    group: ClassVar[str] = ""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        for name, all_needs in needs_of(type(self)).items():
            if getattr(self, name) == type(self).model_fields[name].default:
                continue
            for needs in all_needs:
                if not any(self._holds(condition) for condition in needs):
                    used = " or ".join(words_of(type(self), condition) for condition in needs)
                    raise ValueError(f"{flag_of(type(self), name)} would do nothing: it is used {used}")
        return self

    def _holds(self, condition: Condition) -> bool:
        return all(
            bool(value) is wanted if isinstance(wanted, bool) else value in wanted
            for name, wanted in condition.items()
            for value in [getattr(self, name)]
        )

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    @model_validator(mode="after")
    def _no_zero_byte(self) -> Self:
        """No system has names with a zero byte in them, and each library fails in its own way on one."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, str | PurePath) and "\0" in str(value):
                raise ValueError(f"{name} has a zero byte in it")
        return self


@cache
def needs_of(model: type[Options]) -> dict[str, list[Needs]]:
    """By option of ``model``: all that it needs, from the classes that say so; conditions on what it lacks are left out."""
    known, needs = model.model_fields, dict[str, list[Needs]]()
    for family in reversed(model.__mro__):
        for name, own in family.__dict__.get("needs", {}).items():
            possible = tuple(condition for condition in own if condition.keys() <= known.keys())
            if name in known and possible:
                needs.setdefault(name, []).append(possible)
    return needs


def words_of(model: type[Options], condition: Condition) -> str:
    """``with --roto``: a condition of ``model`` in words."""
    told = []
    for name, wanted in condition.items():
        flag = flag_of(model, name)
        if isinstance(wanted, bool):
            told.append(f"{'with' if wanted else 'without'} {flag}")
        else:
            told.append(f"where {flag} is {' or '.join(wanted)}")
    return " and ".join(told)


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


def group_of(family: type[Options]) -> str:
    """What hosts list the options of ``family`` under."""
    return family.__dict__.get("group") or family_name(family)


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
    what = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
