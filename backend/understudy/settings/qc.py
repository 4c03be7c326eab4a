"""The quality check of a delivery."""

from __future__ import annotations

from pathlib import Path

from understudy.settings.option import Options, option


class QcSettings(Options):
    """Check a converted sequence before it is delivered: frames, layers, headers, pixels, flicker and edges."""

    sequence: str = option(..., "Converted sequence, such as out.####.exr, or its folder.", positional=True)
    plate: str | None = option(
        None, "The plate it was made from; the one that the files name, where it lies beside them, when left out."
    )
    frames: str | None = option(
        None, "Frames to check, such as 1001-1048x2,1060; all of the plate, or else of the sequence, when left out."
    )
    colour_space: str | None = option(None, "Colour space of the plate; from the file when left out.")
    ocio: str | None = option(None, "OCIO configuration; $OCIO, $BLENDER_OCIO or the built-in one when left out.")
    max_flicker: float = option(
        1.2, "How much more than the plate the new face may change from frame to frame, as a multiple.", ge=0.1, le=100
    )
    max_edge: float = option(
        2.0, "How much larger the step in colour across the matte's edge may be than in the plate.", unit="dE2000",
        ge=0, le=100,
    )  # fmt: skip
    min_width: int = option(
        0, "Smallest width of the picture that is accepted, 3840 for UHD; 0 is any.", unit="px", ge=0
    )
    strict: bool = option(False, "Let warnings fail too.")
    out: Path | None = option(None, "Folder for qc.html; NAME_qc beside the sequence when left out.", writes="folder")
    json_file: Path | None = option(None, "Write the results to this file too.", flag="json", writes="file")
