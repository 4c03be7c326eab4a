"""Sound documents of every kind, which are spoilt."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from made_faces import make_face
from made_tracks import made_shot
from understudy.faceset.journal import Entry, Journal, Sighting
from understudy.tracks.corrections_from_tracks import corrections_from_tracks
from understudy.tracks.formats.json_tracks import tracks_to_json


@cache
def record() -> Any:
    return json.loads(make_face().to_json())


@cache
def journal() -> bytes:
    rng = np.random.default_rng(0)
    points, box = rng.uniform(0, 500, (68, 2)).astype(np.float32), np.float32((1, 2, 3, 4))
    one = Sighting(box, True, 0.9, points, points, 0.8, points[:6], points[0], np.arange(48, dtype=np.uint8))
    entry = Entry(
        "a.%04d.exr", 1001, np.zeros((8, 8), np.uint8), (one, Sighting(box, False, 0, None, None, 0, None, None))
    )
    with TemporaryDirectory() as folder:
        Journal(folder).append(entry)
        return (Path(folder) / "frames.jsonl").read_bytes()


@cache
def tracks() -> Any:
    document = json.loads(tracks_to_json(made_shot()))
    for track in document["tracks"]:
        del track["faces"][1:]
    return document


@cache
def corrections() -> Any:
    document = json.loads(corrections_from_tracks(made_shot().tracks[:1]).to_json())
    for curves in ("boxes", "head", "landmarks"):
        for curve in document["faces"][0][curves]:
            del curve["keys"][2:]
    document["cuts"] = {"add": [1003], "remove": [1004]}
    document["faces"][0] |= {"reject": "1005-1007", "split": [1009], "join": [{"track": 3}]}
    return document


@cache
def log() -> Any:
    moves = [["a.exr", "trash/0001/a.exr"], ["b.exr", "trash/0001/b.exr"]]
    return [{"number": 1, "kind": "trash", "why": "blurred", "when": "2024-01-01T00:00:00+00:00", "moves": moves}]


def metrics() -> bytes:
    lines = [{"step": step, "minutes": 0.1, "phase": "form", "loss": 0.5, "validation": 0.3} for step in range(3)]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def job() -> Any:
    settings = {"plate": "p.####.exr", "out": "o", "face": "largest", "smoothing": 0.5, "lens": 35}
    return {"stage": "extract", "version": 1, "settings": settings}


def request() -> Any:
    return {"id": 1, "stage": "inspect", "settings": {"plate": "p.####.exr"}}


@cache
def truth() -> Any:
    rng = np.random.default_rng(1)
    one = {
        "frame": 1, "landmarks68": rng.uniform(0, 900, (68, 2)).tolist(),
        "landmarks68_cam": rng.normal((0, 0, 9), size=(68, 3)).tolist(), "head_to_camera": np.eye(4).tolist(),
        "K": [[900, 0, 480], [0, 900, 270], [0, 0, 1]], "performance": {"expr": {"eye-left-closure": 0.3}, "gaze": [1, 2]},
    }  # fmt: skip
    return {"frames": [one, one]}
