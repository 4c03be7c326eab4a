"""Handing a shot over to other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from understudy.settings.option import Options, option


class ExportNukeSettings(Options):
    """Write a Nuke script that rebuilds a converted shot from its layers."""

    result: str = option(..., "The converted shot, such as out.####.exr.", positional=True)
    out: Path = option(..., "Nuke script to write, such as comp.nk.", writes="file", endings=(".nk",))
    plate: str | None = option(
        None, "The plate that was converted; taken from the result, as composite minus delta, when left out."
    )
    frames: str | None = option(None, "Frames in Nuke form, such as 1001-1048; all when left out.")
    missing: Literal["error", "skip"] = option("error", "What to do about frames that are not there.")
