"""Train: teach a model to paint the new face in the target's every moment."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from understudy.errors import ModelError, OutOfMemoryError
from understudy.events import Events
from understudy.model.device import choose_device
from understudy.settings import TrainSettings
from understudy.training.distributed.group import Group
from understudy.training.output.checkpoint import FILE as STATE
from understudy.training.output.checkpoint import load_checkpoint
from understudy.training.output.model_lock import hold
from understudy.training.session import Session
from understudy.training.setup import begin, preset_of


def run(settings: TrainSettings, events: Events) -> dict[str, Any]:
    """Train until the plan is fulfilled, from where the model folder stopped; see :class:`TrainSettings`.

    Leaves in the model folder: the model, its training state and backups, ``metrics.jsonl``, ``preview.png``,
    ``curve.png`` and what the time-lapse is made of. Of several processes (training/distributed/group.py) the first one
    writes and reports, the others return the same report.
    """
    with Group.join(choose_device(settings.device)) as group, contextlib.ExitStack() as stack:
        # What is there is held before it is read; a new folder is made once it is known that there will be a training.
        new = not settings.model.exists()
        if group.is_main and not new:
            stack.enter_context(hold(settings.model))
        checkpoint = load_checkpoint(settings.model)
        preset = preset_of(settings, group.device)
        try:
            beginning = begin(settings, group.device, checkpoint)
            if group.is_main and new:
                stack.enter_context(hold(settings.model))
                if (settings.model / STATE).exists():
                    raise ModelError(
                        f"Another training has begun in {settings.model}.", "Run it again to go on with that."
                    )
            return Session(settings, events, group, preset, beginning, checkpoint).run()
        except torch.OutOfMemoryError:
            raise OutOfMemoryError(
                f"This training does not fit into the memory of {group.device}.", "Lower --batch or --resolution."
            ) from None
