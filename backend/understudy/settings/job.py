"""Job documents: a stage and its settings, as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

from pydantic import Field, TypeAdapter, ValidationError, create_model

from understudy.errors import UsageError
from understudy.json_reader import parse_json
from understudy.settings.analysis import ExtractSettings, FindSettings
from understudy.settings.conversion import ConvertSettings, PreviewSettings, SwapSettings
from understudy.settings.faceset import PeopleSettings
from understudy.settings.machine import SchemaSettings
from understudy.settings.model import ModelSettings
from understudy.settings.option import Options, families, family_name, first_problem
from understudy.settings.plate import CompareSettings, InspectSettings
from understudy.settings.qc import QcSettings
from understudy.settings.training import TrainSettings

JOB_VERSION = 1
"""Version of the job document; raised when a field changes its meaning."""


STAGES: dict[str, type[Options]] = {
    "extract": ExtractSettings,
    "train": TrainSettings,
    "convert": ConvertSettings,
    "swap": SwapSettings,
    "compare": CompareSettings,
    "qc": QcSettings,
    "inspect": InspectSettings,
    "find": FindSettings,
    "people": PeopleSettings,
    "model": ModelSettings,
    "preview": PreviewSettings,
    "schema": SchemaSettings,
}
"""The stages that a job document may ask for, and their settings."""


class Job(Options):
    """A job document: a stage and its settings."""

    stage: str
    settings: Options
    version: Literal[1] = 1


def _document(stage: str, settings: type[Options]) -> type[Job]:
    """The documents that ask for ``stage``."""
    literal: Any = Literal  # a type checker wants to see the value inside its brackets
    about = f"A job document for ``{stage}``."
    return create_model(
        f"{stage.capitalize()}Job", __base__=Job, __doc__=about, stage=(literal[stage], ...), settings=(settings, ...)
    )


_DOCUMENTS: Any = Union[tuple(_document(*entry) for entry in STAGES.items())]  # noqa: UP007 - there is no other way


_JOB: TypeAdapter[Job] = TypeAdapter(Annotated[_DOCUMENTS, Field(discriminator="stage")])


def parse_job(document: str | bytes, name: str = "the job document") -> Job:
    """Check a JSON job document. Raises :class:`UsageError` that names the first offending field."""
    try:
        job = _JOB.validate_json(document)
        parse_json(document)  # what pydantic reads by itself has no limits
    except ValidationError as error:
        raise UsageError(f"{name} is not a valid job: {first_problem(error)}.", "See: understudy schema") from None
    except ValueError as error:
        raise UsageError(f"{name} is not a valid job: {error}.", "See: understudy schema") from None
    return job


def job_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of every job document.

    Each option says in ``group`` which family it belongs to (``plate``, ``analysis``, ``training``, ``conversion``), or
    that it is the stage's ``own``.
    """
    schema = _JOB.json_schema()
    for model in STAGES.values():
        properties = schema["$defs"][model.__name__]["properties"]
        for family, names in families(model):
            for name in names:
                properties[name]["group"] = "own" if family is model else family_name(family)
                _say_range(properties[name])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _say_range(entry: dict[str, Any]) -> None:
    """Give the range of an option that animates to its constant, in the words of JSON schema: pydantic leaves it aside."""
    for ours, theirs in (("ge", "minimum"), ("le", "maximum")):
        if ours in entry:
            number = next(branch for branch in entry["anyOf"] if branch.get("type") == "number")
            number[theirs] = entry.pop(ours)
