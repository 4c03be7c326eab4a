"""How fast faces are extracted, and where the time goes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import understudy
from understudy.events import Events
from understudy.settings import ExtractSettings
from understudy.stages import extract
from understudy.stages.stopwatch import Stopwatch

SAMPLE = Path(understudy.__file__).parent / "sample"


def measure(events: Events, sample: Path = SAMPLE) -> dict[str, Any]:
    """Extract the plate of the ``sample`` folder with default settings into a folder that is thrown away.

    Returns ``frames``, ``faces``, ``seconds``, ``frames_per_second``, ``shares`` (part of the main loop's wall time:
    ``networks``, ``reading`` and ``writing`` as far as it waits for them, ``colour``, ``other``) and
    ``outside_networks``, their sum without the networks. Loading the networks is not counted.
    """
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        settings = ExtractSettings(plate=(sample / "plate.%04d.exr").as_posix(), out=Path(folder) / "faces")
        report = extract.run(settings, events, watch)
    shares = watch.shares()
    return {
        "frames": report["frames"],
        "faces": report["faces"],
        "seconds": watch.wall,
        "frames_per_second": report["frames"] / watch.wall,
        "shares": shares,
        "outside_networks": 1.0 - shares["networks"],
    }
