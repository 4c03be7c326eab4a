"""Whether lids, mouth and gaze of a converted shot go as those of its truth do, by the landmarker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.bench.rendering.pairs import Pair
from understudy.events import Events
from understudy.face.components.registry import build_detector, build_landmarker
from understudy.face.detect import find_faces
from understudy.face.geometry import HEAD_68
from understudy.face.interfaces import Image, Landmarks
from understudy.plate.colour import ColourManager
from understudy.plate.matte import Matte
from understudy.plate.reader import probe, read_frames
from understudy.plate.sequence import Plate, open_plate
from understudy.review.alignment import rank_correlation
from understudy.review.identity import as_image
from understudy.review.poses import LANDMARKED
from understudy.review.truth import TrueFace, read_truth
from understudy.tracks.gaze import measured_gaze
from understudy.tracks.openings import MESH, eye_trusts, measured_eyes, measured_mouth

BLINK, OPEN = 0.6, 0.3
"""How far eyes are truly shut, 0..1, from where on a shot has a blink, and up to where gaze is told."""

FEWEST = 5
"""Frames below which a rank correlation says nothing."""

_BOTH_SEEN = 0.5  # trust in the worse eye from which a frame shows both
_EYES, _MOUTH = slice(36, 48), slice(48, 68)


@dataclass(frozen=True)
class _Moment:
    """One frame, result and truth: None for what is not seen."""

    lids: tuple[float, float] | None
    mouth: tuple[float, float] | None
    gaze: tuple[float, float] | None


def measure_performance(pair: Pair, shot: str, colour_space: str | None, events: Events) -> dict[str, Any]:
    """Spearman's correlations of the converted ``shot`` with the truth of ``pair``, both landmarked.

    ``lids`` over the frames that show both eyes, ``mouth`` over those within 45 degrees of yaw, ``gaze`` (across the
    face) over those with both eyes open; what something stands before is left out, and with fewer than :data:`FEWEST`
    frames each is None. ``frames`` by the same names; ``blinks``, whether the true eyes shut on a frame that counts.
    """
    truth, result = open_plate(pair.truth), open_plate(shot)
    looks = [_DisplayView(plate, colour_space) for plate in (result, truth)]
    true = {one.frame: one for one in read_truth(pair.document)}
    hidden = None if pair.holdout is None else Matte.open(pair.holdout, truth.frames)
    detector, landmarker = build_detector("mediapipe"), build_landmarker("mediapipe", None)
    moments: list[_Moment] = []
    blinks = False
    frames = [number for number in result.frames if number in true and abs(true[number].head.angles[0]) <= LANDMARKED]
    for done, pictures in enumerate(zip(*(read_frames(one, frames) for one in (result, truth)), strict=True), 1):
        events.raise_if_stopping()
        ours, theirs = (look(frame.rgb) for look, frame in zip(looks, pictures, strict=True))
        first = pictures[0]
        face = true[first.number]
        cover = None if hidden is None else hidden.weights(first.number, first.header, first.header.display)
        found = _nearest(find_faces(detector, theirs), face)
        if found is None:
            continue
        marks = [landmarker.landmarks(picture, [found])[0] for picture in (ours, theirs)]
        if marks[0] is not None and marks[1] is not None:
            moment = _moment(marks[0], marks[1], face, cover)
            moments.append(moment)
            blinks |= moment.lids is not None and face.closure is not None and bool(face.closure.min() > BLINK)
        events.progress(done, len(frames), "frames")
    told = {name: [one for moment in moments if (one := getattr(moment, name))] for name in ("lids", "mouth", "gaze")}
    return {
        **{name: _correlation(pairs) for name, pairs in told.items()},
        "frames": {name: len(pairs) for name, pairs in told.items()},
        "blinks": blinks,
    }


class _DisplayView:
    """A shot's frames as a landmarker sees them."""

    def __init__(self, plate: Plate, colour_space: str | None) -> None:
        self._colours = ColourManager.discover()
        self._space = self._colours.input_space(plate, probe(plate), colour_space).name

    def __call__(self, rgb: NDArray[Any]) -> Image:
        return as_image(self._colours.to_display(self._colours.to_working(rgb, self._space)))


def _moment(ours: Landmarks, theirs: Landmarks, face: TrueFace, cover: NDArray[np.float32] | None) -> _Moment:
    both = ours, theirs
    lids = mouth = gaze = None
    if eye_trusts(face.head.angles[0], 1.0).min() >= _BOTH_SEEN and _free(face.landmarks[_EYES], cover):
        lids = _two(measured_eyes(face.head, one.points68, HEAD_68, one.dense).mean() for one in both)
        if face.closure is not None and face.closure.max() < OPEN:
            gaze = _two(_across(one, face) for one in both)
    if _free(face.landmarks[_MOUTH], cover):
        mouth = _two(measured_mouth(face.head, one.points68, HEAD_68) for one in both)
    return _Moment(lids, mouth, gaze)


def _two(values: Any) -> tuple[float, float]:
    first, second = values
    return float(first), float(second)


def _across(marks: Landmarks, face: TrueFace) -> float:
    """The gaze to image right, the mean of both eyes; 0 for a landmarker without irises."""
    if marks.dense is None or len(marks.dense) != MESH:
        return 0.0
    return float(measured_gaze(face.head, marks.dense, HEAD_68)[:, 0].mean())


def _free(points: NDArray[np.float64], cover: NDArray[np.float32] | None) -> bool:
    """Whether nothing stands before any of the ``points`` (N, 2)."""
    if cover is None:
        return True
    columns, rows = points.astype(int).T
    return bool(cover[rows.clip(0, cover.shape[0] - 1), columns.clip(0, cover.shape[1] - 1)].max() < 0.5)


def _nearest(found: Sequence[Any], face: TrueFace) -> Any | None:
    """The detection whose middle is nearest to the true face's, if it lies on it."""
    middle, reach = face.landmarks.mean(0), float(np.ptp(face.landmarks, axis=0).max())
    apart = {index: float(np.hypot(*((one.box[:2] + one.box[2:]) / 2 - middle))) for index, one in enumerate(found)}
    best = min(apart, key=lambda index: apart[index], default=None)
    return None if best is None or apart[best] > reach / 2 else found[best]


def _correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    if len(pairs) < FEWEST:
        return None
    ours, theirs = zip(*pairs, strict=True)
    return rank_correlation(ours, [-one for one in theirs])
