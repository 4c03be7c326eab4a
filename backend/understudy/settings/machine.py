"""What this machine has, and how fast it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from understudy.settings.option import Options, option


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
    model: Path | None = option(None, "Folder of a trained model, whose steadiness is then measured with conversion.")
    json_file: Path | None = option(None, "Write the figures to this file too.", flag="json")


class DoctorSettings(Options):
    """Say what is installed, which devices and models there are, what is missing and how to get it."""

    as_json: bool = option(False, "Print JSON instead of tables.", flag="json")


class SchemaSettings(Options):
    """Print the JSON schema of every job document."""
