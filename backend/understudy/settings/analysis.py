"""How faces are found, followed and framed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from understudy.settings.option import Needs, Options, option
from understudy.settings.plate import PictureOptions, PlateOptions


class DetectionOptions(Options):
    """How the faces of a frame are found."""

    group: ClassVar[str] = "analysis"
    needs: ClassVar[Mapping[str, Needs]] = {
        "pack": tuple({role: ("insightface",)} for role in ("detector", "landmarker", "recogniser"))
    }

    detector: Literal["mediapipe", "insightface", "dlib-hog", "dlib-cnn"] = option("mediapipe", "What finds faces.")
    landmarker: Literal["mediapipe", "insightface", "dlib"] = option("mediapipe", "What places the landmarks.")
    pack: str | None = option(None, "Folder or name of an InsightFace model pack.")
    min_face: float = option(24.0, "Smallest face that counts, by the side of its box.", unit="px", ge=4)


class AnalysisOptions(DetectionOptions):
    """How faces are found and framed, and whose."""

    needs: ClassVar[Mapping[str, Needs]] = {"likeness": ({"reference": True},)}

    recogniser: Literal["none", "insightface", "dlib"] = option("none", "What tells people apart.")
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


class ExtractSettings(AnalysisOptions, PlateOptions):
    """Find the faces of a plate, follow them through the shot and store them as a faceset."""

    needs: ClassVar[Mapping[str, Needs]] = {
        name: ({"explain": False},)
        for name in (
            "landmarker", "recogniser", "face", "reference", "likeness", "crop", "crop_size", "smoothing", "lens", "cuts",
            "corrections", "frames", "missing",
        )
    }  # fmt: skip

    out: Path = option(..., "Folder of the faceset.", writes="folder")
    explain: int | None = option(
        None, "Only draw what the detector sees on this frame, and why each box is kept or not, as a picture."
    )


class FindSettings(DetectionOptions, PictureOptions):
    """Find the faces on one frame of a plate."""

    frame: int = option(..., "Frame to look at.")
