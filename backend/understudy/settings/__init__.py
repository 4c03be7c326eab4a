"""Every option of every stage: name, default, range, unit and a one-line description, written once.

The command line, the job document, the host panels and the documentation are generated from these models. Groups of
options that several stages share are base classes, so that an option has one home however many stages offer it.
"""

from understudy.settings.analysis import (
    AnalysisOptions,
    DetectionOptions,
    ExtractSettings,
    FindSettings,
)
from understudy.settings.animation import (
    Animated,
    Keys,
    animates,
)
from understudy.settings.conversion import (
    ConversionOptions,
    ConvertSettings,
    ExtraLayer,
    LayerOptions,
    NewFaceOptions,
    PreviewSettings,
    SourceOptions,
    SwapSettings,
    WritingOptions,
)
from understudy.settings.export import (
    ExportNukeSettings,
)
from understudy.settings.faceset import (
    ClusterSettings,
    DedupeSettings,
    FaceMeasure,
    FaceOrder,
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
from understudy.settings.job import (
    JOB_VERSION,
    OTHER_NAMES,
    STAGES,
    Job,
    job_schema,
    parse_job,
)
from understudy.settings.machine import (
    BenchSettings,
    DemoSettings,
    DoctorSettings,
    SchemaSettings,
)
from understudy.settings.model import (
    BackupsSettings,
    ModelExportSettings,
    ModelPreviewSettings,
    ModelRestoreSettings,
    ModelSettings,
    TimelapseSettings,
)
from understudy.settings.option import (
    Options,
    families,
    family_name,
    first_problem,
    flag_of,
    needs_of,
    option,
    words_of,
    written,
)
from understudy.settings.plate import (
    CompareSettings,
    InspectSettings,
    PictureOptions,
    PlateOptions,
    RangeOptions,
)
from understudy.settings.qc import (
    QcSettings,
)
from understudy.settings.tracks import (
    TracksExportSettings,
    TracksImportSettings,
)
from understudy.settings.training import (
    TrainingOptions,
    TrainSettings,
)

__all__ = [
    "JOB_VERSION",
    "OTHER_NAMES",
    "STAGES",
    "AnalysisOptions",
    "Animated",
    "BackupsSettings",
    "BenchSettings",
    "ClusterSettings",
    "CompareSettings",
    "ConversionOptions",
    "ConvertSettings",
    "DedupeSettings",
    "DemoSettings",
    "DetectionOptions",
    "DoctorSettings",
    "ExportNukeSettings",
    "ExtraLayer",
    "ExtractSettings",
    "FaceMeasure",
    "FaceOrder",
    "FacesetListSettings",
    "FacesetReportSettings",
    "FindSettings",
    "InspectSettings",
    "Job",
    "Keys",
    "LayerOptions",
    "ModelExportSettings",
    "ModelPreviewSettings",
    "ModelRestoreSettings",
    "ModelSettings",
    "NewFaceOptions",
    "Options",
    "PackSettings",
    "PeopleSettings",
    "PictureOptions",
    "PlateOptions",
    "PreviewSettings",
    "QcSettings",
    "RangeOptions",
    "RecropSettings",
    "RestoreSettings",
    "SchemaSettings",
    "SelectSettings",
    "SortSettings",
    "SourceOptions",
    "SwapSettings",
    "TimelapseSettings",
    "TracksExportSettings",
    "TracksImportSettings",
    "TrainSettings",
    "TrainingOptions",
    "TrashSettings",
    "UnpackSettings",
    "WritingOptions",
    "animates",
    "families",
    "family_name",
    "first_problem",
    "flag_of",
    "job_schema",
    "needs_of",
    "option",
    "parse_job",
    "words_of",
    "written",
]
