"""The whole state of a training, on disk whole or not at all.

``training.safetensors`` holds every tensor (weights, averaged weights, optimiser moments, random state) and, as JSON in
its header, every number. The one before is kept beside it, for the day on which a disk eats the newest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from understudy.errors import ModelError, cannot_write
from understudy.json_reader import parse_json
from understudy.model.store import write_tensors
from understudy.plate.files import atomic_path

FILE = "training.safetensors"
PREVIOUS = "training.previous.safetensors"
VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and everything else as plain JSON."""

    tensors: dict[str, torch.Tensor]
    numbers: dict[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the newest checkpoint and keep the one before. Raises :class:`OutputError`; the old ones stay then."""
    path, previous = folder / FILE, folder / PREVIOUS
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    numbers = json.dumps({"version": VERSION, **checkpoint.numbers})
    layout = json.dumps([name for name, tensor in checkpoint.tensors.items() if _is_channels_last(tensor)])
    with atomic_path(path) as temporary:
        write_tensors(temporary, tensors, {"training": numbers, "channels_last": layout})
        try:
            if path.exists():
                path.replace(previous)  # between the two renames the newest is still there, under this name
        except OSError as error:
            raise cannot_write(previous, error) from error


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; None when there is none.

    Raises :class:`ModelError` when there are files but none can be read.
    """
    problem = ""
    for name in (FILE, PREVIOUS):
        path = folder / name
        if not path.is_file():
            continue
        try:
            with safe_open(path, framework="pt") as file:
                numbers = parse_json(file.metadata()["training"], nan=True)
                if numbers["version"] != VERSION:
                    raise ValueError(f"version {numbers['version']} is not {VERSION}")
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                # A fused optimiser walks a weight and its moments in the order in which they lie in memory.
                for key in parse_json(file.metadata().get("channels_last", "[]")):
                    tensors[key] = tensors[key].contiguous(memory_format=torch.channels_last)
                return Checkpoint(tensors, numbers)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            problem = problem or f"{path} cannot be read: {error}"
    if problem:
        raise ModelError(f"{problem}.", "Restore the model folder from a backup, or train into a new one.")
    return None


def _is_channels_last(tensor: torch.Tensor) -> bool:
    return not tensor.is_contiguous() and tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
