"""How the new face is laid into the plate."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from understudy.settings.analysis import AnalysisOptions
from understudy.settings.option import Options, option
from understudy.settings.plate import PlateOptions
from understudy.settings.training import TrainingOptions


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


class ConvertSettings(ConversionOptions, AnalysisOptions, PlateOptions):
    """Lay a model's new face into a plate and write layered EXR."""

    model: Path = option(..., "Folder of the trained model.")
    out: str = option(..., "Output sequence, such as out.####.exr.")
    faceset: Path | None = option(None, "Extraction of this plate; made beside the output when left out.")
    device: str = option("auto", "Where networks run: auto, cpu, cuda, cuda:1, mps.")


class PreviewSettings(ConversionOptions, AnalysisOptions, PlateOptions):
    """Convert one frame of a plate into pictures to look at; nothing else is written."""

    frame: int = option(..., "Frame to convert.")
    model: Path = option(..., "Folder of the trained model.")
    out: Path = option(..., "Folder for the pictures.")
    faceset: Path | None = option(None, "Extraction of this plate; a preview does not wait for one to be made.")
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
