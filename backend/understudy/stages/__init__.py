"""The stages: one file each, with one function ``run(settings, events) -> report``.

Only here are rooms wired together. A stage reports through its events and never prints; its report is plain JSON data.
"""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any

from understudy import settings as schema
from understudy.events import Events
from understudy.plate.files import check_name

MODULES: dict[type[schema.Options], str] = {
    schema.ExtractSettings: "extract",
    schema.TrainSettings: "train",
    schema.ConvertSettings: "convert",
    schema.SwapSettings: "swap",
    schema.CompareSettings: "compare",
    schema.QcSettings: "qc",
    schema.InspectSettings: "inspect",
    schema.FindSettings: "find",
    schema.PeopleSettings: "faceset_people",
    schema.ModelSettings: "model",
    schema.ModelPreviewSettings: "model_preview",
    schema.TimelapseSettings: "model_timelapse",
    schema.BackupsSettings: "model_backups",
    schema.ModelRestoreSettings: "model_restore",
    schema.ModelExportSettings: "model_export",
    schema.PreviewSettings: "preview",
    schema.SchemaSettings: "schema",
    schema.FacesetListSettings: "faceset",
    schema.SortSettings: "faceset_sort",
    schema.SelectSettings: "faceset_select",
    schema.DedupeSettings: "faceset_dedupe",
    schema.ClusterSettings: "faceset_cluster",
    schema.TrashSettings: "faceset_trash",
    schema.RestoreSettings: "faceset_restore",
    schema.RecropSettings: "faceset_recrop",
    schema.FacesetReportSettings: "faceset_report",
    schema.PackSettings: "faceset_pack",
    schema.UnpackSettings: "faceset_unpack",
    schema.TracksExportSettings: "tracks_export",
    schema.TracksImportSettings: "tracks_import",
    schema.ExportNukeSettings: "export_nuke",
    schema.DoctorSettings: "doctor",
    schema.BenchSettings: "bench",
    schema.DemoSettings: "demo",
}
"""Whose settings they are: the module of each stage, loaded when it is needed, for it may be heavy."""


def run(settings: schema.Options, events: Events) -> dict[str, Any]:
    """Run the stage that ``settings`` are made for; returns its report and raises what it raises.

    Where it writes is looked at before anything is loaded or read: see :func:`~understudy.stages.outputs.check_outputs`.
    """
    from understudy.stages.outputs import check_outputs  # it knows pictures, which the command line does not load

    _check_names(settings)
    check_outputs(settings)
    module = importlib.import_module(f"{__name__}.{MODULES[type(settings)]}")
    report: dict[str, Any] = module.run(settings, events)
    return report


def _check_names(settings: schema.Options) -> None:
    """Raise UnreadableError where something that ``settings`` name, or the folder that they start from, is not UTF-8."""
    with contextlib.suppress(FileNotFoundError):  # a folder that was removed meanwhile
        check_name(Path.cwd())
    for _, value in settings:
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, str | Path):
                check_name(one)
