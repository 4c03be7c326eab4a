"""Ask a training under way for a preview."""

from __future__ import annotations

from typing import Any

from understudy.errors import ModelError
from understudy.events import Events
from understudy.settings import ModelPreviewSettings
from understudy.training.output.model_lock import is_held
from understudy.training.output.preview import FILE, ask_preview


def run(settings: ModelPreviewSettings, events: Events) -> dict[str, Any]:  # noqa: ARG001 - every stage is called alike
    """Ask the training of ``settings.model`` for a preview; it comes after the step under way.

    Returns ``model`` and ``preview``, where the sheet will be. Raises ModelError when no training is at work there, and
    OutputError.
    """
    folder = settings.model.resolve()
    if not is_held(folder):
        raise ModelError(
            f"No training is at work in {folder}.", f"What it painted last, if anything, is {folder / FILE}"
        )
    ask_preview(folder)
    return {"model": str(folder), "preview": str(folder / FILE)}
