"""A trained model on disk: weights and card, written whole or not at all.

``model.safetensors`` holds the averaged (EMA) weights that conversion uses; its header carries the card as JSON: the
architecture, the crop, how colours were normalised, what the model was trained on. One file, so that weights and
card never disagree.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from understudy.errors import ModelError
from understudy.model.families import architecture_from_json, build
from understudy.model.network import Architecture, SwapNetwork
from understudy.plate.files import atomic_path

FILE = "model.safetensors"
CARD_VERSION = 1


@dataclass(frozen=True)
class Card:
    """What a model is and where it comes from."""

    architecture: Architecture
    crop: str  # crop kind the model was trained on
    steps: int = 0
    minutes: float = 0.0
    validation: dict[str, float] = field(default_factory=dict)
    working_space: str = ""  # colour space of the crops it was trained on
    source_light: dict[str, list[float]] = field(default_factory=dict)  # mean and spread of the source footage
    trained_on: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    batch: int = 0  # faces of each side in a step, the last time
    faces_seen: int = 0  # of both sides, over all steps
    version: int = CARD_VERSION

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "architecture": self.architecture.to_json()}, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Card:
        data = json.loads(text)
        if data["version"] != CARD_VERSION:
            raise ValueError(f"card version {data['version']} is not {CARD_VERSION}")
        return Card(**{**data, "architecture": architecture_from_json(data["architecture"])})


def save_model(folder: Path, network: SwapNetwork, card: Card) -> Path:
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


def load_card(folder: Path) -> Card:
    """The card alone. Raises :class:`ModelError` when there is no whole model in ``folder``."""
    path = folder / FILE
    if not path.is_file():
        raise ModelError(f"There is no trained model in {folder}.", "Train one with: understudy train")
    try:
        with safe_open(path, framework="pt") as file:
            return Card.from_json(file.metadata()["card"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path} is damaged or not an Understudy model: {error}.",
            f"Bring a backup back; there may be some: understudy model backups {folder}",
        ) from None


def load_model(folder: Path, device: torch.device) -> tuple[SwapNetwork, Card]:
    """The network in inference mode on ``device``, and its card. Raises :class:`ModelError`."""
    card = load_card(folder)
    network = build(card.architecture)
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError) as error:
        raise ModelError(f"{folder / FILE} does not hold the weights its card promises: {error}.") from None
    return network.to(device).eval().requires_grad_(False), card
