"""A model's files: how they are spoilt, and how they are read."""

from __future__ import annotations

import json
import random
import struct
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from fuzz_mutations import spoilt_document
from made_people import TINY, make_model
from understudy.model.card import ModelCard
from understudy.model.families import default_architecture
from understudy.model.store import FILE, load_card, load_model
from understudy.training.output.backups import keep_backup, list_backups
from understudy.training.output.checkpoint import Checkpoint, save_checkpoint


@cache
def model_files() -> dict[str, bytes]:
    with TemporaryDirectory() as place:
        folder = make_model(Path(place))
        save_checkpoint(folder, Checkpoint({"a": torch.ones(2, 3)}, {"step": 7, "rate": 0.1}))
        keep_backup(folder, 1.7e9)
        (backup,) = (folder / "backups").iterdir()
        return {path.name: path.read_bytes() for path in [*folder.iterdir(), backup / "backup.json"] if path.is_file()}


@cache
def card() -> Any:
    return json.loads(card_json(model_files()[FILE]))


def card_json(content: bytes) -> str:
    (length,) = struct.unpack("<Q", content[:8])
    told: str = json.loads(content[8 : 8 + length])["__metadata__"]["card"]
    return told


def with_card(data: bytes) -> bytes:
    """The model's file with another card."""
    content = model_files()[FILE]
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["card"] = data.decode(errors="replace")
    told = json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + content[8 + length :]


def card_of_any_family(dice: random.Random) -> bytes:
    family = dice.choice(("quick", "df", "liae", "comb", "morph"))
    arch = (
        TINY if family == "quick" else default_architecture(family, 64, bottleneck=16, encoder_width=8, decoder_width=8)
    )
    light = {"mean": [0.1] * 3, "spread": [1.0] * 3}
    trained = {"source": [{"faceset": "a", "plate": "b", "faces": 3, "sha256": "0", "held_out": 1, "detector": "x"}]}
    return spoilt_document(
        json.loads(ModelCard(arch, "full", 3, 1.0, {"psnr": 3.0}, "x", light, trained).to_json()), dice
    )


def read_model(path: Path) -> None:
    load_card(path.parent)
    load_model(path.parent, torch.device("cpu"))


def read_backups(data: bytes, folder: Path) -> None:
    place = folder / "backups" / "7"
    place.mkdir(parents=True, exist_ok=True)
    for name in (FILE, "training.safetensors"):
        (place / name).write_bytes(model_files()[name])
    (place / "backup.json").write_bytes(data)
    list_backups(folder)
