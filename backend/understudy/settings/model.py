"""Looking into models, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from understudy.settings.option import Options, option


class ModelSettings(Options):
    """Describe a trained model: what it is, how long and on what it was trained, and how well it does."""

    model: Path = option(..., "Folder of the trained model.", positional=True)
    as_json: bool = option(False, "Print JSON instead of tables.", flag="json")


class ModelPreviewSettings(Options):
    """Ask a training under way for a preview now, instead of at its next interval."""

    model: Path = option(..., "Folder of the model in training.", positional=True)


class TimelapseSettings(Options):
    """Write how the swap came to be as a movie: a picture at each preview of the training."""

    model: Path = option(..., "Folder of the model.", positional=True)
    out: Path = option(..., "Movie to write: .mp4, .mov or .mkv.", writes="file", endings=(".mp4", ".mov", ".mkv"))


class BackupsSettings(Options):
    """List the backups that training kept of a model."""

    model: Path = option(..., "Folder of the model.", positional=True)


class ModelRestoreSettings(Options):
    """Bring a backup of a model and its training back; what it replaces is backed up."""

    model: Path = option(..., "Folder of the model.", positional=True)
    step: int = option(..., "Step of the backup, as understudy model backups tells it.", ge=0)


class ModelExportSettings(Options):
    """Write a trained model as one file for another program."""

    model: Path = option(..., "Folder of the trained model.", positional=True)
    format: Literal["dfm", "torchscript"] = option(
        ..., "dfm is ONNX for live hosts, BGR as on a screen; torchscript takes and gives scene-linear RGBA."
    )
    out: Path = option(..., "File to write.", writes="file")
    morph: float | None = option(
        None, "Fix the slider of a morph model, 0 the target, 1 the source; a dfm leaves it to the host.", ge=0, le=1
    )
