"""Which frames, in which colours, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from understudy.settings.option import Options, option


class PictureOptions(Options):
    """Which pictures, and in which colours."""

    group: ClassVar[str] = "plate"

    plate: str = option(..., "Sequence (shot.####.exr, %04d, @@@@), folder, still or movie.", positional=True)
    colour_space: str | None = option(
        None, "Colour space of the plate (OCIO name, alias or role); from the file when left out."
    )
    ocio: str | None = option(None, "OCIO configuration; $OCIO, $BLENDER_OCIO or the built-in one when left out.")
    layer: str | None = option(
        None, "Layer of an EXR that is the picture, such as ViewLayer.Combined; the one known to be it when left out."
    )
    view: str | None = option(None, "View of an EXR with several, such as right; its first when left out.")


class RangeOptions(PictureOptions):
    """Which frames of them."""

    group: ClassVar[str] = "plate"

    frames: str | None = option(None, "Frames in Nuke form, such as 1001-1048x2,1060; all when left out.")


class PlateOptions(RangeOptions):
    """What is done about gaps."""

    missing: Literal["error", "skip"] = option("error", "What to do about frames that are not there.")


class CompareSettings(Options):
    """Measure how near two sequences are, inside and outside a matte, and how near the faces in them are."""

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
    source: Path | None = option(
        None, "Faceset of the new person: says how far the face has gone from the plate's person (0) to B's (1)."
    )
    plate: str | None = option(None, "The untouched plate that --source is to be told from.")
    recogniser: Literal["auto", "insightface", "dlib"] = option(
        "auto", "What tells people apart for --source; the first that is installed when left out."
    )
    landmarks: Literal["auto", "yes", "no"] = option(
        "auto",
        "Measure how far the landmarks of A lie from those of B; auto: where B is rendered, or --source is given.",
    )
    landmarker: Literal["mediapipe", "insightface", "dlib"] = option("mediapipe", "What places the landmarks.")
    pack: str | None = option(None, "Folder or name of an InsightFace model pack.")
    faceset: Path | None = option(
        None,
        "Faceset of the plate that says which way the face looks, where no NAME.truth.json beside B or the plate does.",
    )
    out: Path | None = option(None, "Folder for compare.json and compare.png.", writes="folder")


class InspectSettings(RangeOptions):
    """Say what a plate is: frames, gaps, size, frame rate, timecode and colour space."""
