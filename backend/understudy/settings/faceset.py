"""Looking into facesets, and tidying them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from understudy.settings.option import Options, option


class FacesetListSettings(Options):
    """List the faces of a faceset."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    as_json: bool = option(False, "Print a JSON array, one record a face, instead of a table.", flag="json")


class PeopleSettings(Options):
    """List the people of a faceset, with a picture of each."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    pictures: Path = option(..., "Folder for the pictures.", writes="folder")


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
    out: Path | None = option(
        None, "The page; report.html in the faceset's folder, or beside a pack, when left out.", writes="file"
    )
    pose_bin: float = option(15.0, "Width of a bin of yaw and of pitch.", unit="deg", ge=5, le=90)


class RecropSettings(Options):
    """Cut the faces of a faceset out of their plate again, with another kind or size of crop, without a new analysis."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    out: Path = option(..., "Folder of the new faceset.", writes="folder")
    crop: Literal["face", "full", "whole", "head"] = option("whole", "How much of the head a crop holds.")
    crop_size: int = option(256, "Side of the new crops.", unit="px", ge=32, le=2048)
    plate: str | None = option(None, "The plate, where it has moved since.")


class PackSettings(Options):
    """Pack a faceset into one file, which training reads like the folder."""

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    out: Path = option(..., "The file to write, such as faces.zip.", writes="file")


class UnpackSettings(Options):
    """Make a packed faceset a folder again."""

    pack: Path = option(..., "The packed faceset.", positional=True)
    out: Path = option(..., "Folder of the faceset.", writes="folder")
