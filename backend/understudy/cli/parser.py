"""The command line, generated from the settings: what is typed becomes a checked settings object."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import tyro
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from understudy import settings as schema
from understudy.errors import UsageError
from understudy.settings import Options, animates, families, family_name, flag_of, option

_DESCRIPTION = """Face replacement on film pixels. Scene-linear plates in, layered EXR out.

understudy COMMAND --help explains a command, understudy --version tells the version."""


class RunOptions(Options):
    """Run a job document: a stage with its settings, as JSON."""

    job: Path = option(..., "The document, or a folder with a job.json, whose events.jsonl is kept.", positional=True)


class ServeOptions(Options):
    """Work for a program: job documents as JSON lines on stdin, events on stdout, until stdin ends."""


class CommonOptions(Options):
    """How the command talks."""

    events: Literal["console", "json"] = option("console", "Progress bars for a person, or JSON lines for a program.")
    debug: bool = option(False, "Show the traceback of a failure.")


COMMANDS: dict[str, type[Options]] = {
    **schema.STAGES,
    "export tracks": schema.STAGES["tracks export"],
    "run": RunOptions,
    "serve": ServeOptions,
}
"""Every command and the options it takes: all stages, and what runs their documents."""

GROUPS = {
    "faceset": "Look into a faceset, and tidy it.",
    "tracks": "Exchange tracks with other programs.",
    "model": "Look into a model and its training, bring back what it was, and take it to other programs.",
    "export": "Hand a shot over to other programs.",
}
"""What the commands of two words have in common, by their first word."""


@dataclass(frozen=True)
class Request:
    """What the person asked for."""

    command: str
    settings: Options
    common: CommonOptions


def parse(arguments: Sequence[str]) -> Request:
    """The request that ``arguments`` make.

    Raises :class:`UsageError` for a value out of its range. Help and unknown options leave by ``SystemExit``, with
    code 0 or 2.
    """
    typed = build().cli(
        prog="understudy",
        description=_DESCRIPTION,
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
    )
    command: str = typed.command
    values = _flat(typed)
    common = CommonOptions(**{name: values.pop(name) for name in CommonOptions.model_fields})
    try:
        return Request(command, COMMANDS[command](**values), common)
    except ValidationError as error:
        raise UsageError(*_sentence(COMMANDS[command], command, error)) from None


def build() -> tyro.extras.SubcommandApp:
    """The parser of all commands."""
    app, groups = tyro.extras.SubcommandApp(), dict[str, tyro.extras.SubcommandApp]()
    for command, model in COMMANDS.items():
        group, _, name = command.rpartition(" ")
        if group and group not in groups:
            groups[group] = tyro.extras.SubcommandApp()
            app.command(groups[group], name=group, help=GROUPS[group])
        form: Any = _form(command, model)
        (groups[group] if group else app).command(name=name, help=model.__doc__)(form)
    return app


def _form(command: str, model: type[Options]) -> type:
    """A dataclass that tyro can fill: one nested group for each family of options that ``model`` shares."""
    fields: list[Any] = []
    for family, names in (*families(model), *families(CommonOptions)):
        members = _fields(family, names)
        if family is model:
            fields += members
        else:
            group = dataclasses.make_dataclass(family.__name__, members, namespace=_named(family), kw_only=True)
            fields.append((family_name(family), Annotated[group, tyro.conf.OmitArgPrefixes]))
    return dataclasses.make_dataclass(
        model.__name__, fields, namespace={**_named(model), "command": command}, kw_only=True
    )


def _named(model: type[Options]) -> dict[str, Any]:
    return {"__doc__": model.__doc__, "__module__": __name__}


def _fields(model: type[Options], names: Sequence[str]) -> list[Any]:
    """The options of ``model`` that are called ``names``, as :func:`dataclasses.make_dataclass` wants them."""
    annotated: Any = Annotated  # a type checker wants to see the types inside its brackets
    made: list[Any] = []
    for name in names:
        info = model.model_fields[name]
        # What animates is typed as text, a number or keys, which its own type reads.
        annotation = annotated[(str if animates(info.annotation) else info.annotation, *_marks(name, info))]
        if info.is_required():
            made.append((name, annotation))
        else:
            value = f"{info.default:g}" if animates(info.annotation) else info.default
            default: Any = dataclasses.field(default_factory=partial(copy, value))
            made.append((name, annotation, default))
    return made


def _marks(name: str, info: FieldInfo) -> list[Any]:
    extra = _extra(info)
    if extra.get("positional"):
        # A choice shows what there is to choose from.
        shown = None if get_origin(info.annotation) is Literal else name.upper()
        return [tyro.conf.Positional, tyro.conf.arg(metavar=shown, help=info.description)]
    unit = str(extra["unit"]) if "unit" in extra else None
    return [
        tyro.conf.arg(
            name=extra.get("flag"),
            metavar=_metavar(info, unit),
            help=info.description,
            help_behavior_hint=_hint(info, unit),
        )
    ]


def _metavar(info: FieldInfo, unit: str | None) -> str | None:
    """What stands for the value in an option's help; None leaves that to its type."""
    if animates(info.annotation):
        return f"{unit.upper() if unit else 'FLOAT'}|KEYS"
    return unit.upper() if unit else None


def _hint(info: FieldInfo, unit: str | None) -> Callable[[str], str]:
    """What follows an option's help: its range, unit and default."""
    low, high = _bound(info, "ge"), _bound(info, "le")
    above = _bound(info, "gt")
    limits = [f"{low:g} to {high:g}"] if low is not None and high is not None else []
    if not limits:
        limits += [f"at least {low:g}"] if low is not None else []
        limits += [f"above {above:g}"] if above is not None else []
        limits += [f"at most {high:g}"] if high is not None else []
    if limits and unit:
        limits[-1] += f" {unit}"

    def hint(default: str) -> str:
        told = [*limits, "required"] if info.is_required() else list(limits)
        if not info.is_required() and info.default not in (None, []) and info.default is not False:
            shown = f"{info.default:g}" if isinstance(info.default, float) else default.removeprefix("default: ")
            told.append(f"default: {shown}" + (f" {unit}" if unit and not limits else ""))
        return f"({'; '.join(told)})" if told else ""

    return hint


def hint_of(info: FieldInfo) -> str:
    """What follows an option's description in its help: ``(0 to 1; default: 0.5)``."""
    unit = _extra(info).get("unit")
    default = " ".join(map(str, info.default)) if isinstance(info.default, list) else info.default
    return _hint(info, str(unit) if unit else None)(str(default))


def _bound(info: FieldInfo, kind: str) -> float | None:
    return next((float(getattr(mark, kind)) for mark in info.metadata if hasattr(mark, kind)), None)


def _extra(info: FieldInfo) -> dict[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def _flat(typed: Any) -> dict[str, Any]:
    """The values of a filled form and of its groups."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(typed):
        value = getattr(typed, field.name)
        values |= _flat(value) if dataclasses.is_dataclass(value) else {field.name: value}
    return values


def _sentence(model: type[Options], command: str, error: ValidationError) -> tuple[str, str]:
    """The first thing that is wrong with the typed values, in words, and where to look."""
    problem = error.errors(include_url=False)[0]
    hint = f"See: understudy {command} --help"
    if not problem["loc"]:
        return f"{problem['msg'].removeprefix('Value error, ')}.", hint
    name = str(problem["loc"][0])
    extra, shown = _extra(model.model_fields[name]), flag_of(model, name)
    unit = f" {extra['unit']}" if "unit" in extra else ""
    limits, given = problem.get("ctx", {}), problem["input"]
    match problem["type"]:
        case "greater_than_equal":
            return f"{shown} must be at least {limits['ge']:g}{unit}, not {given}.", hint
        case "less_than_equal":
            return f"{shown} must be at most {limits['le']:g}{unit}, not {given}.", hint
        case "greater_than":
            return f"{shown} must be more than {limits['gt']:g}{unit}, not {given}.", hint
        case _:
            return f"{shown}: {problem['msg'].removeprefix('Value error, ')}.", hint
