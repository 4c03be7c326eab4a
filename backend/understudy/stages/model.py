"""What a trained model is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.events import Events
from understudy.model.network import SIDES
from understudy.model.store import load_card
from understudy.settings import ModelSettings
from understudy.training.curve import FILE as CURVE
from understudy.training.preview import FILE as PREVIEW


def run(settings: ModelSettings, events: Events) -> dict[str, Any]:  # noqa: ARG001 - every stage is called alike
    """Describe the model from its card; its weights are not loaded.

    Returns ``model`` (absolute), ``steps``, ``minutes`` of training, ``resolution`` in pixels, ``crop``, ``validation``,
    ``trained_on`` (facesets by side), ``working_space``, and the paths ``preview`` and ``curve``, None where there is
    no such picture. Raises ModelError.
    """
    folder = settings.model.resolve()
    card = load_card(folder)
    return {
        "model": str(folder),
        "steps": card.steps,
        "minutes": card.minutes,
        "resolution": card.architecture.resolution,
        "crop": card.crop,
        "validation": card.validation,
        "trained_on": {side: card.trained_on.get(side, []) for side in SIDES},
        "working_space": card.working_space,
        "preview": _there(folder / PREVIEW),
        "curve": _there(folder / CURVE),
    }


def _there(path: Path) -> str | None:
    return str(path) if path.is_file() else None
