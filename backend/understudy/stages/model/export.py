"""A trained model, as one file for other programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from understudy.errors import UsageError
from understudy.events import Events
from understudy.face.geometry import HEAD_68, Head, crop_kind, crop_matrix
from understudy.face.hull import face_mask
from understudy.model.export import DFM_INPUT, DFM_OUTPUTS, DFM_SLIDER, to_dfm, to_torchscript
from understudy.model.morph import MorphNetwork
from understudy.model.store import load_model
from understudy.plate.colour import ColourManager
from understudy.plate.files import atomic_path
from understudy.settings import ModelExportSettings


def run(settings: ModelExportSettings, events: Events) -> dict[str, Any]:
    """Write ``settings.out``: the model of ``settings.model`` as ``settings.format``.

    Returns ``model``, ``file``, ``format``, ``family``, ``crop``, ``resolution`` in pixels, ``bytes``, and ``inputs`` and
    ``outputs``, their names in a dfm. Raises ModelError (no model, or too large for the format), UsageError (a slider of
    a model that has none), ColourError (the model's working space is not known here), ComponentError and OutputError.
    """
    network, card = load_model(settings.model, torch.device("cpu"))
    slides = isinstance(network, MorphNetwork)
    if settings.morph is not None and not slides:
        raise UsageError(
            f"The model in {settings.model} is of the family {card.architecture.family}, which has no slider.",
            "Leave --morph out; only morph models have one.",
        )
    events.raise_if_stopping()
    face = _mean_outline(card.crop, card.architecture.resolution)
    inputs, outputs = ["rgba"], ["rgba"]
    if settings.format == "dfm":
        data = to_dfm(network, face, _to_working(card.working_space), settings.morph)
        inputs = [DFM_INPUT, *([DFM_SLIDER] if slides and settings.morph is None else [])]
        outputs = list(DFM_OUTPUTS)
    else:
        data = to_torchscript(network, face, settings.morph)
    events.raise_if_stopping()
    with atomic_path(settings.out) as temporary:
        temporary.write_bytes(data)
    events.progress(1, 1, "models")
    return {
        "model": str(settings.model.resolve()),
        "file": str(settings.out.resolve()),
        "format": settings.format,
        "family": card.architecture.family,
        "crop": card.crop,
        "resolution": card.architecture.resolution,
        "inputs": inputs,
        "outputs": outputs,
        "bytes": len(data),
    }


def _mean_outline(crop: str, resolution: int) -> torch.Tensor:
    """(R, R) mask of the mean head's face, seen from the front in a crop of this kind."""
    head = Head(1.0, np.eye(3), np.zeros(2), 0.0)
    matrix = crop_matrix(head, crop_kind(crop), resolution)
    return torch.from_numpy(face_mask(head.project(HEAD_68), matrix, resolution))


def _to_working(space: str) -> torch.Tensor:
    """(3, 3) by which linear Rec.709, as rows, becomes the scene-linear ``space``. Raises ColourError."""
    colour = ColourManager.discover()
    primaries = np.eye(3, dtype=np.float32)[None]
    return torch.from_numpy(colour.from_working(colour.to_working(primaries, "lin_rec709_scene"), space)[0])
