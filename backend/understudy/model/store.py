"""A trained model on disk: weights and card, written whole or not at all.

``model.safetensors`` holds the averaged (EMA) weights that conversion uses; its header carries the card as JSON: the
architecture, the crop, how colours were normalised, what the model was trained on. One file, so that weights and
card never disagree.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from understudy.errors import ModelError
from understudy.model.card import ModelCard
from understudy.model.families import build
from understudy.model.network import Architecture, SwapNetwork
from understudy.plate.files import atomic_path

FILE = "model.safetensors"
_FLOATS = ("F64", "F32", "F16", "BF16")


def save_model(folder: Path, network: SwapNetwork, card: ModelCard) -> Path:
    """Write the weights (float32, on any device) and the card. Raises :class:`OutputError` when the disk is full."""
    path = folder / FILE
    weights = {name: tensor.detach().float().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_path(path) as temporary:
        write_tensors(temporary, weights, {"card": card.to_json()})
    return path


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Write contiguous CPU ``tensors`` to a safetensors file. Raises ``OSError`` when it cannot be written."""
    # Not its own file writer: that leaves a temporary of its own behind a killed process and hides why a disk refused.
    path.write_bytes(save(tensors, metadata=metadata))


def load_card(folder: Path) -> ModelCard:
    """The card alone. Raises :class:`ModelError` when there is no whole model in ``folder``."""
    path = folder / FILE
    if not path.is_file():
        raise ModelError(f"There is no trained model in {folder}.", "Train one with: understudy train")
    try:
        with safe_open(path, framework="pt") as file:
            return ModelCard.from_json(file.metadata()["card"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path} is damaged or not an Understudy model: {error}.",
            f"Bring a backup back; there may be some: understudy model backups {folder}",
        ) from None


def model_digest(folder: Path) -> str:
    """What tells a model from one that paints otherwise: of its weights and what its card says of them.

    How long it was trained, and how well it does, may be told anew by a training that goes no further. Raises
    :class:`ModelError`.
    """
    card, digest = load_card(folder), hashlib.blake2b(digest_size=8)
    told = card.architecture.to_json(), card.crop, card.working_space, card.source_light
    digest.update(json.dumps(told, sort_keys=True, default=str).encode())
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            for name in sorted(file.keys()):
                tensor = file.get_tensor(name)
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    except (SafetensorError, OSError, RuntimeError) as error:
        raise ModelError(f"{folder / FILE} cannot be read: {error}.") from None
    return digest.hexdigest()


def load_model(folder: Path, device: torch.device) -> tuple[SwapNetwork, ModelCard]:
    """The network in inference mode on ``device``, and its card. Raises :class:`ModelError`."""
    card = load_card(folder)
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            # A card may promise any sizes: nothing is built before the file has shown that it holds them.
            _check_sizes(file, card.architecture)
            network = build(card.architecture)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        network.load_state_dict(weights)
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"{folder / FILE} does not hold the weights its card promises: {error}.") from None
    for name, weight in weights.items():
        if not weight.isfinite().all():
            raise ModelError(
                f"{folder / FILE} is damaged: its weights {name} hold what is no number.",
                f"Bring a backup back; there may be some: understudy model backups {folder}",
            )
    return network.to(device).eval().requires_grad_(False), card


def _check_sizes(file: Any, arch: Architecture) -> None:
    """Raise ValueError unless the tensors of an opened ``file`` are those of a network of ``arch``."""
    with torch.device("meta"):
        wanted = {name: list(tensor.shape) for name, tensor in build(arch).state_dict().items()}
    parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
    if odd := sorted(wanted.keys() ^ parts.keys()):
        raise ValueError(f"{odd[0]} is {'missing' if odd[0] in wanted else 'no part of such a network'}")
    for name, part in parts.items():
        if part.get_shape() != wanted[name] or part.get_dtype() not in _FLOATS:
            raise ValueError(f"{name} is {part.get_dtype()} {part.get_shape()}, not {wanted[name]}")
