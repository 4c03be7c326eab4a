"""Exchanging tracks with other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from understudy.settings.option import Needs, Options, option


class TracksExportSettings(Options):
    """Write the solved tracks of a faceset for another program."""

    needs: ClassVar[Mapping[str, Needs]] = {
        "crop": ({"format": ("cornerpin", "usd")},),
        "crop_size": ({"format": ("cornerpin",)},),
        "points": ({"format": ("tracker",)},),
        "lens": ({"format": ("chan", "usd")},),
        "fps": ({"format": ("usd",)},),
    }

    faceset: Path = option(..., "Folder of the faceset.", positional=True)
    format: Literal["json", "csv", "cornerpin", "tracker", "chan", "usd"] = option(
        ...,
        "cornerpin and tracker are for Nuke (tracker as text of 3DEqualizer unless --out ends in .nk), chan is the pose, "
        "usd the moving mesh of the head with its camera (.usda, .usdc).",
    )
    out: Path = option(..., "File to write.", writes="file")
    track: int | None = option(None, "Number of the track; needed where a file holds one and there are several.")
    crop: Literal["face", "full", "whole", "head"] = option(
        "whole", "Crop whose corners a corner pin holds, and whose picture the texture of a usd is."
    )
    crop_size: int = option(256, "Side of that crop.", unit="px", ge=32, le=4096)
    points: list[str] = option(
        ["corners"], "Landmarks of a tracker: names such as nose_tip, groups such as left_eye, numbers, or all."
    )
    lens: float | None = option(
        None,
        "Focal length for a 36 mm wide sensor, for a chan or usd of heads that were solved without a camera.",
        unit="mm",
        ge=5,
        le=5000,
    )
    fps: float | None = option(
        None, "Frame rate of a usd; the plate's own, or 24, when left out.", unit="frames/s", gt=0, le=1000
    )


class TracksImportSettings(Options):
    """Turn another program's tracks into corrections, which extraction obeys."""

    file: Path = option(..., "Tracks: .json or .csv as exported, .txt of points, or .chan.", positional=True)
    out: Path = option(..., "Corrections file to write.", writes="file")
    track: int | None = option(
        None, "The track to take, or that points or a chan are for; all, or the face at that place, when left out."
    )
    width: int | None = option(None, "Width of the plate, which a chan needs.", unit="px", ge=1)
    height: int | None = option(None, "Height of the plate, which points and a chan need.", unit="px", ge=1)
    pixel_aspect: float = option(
        1.0, "Width over height of the plate's pixels, for a chan; all else is in the plate's.", ge=0.25, le=4
    )
    lens: float | None = option(
        None, "Focal length for a 36 mm wide sensor; a chan's own when left out.", unit="mm", ge=5, le=5000
    )
