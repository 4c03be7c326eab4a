"""What a trained model is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.events import Events
from understudy.model.cost import cost
from understudy.model.network import SIDES
from understudy.model.store import load_card
from understudy.settings import ModelSettings
from understudy.training.output.curve import CURVE
from understudy.training.output.preview import FILE as PREVIEW


def run(settings: ModelSettings, events: Events) -> dict[str, Any]:  # noqa: ARG001 - every stage is called alike
    """Describe the model from its card; its weights are not loaded.

    Returns ``model`` (absolute), ``family``, ``resolution`` in pixels, ``weights`` (their number), ``identities``,
    ``crop``, ``working_space``, ``steps``, ``minutes`` of training, ``batch`` and ``faces_seen`` (0 where an older
    version trained it), ``training_memory`` in bytes, apart from what grows with the batch, ``tflop_per_step`` (None
    where the batch is not known) and ``gflop_per_face`` of a conversion, ``validation``, ``trained_on`` (by side, for
    each plate of each faceset: how many faces, the SHA-256 of their records, and what analysed them, with weight hash
    and licence), and the paths ``preview`` and ``curve``, None where there is no such picture. Raises ModelError.
    """
    folder = settings.model.resolve()
    card = load_card(folder)
    architecture = card.architecture
    counted = cost(architecture, card.batch or 1)
    return {
        "model": str(folder),
        "family": architecture.family,
        "resolution": architecture.resolution,
        "weights": counted.weights,
        "identities": list(architecture.identities),
        "crop": card.crop,
        "working_space": card.working_space,
        "steps": card.steps,
        "minutes": card.minutes,
        "batch": card.batch,
        "faces_seen": card.faces_seen,
        "training_memory": counted.memory_bytes,
        "tflop_per_step": counted.tflop_per_step if card.batch else None,
        "gflop_per_face": counted.gflop_per_swap,
        "validation": card.validation,
        "trained_on": {side: card.trained_on.get(side, []) for side in dict.fromkeys((*SIDES, *card.trained_on))},
        "preview": _there(folder / PREVIEW),
        "curve": _there(folder / CURVE),
    }


def _there(path: Path) -> str | None:
    return str(path) if path.is_file() else None
