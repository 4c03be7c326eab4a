"""The one list of stages: whose settings each module takes.

Modules are named, not imported, and loaded when they are needed, for they may be heavy. Each has a function
``run(settings, events) -> report``.
"""

from __future__ import annotations

from understudy import settings as schema

MODULES: dict[type[schema.Options], str] = {
    schema.ExtractSettings: "understudy.stages.extract",
    schema.TrainSettings: "understudy.stages.train",
    schema.ConvertSettings: "understudy.stages.convert",
    schema.SwapSettings: "understudy.stages.swap",
    schema.CompareSettings: "understudy.stages.qc.compare",
    schema.QcSettings: "understudy.stages.qc.delivery",
    schema.InspectSettings: "understudy.stages.inspect",
    schema.FindSettings: "understudy.stages.find",
    schema.PeopleSettings: "understudy.stages.faceset.people",
    schema.ModelSettings: "understudy.stages.model.info",
    schema.ModelPreviewSettings: "understudy.stages.model.preview",
    schema.TimelapseSettings: "understudy.stages.model.timelapse",
    schema.BackupsSettings: "understudy.stages.model.backups",
    schema.ModelRestoreSettings: "understudy.stages.model.restore",
    schema.ModelExportSettings: "understudy.stages.model.export",
    schema.PreviewSettings: "understudy.stages.preview",
    schema.SchemaSettings: "understudy.stages.schema",
    schema.FacesetListSettings: "understudy.stages.faceset.list_faces",
    schema.SortSettings: "understudy.stages.faceset.sort",
    schema.SelectSettings: "understudy.stages.faceset.select",
    schema.DedupeSettings: "understudy.stages.faceset.dedupe",
    schema.ClusterSettings: "understudy.stages.faceset.cluster",
    schema.TrashSettings: "understudy.stages.faceset.trash",
    schema.RestoreSettings: "understudy.stages.faceset.restore",
    schema.RecropSettings: "understudy.stages.faceset.recrop",
    schema.FacesetReportSettings: "understudy.stages.faceset.report",
    schema.PackSettings: "understudy.stages.faceset.pack",
    schema.UnpackSettings: "understudy.stages.faceset.unpack",
    schema.TracksExportSettings: "understudy.stages.tracks.export_tracks",
    schema.TracksImportSettings: "understudy.stages.tracks.import_tracks",
    schema.ExportNukeSettings: "understudy.stages.export_nuke",
    schema.DoctorSettings: "understudy.stages.doctor",
    schema.BenchSettings: "understudy.bench",
    schema.DemoSettings: "understudy.stages.demo",
}
"""From a stage's settings to the full name of its module."""
