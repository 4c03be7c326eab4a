"""What this machine has, and how fast it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from understudy.settings.option import Options, option


class DemoSettings(Options):
    """Make the new face of the bundled sample and compare the result with the true render."""

    out: Path = option(Path("build/demo"), "Folder for everything that the demo makes.", writes="folder")
    minutes: float = option(0.0, "Time for training a network, to be compared; 0 trains none.", unit="min", ge=0)
    sample: Path | None = option(None, "Folder of another sample; the bundled one when left out.")


class BenchSettings(Options):
    """Measure this machine's speed and the faces' quality: finding, training, converting, rendering from footage."""

    what: Literal["all", "faces", "train", "convert", "render"] = option("all", "What to measure.", positional=True)
    sample: list[Path] = option(
        [],
        "Folder of another sample, with NAME.truth.json beside rendered shots; the bundled one when left out. render takes "
        "several: one without a source takes that of the same person in another.",
    )
    model: Path | None = option(None, "Folder of a trained model, whose steadiness is then measured with conversion.")
    colour_space: str | None = option(None, "Colour space of the samples, for render; from the files when left out.")
    recogniser: Literal["auto", "insightface", "dlib"] = option(
        "auto", "What tells people apart, for render; the first that is installed when left out."
    )
    pack: str | None = option(None, "Folder or name of an InsightFace model pack, for render.")
    json_file: Path | None = option(None, "Write the figures to this file too.", flag="json", writes="file")


class DoctorSettings(Options):
    """Say what is installed, which devices and models there are, what is missing and how to get it."""

    as_json: bool = option(False, "Print JSON instead of tables.", flag="json")


class SchemaSettings(Options):
    """Print the JSON schema of every job document."""
