"""Every option of every stage: name, default, range, unit and a one-line description, written once.

The command line, the job document, the host panels and the documentation are generated from these models. Groups of
options that several stages share are base classes, so that an option has one home however many stages offer it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from understudy.errors import UsageError

JOB_VERSION = 1
"""Version of the job document; raised when a field changes its meaning."""


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


class PlateOptions(Options):
    """Which frames, and in which colours."""

    plate: str = option(..., "Sequence (shot.####.exr, %04d, @@@@), folder, still or movie.", positional=True)
    frames: str | None = option(None, "Frames in Nuke form, such as 1001-1048x2,1060; all when left out.")
    colour_space: str | None = option(
        None, "Colour space of the plate (OCIO name, alias or role); from the file when left out."
    )
    ocio: str | None = option(None, "OCIO configuration; $OCIO, $BLENDER_OCIO or the built-in one when left out.")
    missing: Literal["error", "skip"] = option("error", "What to do about frames that are not there.")


class AnalysisOptions(Options):
    """How faces are found and framed, and whose."""

    detector: Literal["mediapipe", "insightface", "dlib-hog", "dlib-cnn"] = option("mediapipe", "What finds faces.")
    landmarker: Literal["mediapipe", "insightface", "dlib"] = option("mediapipe", "What places the landmarks.")
    recogniser: Literal["none", "insightface", "dlib"] = option("none", "What tells people apart.")
    pack: str | None = option(None, "Folder or name of an InsightFace model pack.")
    face: str = option(
        "one",
        "Whose face: one, largest, index:N (from the left, from 0), track:N, "
        "point:FRAME,X,Y (who is at that pixel of the plate), or all.",
    )
    reference: Path | None = option(None, "Picture of the person to take; needs a recogniser.")
    likeness: float | None = option(
        None,
        "Smallest cosine to the reference that counts as the person; the recogniser's own when left out.",
        gt=0,
        le=1,
    )
    crop: Literal["face", "full", "whole", "head"] = option("whole", "How much of the head a crop holds.")
    crop_size: int = option(256, "Side of the stored crops.", unit="px", ge=32, le=2048)
    min_face: float = option(24.0, "Smallest face that counts, by the side of its box.", unit="px", ge=4)
    smoothing: float = option(0.5, "How strongly faces are steadied over time; 0 is off.", unit="frames", ge=0, le=100)
    lens: float | None = option(
        None,
        "Focal length of the camera for a 36 mm wide sensor; from the file, or a usual one, when left out.",
        unit="mm",
        ge=5,
        le=5000,
    )
    cuts: str = option("auto", "Where the plate is cut: auto, none, or frames that begin a shot, such as 1020,1055.")
    corrections: Path | None = option(None, "Corrections of the artist: a JSON document.")


Choice = Literal["usual", "yes", "no"]
"""A yes or no that is otherwise left to what suits."""


class TrainingOptions(Options):
    """How a model learns and when it stops."""

    preset: Literal["auto", "cpu", "gpu", "deepfacelab"] = option(
        "auto",
        "What a new model is and how it learns: cpu in minutes, gpu in hours, deepfacelab as that tool by default.",
    )
    family: Literal["preset", "quick", "df", "liae", "comb", "morph"] = option(
        "preset", "Kind of network of a new model."
    )
    resolution: int | None = option(
        None, "Side of the model's picture, a multiple of 16; from the preset when left out.", unit="px", ge=64, le=1024
    )
    bottleneck: int | None = option(
        None,
        "Length of the code of a df, liae, comb or morph network; to suit the resolution when left out.",
        ge=16,
        le=2048,
    )
    encoder_width: int | None = option(None, "Channels of its encoder's first layer.", ge=8, le=256)
    decoder_width: int | None = option(None, "Half the channels of its decoder's last layer.", ge=8, le=256)
    mask_width: int | None = option(None, "The same of the mask's branch.", ge=4, le=256)
    normalised_code: Choice = option("usual", "Bring its codes to spread 1.")
    half_resolution_decoder: Choice = option("usual", "Make all but the last pixels at half the resolution.")
    texture: Choice = option("usual", "Give encoder and decoder a layer more each, for finer texture.")
    cosine: Choice = option("usual", "Use x cos x between the layers in place of leaky rectifiers.")
    minutes: float | None = option(None, "Plan the phases of training into so many minutes in all.", unit="min", gt=0)
    iterations: int | None = option(None, "Plan the phases of training into so many steps in all.", ge=1)
    plateau: int | None = option(
        None, "Go on to the next phase when held-out faces have not become better for so many steps.", ge=100
    )
    batch: int | None = option(
        None,
        "Faces of each person per step and process; as many as fit, up to the preset's, when left out.",
        ge=1,
        le=256,
    )
    learning_rate: float | None = option(None, "Peak learning rate; from the preset when left out.", gt=0, le=0.1)
    find_rate: bool = option(False, "Look for a new model's learning rate by a short trial, with a picture of it.")
    ssim_weight: float = option(1.0, "Structural loss, against the preset's weight.", ge=0)
    mse_weight: float = option(1.0, "Squared error inside the face, against the preset's weight.", ge=0)
    l1_weight: float = option(0.0, "Absolute error inside the face.", ge=0)
    edge_weight: float = option(0.0, "Error of the edges inside the face.", ge=0)
    mask_weight: float = option(1.0, "Error of the learned mask, against the preset's weight.", ge=0)
    feature_weight: float = option(1.0, "Priority of eyes and mouth, against the preset's weight.", ge=0)
    pair_weight: float = option(1.0, "Look-alike moments of both people, against the preset's weight.", ge=0)
    identity_weight: float = option(0.0, "How strongly codes are kept from telling who they are of.", ge=0)
    style_weight: float = option(0.0, "How closely the swap takes the local colours of the face it replaces.", ge=0)
    adversarial_weight: float = option(
        1.0, "Strength of the critic that asks for fine detail in the last phase, against the preset's.", ge=0
    )
    background_weight: float = option(0.0, "Error of what surrounds the face, which is to be painted blurred.", ge=0)
    warp: float = option(1.0, "Strength of the random warp that parts expression from identity.", ge=0, le=2)
    affine: float = option(1.0, "Strength of random rotation, scale and shift, against the preset's.", ge=0, le=10)
    flip: Literal["preset", "none", "source", "target", "both"] = option(
        "preset", "Whose faces are mirrored at random: doubles a small faceset of a symmetric face."
    )
    exposure: float = option(0.0, "Spread of random exposure of what the encoder sees.", unit="stops", ge=0, le=4)
    white_balance: float = option(0.0, "Spread of random gains of its channels.", unit="stops", ge=0, le=2)
    hue: float = option(0.0, "Spread of random hue of it.", unit="deg", ge=0, le=180)
    saturation: float = option(0.0, "Spread of random saturation of it.", ge=0, le=1)
    colour_of_others: float = option(
        0.0, "How often a source face is shown in the colours of a random target face.", ge=0, le=1
    )
    blur: float = option(0.0, "How often what the encoder sees is blurred.", ge=0, le=1)
    downscale: float = option(0.0, "How often it is coarser than the model.", ge=0, le=1)
    noise: float = option(0.0, "How often it is noisy.", ge=0, le=1)
    occluders: float = option(
        0.0, "How often something random covers a part of it, which the mask leaves out.", ge=0, le=1
    )
    pose_balance: float = option(0.0, "How evenly over poses faces are drawn: 0 as they are, 1 evenly.", ge=0, le=1)
    seed: int = option(0, "Seed of everything random.", ge=0)
    device: str = option("auto", "Where networks run: auto, cpu, cuda, cuda:1, mps.")
    data_budget: float | None = option(
        None,
        "Memory of the device for faces; the rest stays in the host's. 60 % of what is free when left out.",
        unit="GiB",
        gt=0,
    )
    save_every: float = option(2.0, "Time between checkpoints.", unit="min", gt=0)
    preview_every: int = option(200, "Steps between previews and validations.", ge=1)


class ConversionOptions(Options):
    """How the new face is laid into the plate, and what is written."""

    profile: Literal["flat", "parts"] = option("flat", "EXR layout: flat for Blender, parts for Nuke-class hosts.")
    compression: Literal["zip", "zips", "piz", "none", "dwaa"] = option("zip", "EXR compression; dwaa is lossy.")
    matte: Literal["learned", "hull", "both"] = option(
        "both", "Where the new face goes: the learned mask, the landmarks' hull, or where both agree."
    )
    occlusion: Literal["hands", "none"] = option("hands", "What is kept before the face: hands, or nothing.")
    holdout: str | None = option(
        None, "Sequence of a matte that stays in front of the new face; FILE:CHANNEL names a channel."
    )
    roto: str | None = option(None, "Sequence of a matte that limits the new face; FILE:CHANNEL names a channel.")
    erode: float = option(0.0, "Shrink the matte (grow it when negative).", unit="px", ge=-200, le=200)
    feather: float = option(0.05, "Soft inner edge of the matte, as a part of the crop's side.", ge=0, le=0.5)
    colour_match: Literal["shot", "none"] = option("shot", "Match the new face's colour to the plate over the shot.")
    relight: float = option(
        1.0, "How much of the plate's own broad light, frame by frame, is laid on the new face.", ge=0, le=1
    )
    relight_reach: float = option(
        0.02, "How fine the plate's broad light is, as a part of the crop's side.", ge=0.01, le=0.5
    )
    opacity: float = option(1.0, "Overall strength of the swap.", ge=0, le=1)
    person: str = option("source", "Who is painted: source, or another person of a comb model, by name.")
    morph: float = option(1.0, "How far a morph model goes: 0 is the face in the plate, 1 the new one.", ge=0, le=1)
    convert_batch: int = option(8, "Frames per pass of the network.", ge=1, le=256)
    force: bool = option(False, "Write every frame again, complete or not.")


class ExtractSettings(AnalysisOptions, PlateOptions):
    """Find the faces of a plate, follow them through the shot and store them as a faceset."""

    out: Path = option(..., "Folder of the faceset.")
    explain: int | None = option(
        None, "Only draw what the detector sees on this frame, and why each box is kept or not, as a picture."
    )


class TrainSettings(TrainingOptions):
    """Train a model on two people's facesets, or go on training one."""

    model: Path = option(..., "Folder of the model; training goes on where it stopped.")
    source: list[Path] = option([], "Facesets of the new face.")
    target: list[Path] = option([], "Facesets of the face in the plate.")
    others: list[str] = option([], "More people of a comb model, as NAME=FACESET; a name may come again.")
    pretrain: list[Path] = option(
        [], "Facesets of many people, in place of source and target: trains a base for --from."
    )
    base: Path | None = option(None, "Model to start a new one from: finer, larger, or on other people.", flag="from")


class ConvertSettings(ConversionOptions, AnalysisOptions, PlateOptions):
    """Lay a model's new face into a plate and write layered EXR."""

    model: Path = option(..., "Folder of the trained model.")
    out: str = option(..., "Output sequence, such as out.####.exr.")
    faceset: Path | None = option(None, "Extraction of this plate; made beside the output when left out.")
    device: str = option("auto", "Where networks run: auto, cpu, cuda, cuda:1, mps.")


class SwapSettings(ConversionOptions, TrainingOptions, AnalysisOptions, PlateOptions):
    """From two people's footage to a converted shot: extract, train and convert in one."""

    source: str = option(..., "Footage of the new face.")
    out: str = option(..., "Output sequence, such as out.####.exr.")
    work: Path | None = option(None, "Folder for facesets and the model; beside the output when left out.")
    target_facesets: list[Path] = option(
        [], "More facesets of the face in the plate, from other footage of the same performer."
    )
    source_frames: str | None = option(None, "Frames of the source footage; all when left out.")
    source_colour_space: str | None = option(None, "Colour space of the source footage.")
    source_face: str = option("one", "Whose face in the source footage: as for --face.")


class CompareSettings(Options):
    """Measure how near two sequences are, inside and outside a matte."""

    a: str = option(..., "Sequence to judge.", positional=True)
    b: str = option(..., "Sequence to judge it by.", positional=True)
    matte: str | None = option(
        None, "Sequence of the matte; FILE:CHANNEL names a channel, such as truth.####.exr:mask.face."
    )
    holdout: str | None = option(None, "Matte to leave out of the measure, written as for --matte.")
    frames: str | None = option(None, "Frames to compare; all of A when left out.")
    colour_space: str | None = option(None, "Colour space of both; from the files when left out.")
    ocio: str | None = option(None, "OCIO configuration; $OCIO, $BLENDER_OCIO or the built-in one when left out.")
    view: str | None = option(None, "Display/View to judge under; plain sRGB when left out.")
    out: Path | None = option(None, "Folder for compare.json and compare.png.")


class DemoSettings(Options):
    """Run the three stages on the bundled sample and compare the result with the true render."""

    out: Path = option(Path("build/demo"), "Folder for everything that the demo makes.")
    minutes: float = option(7.0, "Time for training.", unit="min", gt=0)
    sample: Path | None = option(None, "Folder of another sample; the bundled one when left out.")


class BenchSettings(Options):
    """Measure the speed of this machine: finding faces, training, converting."""

    what: Literal["all", "faces", "train", "convert"] = option("all", "What to measure.", positional=True)
    sample: Path | None = option(
        None, "Folder of another sample, with NAME.truth.json beside rendered shots; the bundled one when left out."
    )
    json_file: Path | None = option(None, "Write the figures to this file too.", flag="json")


class DoctorSettings(Options):
    """Say what is installed, which devices and models there are, what is missing and how to get it."""

    as_json: bool = option(False, "Print JSON instead of tables.", flag="json")


class FacesetListSettings(Options):
    """List the faces of a faceset."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    as_json: bool = option(False, "Print a JSON array, one record a face, instead of a table.", flag="json")


FaceMeasure = Literal[
    "sharpness", "motion-blur", "yaw", "pitch", "roll", "size", "brightness", "hue", "confidence", "frame"
]
"""What a face says of itself: angles and hue in degrees, size in plate pixels, blur, brightness and confidence 0..1."""

FaceOrder = Literal[FaceMeasure, "likeness", "unlikeness", "identity"]
"""What faces can be sorted by."""


class SortSettings(Options):
    """Sort a faceset by a measure: an order to read, a contact sheet to look at, and ranks before the names if wanted."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    by: FaceOrder = option(..., "What to sort by; likeness puts like faces side by side, unlikeness rare ones first.")
    reverse: bool = option(False, "The other way round.")
    rename: bool = option(False, "Put the rank before each file's name, for file browsers; restore undoes it.")


class SelectSettings(Options):
    """Keep the best faces of a faceset, evenly over the poses; the others go to its trash."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    count: int = option(..., "How many faces to keep.", ge=1)
    pose_bin: float = option(15.0, "Width of a bin of yaw and of pitch.", unit="deg", ge=1, le=90)
    dry_run: bool = option(False, "Only say what would be kept.")


class DedupeSettings(Options):
    """Keep the sharpest of faces that look the same; the others go to the trash."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    threshold: float = option(
        0.02, "Largest difference of two faces that look the same, as a part of full contrast.", gt=0, le=1
    )
    dry_run: bool = option(False, "Only say how many would go.")


class ClusterSettings(Options):
    """Tell the people of a faceset apart by the recogniser's figures, with a contact sheet of each."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    threshold: float | None = option(
        None, "Smallest mean cosine of one person's faces; that of the recogniser when left out.", gt=0, le=1
    )
    keep: list[int] = option([], "Numbers of the people to keep; all others go to the trash.")


class TrashSettings(Options):
    """Put the faces for which all that is given holds into the trash of their faceset."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    frames: str | None = option(None, "Frames in Nuke form, such as 1001-1048x2,1060.")
    files: list[str] = option([], "Names of crops.")
    below: list[str] = option([], "Measures and their limits, such as sharpness=0.001 confidence=0.5.")
    above: list[str] = option([], "Measures and their limits, such as yaw=60 motion-blur=0.5.")
    dry_run: bool = option(False, "Only say how many would go.")


class RestoreSettings(Options):
    """Undo what was trashed or renamed last in a faceset."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    everything: bool = option(False, "Undo all that was ever trashed and renamed.", flag="all")


class FacesetReportSettings(Options):
    """Write a page on a faceset: its poses, its quality and its doubtful frames; and what it lacks beside a target."""

    faceset: Path = option(..., "Folder of the faceset, the source, or a pack.", positional=True)
    target: Path | None = option(None, "The faceset of the footage whose faces it is to replace.")
    out: Path | None = option(None, "The page; report.html in the faceset's folder, or beside a pack, when left out.")
    pose_bin: float = option(15.0, "Width of a bin of yaw and of pitch.", unit="deg", ge=5, le=90)


class RecropSettings(Options):
    """Cut the faces of a faceset out of their plate again, with another kind or size of crop, without a new analysis."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    out: Path = option(..., "Folder of the new faceset.")
    crop: Literal["face", "full", "whole", "head"] = option("whole", "How much of the head a crop holds.")
    crop_size: int = option(256, "Side of the new crops.", unit="px", ge=32, le=2048)
    plate: str | None = option(None, "The plate, where it has moved since.")


class PackSettings(Options):
    """Pack a faceset into one file, which training reads like the folder."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    out: Path = option(..., "The file to write, such as faces.zip.")


class UnpackSettings(Options):
    """Make a packed faceset a folder again."""

    pack: Path = option(..., "The packed faceset.", positional=True)
    out: Path = option(..., "Folder of the faceset.")


class TracksExportSettings(Options):
    """Write the solved tracks of a faceset for another program."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    format: Literal["json", "csv", "cornerpin", "tracker", "chan"] = option(
        ...,
        "cornerpin and tracker are for Nuke (tracker as text of 3DEqualizer unless --out ends in .nk), chan is the pose.",
    )
    out: Path = option(..., "File to write.")
    track: int | None = option(None, "Number of the track; needed where a file holds one and there are several.")
    crop: Literal["face", "full", "whole", "head"] = option("whole", "Crop whose corners a corner pin holds.")
    crop_size: int = option(256, "Side of that crop.", unit="px", ge=32, le=4096)
    points: list[str] = option(
        ["corners"], "Landmarks of a tracker: names such as nose_tip, groups such as left_eye, numbers, or all."
    )
    lens: float | None = option(
        None,
        "Focal length for a 36 mm wide sensor, for a chan of heads that were solved without a camera.",
        unit="mm",
        ge=5,
        le=5000,
    )


class TracksImportSettings(Options):
    """Turn another program's tracks into corrections, which extraction obeys."""

    file: Path = option(..., "Tracks: .json or .csv as exported, .txt of points, or .chan.", positional=True)
    out: Path = option(..., "Corrections file to write.")
    track: int | None = option(
        None, "The track to take, or that points or a chan are for; all, or the face at that place, when left out."
    )
    width: int | None = option(None, "Width of the plate, which a chan needs.", unit="px", ge=1)
    height: int | None = option(None, "Height of the plate, which points and a chan need.", unit="px", ge=1)
    lens: float | None = option(
        None, "Focal length for a 36 mm wide sensor; a chan's own when left out.", unit="mm", ge=5, le=5000
    )


class InspectSettings(PlateOptions):
    """Say what a plate is: frames, gaps, size, frame rate, timecode and colour space."""


class FindSettings(AnalysisOptions, PlateOptions):
    """Find the faces on one frame of a plate."""

    frame: int = option(..., "Frame to look at.")


class PeopleSettings(Options):
    """List the people of a faceset, with a picture of each."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    pictures: Path = option(..., "Folder for the pictures.")


class ModelSettings(Options):
    """Describe a trained model: what it is, how long and on what it was trained, and how well it does."""

    model: Path = option(..., "Folder of the trained model.", positional=True)
    as_json: bool = option(False, "Print JSON instead of tables.", flag="json")


class ModelPreviewSettings(Options):
    """Ask a training under way for a preview now, instead of at its next interval."""

    model: Path = option(..., "Folder of the model in training.", positional=True)


class TimelapseSettings(Options):
    """Write how the swap came to be as a movie: a picture at each preview of the training."""

    model: Path = option(..., "Folder of the model.", positional=True)
    out: Path = option(..., "Movie to write: .mp4, .mov or .mkv.")


class BackupsSettings(Options):
    """List the backups that training kept of a model."""

    model: Path = option(..., "Folder of the model.", positional=True)


class ModelRestoreSettings(Options):
    """Bring a backup of a model and its training back; what it replaces is backed up."""

    model: Path = option(..., "Folder of the model.", positional=True)
    step: int = option(..., "Step of the backup, as understudy model backups tells it.", ge=0)


class ModelExportSettings(Options):
    """Write a trained model as one file for another program."""

    model: Path = option(..., "Folder of the trained model.", positional=True)
    format: Literal["dfm", "torchscript"] = option(
        ..., "dfm is ONNX for live hosts, BGR as on a screen; torchscript takes and gives scene-linear RGBA."
    )
    out: Path = option(..., "File to write.")
    morph: float | None = option(
        None, "Fix the slider of a morph model, 0 the target, 1 the source; a dfm leaves it to the host.", ge=0, le=1
    )


class PreviewSettings(ConversionOptions, AnalysisOptions, PlateOptions):
    """Convert one frame of a plate into pictures to look at; nothing else is written."""

    frame: int = option(..., "Frame to convert.")
    model: Path = option(..., "Folder of the trained model.")
    out: Path = option(..., "Folder for the pictures.")
    faceset: Path | None = option(None, "Extraction of this plate; a preview does not wait for one to be made.")
    device: str = option("auto", "Where networks run: auto, cpu, cuda, cuda:1, mps.")


class SchemaSettings(Options):
    """Print the JSON schema of every job document."""


STAGES: dict[str, type[Options]] = {
    "extract": ExtractSettings,
    "train": TrainSettings,
    "convert": ConvertSettings,
    "swap": SwapSettings,
    "compare": CompareSettings,
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
        return _JOB.validate_json(document)
    except ValidationError as error:
        raise UsageError(f"{name} is not a valid job: {first_problem(error)}.", "See: understudy schema") from None


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
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


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
