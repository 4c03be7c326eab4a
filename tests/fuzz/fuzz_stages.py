"""Whole stages on facesets of which one record, one crop or the description is spoilt."""

from __future__ import annotations

import json
import random
import shutil
import struct
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from fuzz_mutations import nudged_document, spoilt_bytes, spoilt_document
from fuzz_reader import Reader

from made_people import make_shot  # isort: skip
from understudy.events import Events
from understudy.faceset.aligned import load_aligned
from understudy.faceset.crop import read_record
from understudy.faceset.store import Faceset
from understudy.settings import (
    ClusterSettings,
    DedupeSettings,
    FacesetListSettings,
    FacesetReportSettings,
    PeopleSettings,
    SelectSettings,
    SortSettings,
)
from understudy.stages.faceset import cluster, dedupe, list_faces, report, select, sort
from understudy.stages.faceset import people as faceset_people
from understudy.training.data.dataset import load_side
from understudy.training.data.lookalikes import exchange_fields, find_pairs


@cache
def sound() -> Path:
    """A faceset of six faces, which stays as it is."""
    return make_shot(Path(mkdtemp(prefix="understudy-fuzz-")), 6).faceset


def spoil(dice: random.Random) -> bytes:
    """Which file of a faceset is spoilt, and what it holds then."""
    path = dice.choice(sorted(path for path in sound().iterdir() if path.is_file()))
    content = path.read_bytes()
    if path.suffix == ".exr" and dice.randrange(4):
        at = content.find(b'{"schema"')
        length = int.from_bytes(content[at - 4 : at], "little")
        change = dice.choice((spoilt_document, nudged_document, nudged_document, nudged_document))
        new = change(json.loads(content[at : at + length]), dice)
        content = content[: at - 4] + struct.pack("<i", len(new)) + new + content[at + length :]
    else:
        content = spoilt_bytes(content, dice)
    return path.name.encode() + b"|" + content


def spoilt(data: bytes, folder: Path) -> Path:
    """A copy of the sound faceset with the spoilt file."""
    name, _, content = data.partition(b"|")
    copy = folder / "set"
    shutil.copytree(sound(), copy)
    (copy / name.decode()).write_bytes(content)
    if not name.startswith(b"index"):
        (copy / "index.npz").unlink(missing_ok=True)
    return copy


def stage(run: Any, settings: Any, **words: Any) -> Reader:
    def read(data: bytes, folder: Path) -> None:
        run(settings(faceset=spoilt(data, folder), **words), Events())

    return Reader(spoil, read)


def people(data: bytes, folder: Path) -> None:
    faceset_people.run(PeopleSettings(faceset=spoilt(data, folder), pictures=folder / "pictures"), Events())


def training(data: bytes, folder: Path) -> None:
    """What a training makes of its faces before the first step."""
    own = load_side([spoilt(data, folder)], 32, torch.device("cpu"))
    find_pairs(own.shapes, own.shapes, 32)
    exchange_fields(own.shapes, own.shapes, 32)


def aligned(data: bytes, folder: Path) -> None:
    opened = Faceset.open(spoilt(data, folder))
    load_aligned(opened, opened.faces(), 32)
    opened.faces()
    [read_record(path) for path in opened.folder.glob("*.exr")]


STAGES: dict[str, Reader] = {
    "stage list": stage(list_faces.run, FacesetListSettings),
    "stage people": Reader(spoil, people),
    "stage sort": stage(sort.run, SortSettings, by="unlikeness", rename=True),
    "stage select": stage(select.run, SelectSettings, count=3),
    "stage dedupe": stage(dedupe.run, DedupeSettings),
    "stage cluster": stage(cluster.run, ClusterSettings),
    "stage report": stage(report.run, FacesetReportSettings),
    "stage aligned": Reader(spoil, aligned),
    "stage training": Reader(spoil, training),
}
