"""Job documents: a stage and its settings, as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

from pydantic import Field, TypeAdapter, ValidationError, create_model

from understudy.errors import UsageError
from understudy.json_reader import parse_json
from understudy.settings.analysis import ExtractSettings, FindSettings
from understudy.settings.conversion import ConvertSettings, PreviewSettings, SwapSettings
from understudy.settings.export import ExportNukeSettings
from understudy.settings.faceset import (
    ClusterSettings,
    DedupeSettings,
    FacesetListSettings,
    FacesetReportSettings,
    PackSettings,
    PeopleSettings,
    RecropSettings,
    RestoreSettings,
    SelectSettings,
    SortSettings,
    TrashSettings,
    UnpackSettings,
)
from understudy.settings.machine import BenchSettings, DemoSettings, DoctorSettings, SchemaSettings
from understudy.settings.model import (
    BackupsSettings,
    ModelExportSettings,
    ModelPreviewSettings,
    ModelRestoreSettings,
    ModelSettings,
    TimelapseSettings,
)
from understudy.settings.option import Options, families, first_problem, group_of, needs_of
from understudy.settings.plate import CompareSettings, InspectSettings
from understudy.settings.qc import QcSettings
from understudy.settings.tracks import TracksExportSettings, TracksImportSettings
from understudy.settings.training import TrainSettings

JOB_VERSION = 1
"""Version of the job document; raised when a field changes its meaning."""


STAGES: dict[str, type[Options]] = {
    "extract": ExtractSettings,
    "train": TrainSettings,
    "convert": ConvertSettings,
    "swap": SwapSettings,
    "schema": SchemaSettings,
    "doctor": DoctorSettings,
    "demo": DemoSettings,
    "compare": CompareSettings,
    "qc": QcSettings,
    "bench": BenchSettings,
    "inspect": InspectSettings,
    "find": FindSettings,
    "preview": PreviewSettings,
    "faceset list": FacesetListSettings,
    "faceset people": PeopleSettings,
    "faceset sort": SortSettings,
    "faceset select": SelectSettings,
    "faceset dedupe": DedupeSettings,
    "faceset cluster": ClusterSettings,
    "faceset trash": TrashSettings,
    "faceset restore": RestoreSettings,
    "faceset recrop": RecropSettings,
    "faceset report": FacesetReportSettings,
    "faceset pack": PackSettings,
    "faceset unpack": UnpackSettings,
    "tracks export": TracksExportSettings,
    "tracks import": TracksImportSettings,
    "model info": ModelSettings,
    "model preview": ModelPreviewSettings,
    "model timelapse": TimelapseSettings,
    "model backups": BackupsSettings,
    "model restore": ModelRestoreSettings,
    "model export": ModelExportSettings,
    "export nuke": ExportNukeSettings,
}
"""The one list of stages: what each is called, on the command line and in a job document, and its settings."""

OTHER_NAMES = {"people": "faceset people", "model": "model info", "export tracks": "tracks export"}
"""What some stages are called as well."""


class Job(Options):
    """A job document: a stage and its settings."""

    stage: str
    settings: Options
    version: Literal[1] = 1


def _document(stage: str, settings: type[Options]) -> type[Job]:
    """The documents that ask for ``stage``."""
    literal: Any = Literal  # a type checker wants to see the values inside its brackets
    names = stage, *(other for other, same in OTHER_NAMES.items() if same == stage)
    about = f"A job document for ``{stage}``."
    return create_model(
        f"{stage.title().replace(' ', '')}Job",
        __base__=Job, __doc__=about, stage=(literal[names], ...), settings=(settings, ...),
    )  # fmt: skip


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
    that it is the stage's ``own``. ``needs`` says when it does anything: of each list of conditions on other options one must
    hold, which say something (true), nothing (false) or one of some words. It is refused where it would do nothing.
    """
    schema = _JOB.json_schema()
    for model in STAGES.values():
        properties = schema["$defs"][model.__name__]["properties"]
        for family, names in families(model):
            for name in names:
                properties[name]["group"] = "own" if family is model else group_of(family)
                _say_range(properties[name])
        for name, needs in needs_of(model).items():
            properties[name]["needs"] = [
                [
                    {other: want if isinstance(want, bool) else list(want) for other, want in one.items()}
                    for one in any_of
                ]
                for any_of in needs
            ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _say_range(entry: dict[str, Any]) -> None:
    """Give the range of an option that animates to its constant, in the words of JSON schema: pydantic leaves it aside."""
    for ours, theirs in (("ge", "minimum"), ("le", "maximum")):
        if ours in entry:
            number = next(branch for branch in entry["anyOf"] if branch.get("type") == "number")
            number[theirs] = entry.pop(ours)
