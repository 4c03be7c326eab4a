"""How long curating ten thousand faces takes."""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from scipy.spatial.transform import Rotation

from understudy.events import Events
from understudy.face.geometry import Head
from understudy.faceset.choice import duplicates, select
from understudy.faceset.identity import people_of, same_person
from understudy.faceset.measures import BINS, THUMBNAIL, CropMeasures
from understudy.faceset.order import sort_faces
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.settings import DedupeSettings, FaceOrder

FACES = 10_000
PEOPLE = 20
"""How many people the faces are of."""

_SIZE = 8  # pixels of a crop: curation looks at none of them
_NUMBERS = 512  # of an identity: as many as the largest recogniser gives
_DENSE = 478  # dense points, as many as the default landmarker gives
_STRAY = 0.5  # spread of one person's identities about their middle, which has length 1
_KEPT = 1_000  # faces that select chooses
_POSE_BIN = 15.0  # degrees


def measure_curation(folder: Path | None, events: Events, count: int = FACES) -> dict[str, Any]:
    """Make a faceset of ``count`` faces in ``folder`` (a new one, or a passing one when None) and curate it.

    Returns ``faces``; ``seconds`` by what was done: ``first listing`` (every crop is opened), ``listing`` (from the
    index), ``sort BY`` for each order, ``select``, ``dedupe`` and ``cluster``; ``people``, how many were told apart of
    :data:`PEOPLE`; and ``peak_megabytes``, the most that Python and numpy held while curating, measured apart from the
    times. Start-up of the program and contact sheets are not counted. Raises OutputError and Interrupted.
    """
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as passing:
        place = (folder or Path(passing)) / "faces"
        _make(place, count, events)
        seconds: dict[str, float] = {}
        (place / "index.npz").unlink(missing_ok=True)
        _timed(seconds, "first listing", lambda: Faceset.open(place).faces())
        faces: list[Face] = _timed(seconds, "listing", lambda: Faceset.open(place).faces())
        people = _curate(faces, seconds, events)
        tracemalloc.start()
        try:
            _curate(Faceset.open(place).faces(), {}, events)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    return {"faces": len(faces), "seconds": seconds, "people": people, "peak_megabytes": peak / 1e6}


def _curate(faces: list[Face], seconds: dict[str, float], events: Events) -> int:
    """Do all that needs no disk; returns how many people there are."""
    orders: tuple[FaceOrder, ...] = get_args(FaceOrder)
    for order in orders:
        events.raise_if_stopping()
        _timed(seconds, f"sort {order}", partial(sort_faces, faces, order))
    _timed(seconds, "select", lambda: select(faces, min(_KEPT, len(faces)), _POSE_BIN))
    threshold = float(DedupeSettings.model_fields["threshold"].default)
    _timed(seconds, "dedupe", lambda: duplicates(faces, threshold))
    events.raise_if_stopping()
    people = _timed(seconds, "cluster", lambda: people_of(faces, same_person(faces)))
    return int(people.max()) + 1


def _timed(seconds: dict[str, float], what: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    seconds[what] = time.perf_counter() - start
    return result


def _make(folder: Path, count: int, events: Events) -> None:
    """A faceset of ``count`` tiny crops with whole records, no two alike."""
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(PEOPLE, _NUMBERS)) / np.sqrt(_NUMBERS)
    pixels = np.ones((_SIZE, _SIZE, 4), np.float16)
    faceset = Faceset.create(folder, {"made by": "understudy bench"})
    for index in range(count):
        events.raise_if_stopping()
        faceset.add(_face(index, middles[index % PEOPLE], rng), pixels)
        events.progress(index + 1, count, "faces", "writing")
    faceset.faces()  # writes the index


def _face(index: int, middle: Any, rng: np.random.Generator) -> Face:
    identity = middle + _STRAY * rng.normal(size=_NUMBERS) / np.sqrt(_NUMBERS)
    turns = Rotation.from_euler("yx", rng.normal(scale=(30, 15)), degrees=True).as_matrix()
    points = rng.uniform(400, 600, (68, 2)).astype(np.float32)
    histogram = np.rint(255 * np.sqrt(rng.dirichlet(np.full(BINS, 0.5), 3))).astype(np.uint8).tobytes()
    looks = rng.integers(0, 256, THUMBNAIL**2, np.uint8).tobytes()
    sharpness, motion_blur, brightness = rng.uniform(size=3).tolist()
    direction, hue = rng.uniform((0, -180), 180).tolist()
    return Face(
        file="",
        plate="made.%05d.exr",
        frame=1001 + index,
        track=index % PEOPLE,
        box=np.array([400, 400, 600, 600], np.float32),
        landmarks=points,
        raw=points,
        refined=points,
        dense=rng.uniform(400, 600, (_DENSE, 2)).astype(np.float32),
        matrix=np.array([[0.04, 0.0, -16.0], [0.0, 0.04, -16.0]]),
        crop_kind="whole",
        crop_size=_SIZE,
        confidence=float(rng.uniform()),
        origin="seen",
        head=Head(100.0, turns, np.array([500.0, 500.0]), 0.01, None),
        colour_space="lin_ap1_scene",
        identity=tuple((identity / np.linalg.norm(identity)).astype(np.float32).tolist()),
        measures=CropMeasures(sharpness, motion_blur, direction, brightness, hue, histogram, looks),
        analysis={"recogniser": "insightface (made up)"},
    )
