"""How well faces are followed: against the truth of rendered shots, and on a plate that stands still."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from understudy.bench.rendering.plates import still
from understudy.errors import ComponentError
from understudy.events import Events
from understudy.face.components.registry import build_landmarker
from understudy.face.geometry import CENTRE_DEPTH, CROP_LIFT, CropKind, fit_head
from understudy.review.alignment import (
    corner_errors,
    crop_corners,
    jitter,
    lag,
    landmark_error,
    rank_correlation,
    spread,
)
from understudy.review.truth import TrueFace, read_truth
from understudy.settings import AnalysisOptions, ExtractSettings
from understudy.stages import extract
from understudy.tracks.formats.json_tracks import read_tracks
from understudy.tracks.track import Followed

BINS = ((0, 30), (30, 60), (60, 90))
"""Degrees of yaw to either side."""

KIND: CropKind = "whole"
"""The crop whose corners are measured."""

STILL_FRAMES = 24
GRAIN = 0.02
"""Standard deviation of the still plate's grain at scene-linear 1."""


def measure_shots(sample: Path, events: Events) -> dict[str, Any]:
    """Extract every rendered shot of the ``sample`` folder that has a truth document, with every landmarker there is.

    Returns by shot and landmarker: ``frames``, ``faces``; ``error`` by bin of true yaw, each with ``frames``,
    ``landmarked`` (frames with raw landmarks) and the mean landmark error ``raw``, ``refined`` and ``final`` (percent of
    the eye distance; None where there is none); ``corners`` and ``jitter``, mean error and mean change of error from
    frame to frame of the crop's corners, percent of the crop, ``raw`` and ``final`` (``ratio`` of the two over the same
    frames); ``lag`` in frames; ``confidence_rank``, Spearman's correlation of confidence with how small the final error
    is; and ``scale_spread``, percent by which the crop's scale against the true head's varies over the shot.
    """
    report: dict[str, Any] = {}
    for document in sorted(sample.glob("*.truth.json")):
        name = document.name.removesuffix(".truth.json")
        if not list(sample.glob(f"{name}.*.exr")):
            continue
        truth = read_truth(document)
        report[name] = {}
        for landmarker in _landmarkers():
            events.raise_if_stopping()
            within = events.within(f"{name}, {landmarker} landmarks")
            followed = followed_largest((sample / f"{name}.%04d.exr").as_posix(), landmarker, within)
            report[name][landmarker] = compare(followed, truth)
    return report


def compare(followed: Sequence[Followed], truth: Sequence[TrueFace]) -> dict[str, Any]:
    """One shot's figures, as :func:`measure_shots` describes them."""
    by_frame = {one.frame: one for one in followed}
    pairs = [(by_frame[true.frame], true) for true in truth if true.frame in by_frame]
    final_error = [landmark_error(one.landmarks, true.landmarks, true.head) for one, true in pairs]
    true_corners = [crop_corners(true.head, KIND) for _, true in pairs]
    raw = corner_errors([_raw_corners(one) for one, _ in pairs], true_corners)
    final_corners = [crop_corners(one.head, KIND) for one, _ in pairs]
    final = corner_errors(final_corners, true_corners)
    path, true_path = (np.array(corners).mean(1) for corners in (final_corners, true_corners))
    middle = np.array([0.0, -CROP_LIFT[KIND], CENTRE_DEPTH])
    return {
        "frames": len(truth),
        "faces": len(pairs),
        "error": {f"{low}-{high}": _errors(pairs, low, high) for low, high in BINS},
        "corners": _raw_and_final(np.linalg.norm(raw, axis=2).mean(1), np.linalg.norm(final, axis=2).mean(1)),
        "jitter": _raw_and_final(jitter(raw), jitter(final)),
        "lag": lag(path, true_path),
        "confidence_rank": rank_correlation([one.confidence for one, _ in pairs], final_error),
        "scale_spread": spread([one.head.scale_at(middle) / true.head.scale_at(middle) for one, true in pairs]),
    }


def measure_still(sample: Path, events: Events, landmarker: str = "mediapipe") -> dict[str, Any]:
    """Extract one frame of the ``sample`` plate, repeated under grain of its own: whatever moves then is jitter.

    Returns ``frames``, ``grain`` and ``jitter`` of the crop's corners as :func:`measure_shots` does.
    """
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        followed = followed_largest(still(sample, Path(folder), STILL_FRAMES, GRAIN), landmarker, events)
    fixed = [crop_corners(followed[0].head, KIND)] * len(followed)
    raw = corner_errors([_raw_corners(one) for one in followed], fixed)
    final = corner_errors([crop_corners(one.head, KIND) for one in followed], fixed)
    return {"frames": len(followed), "grain": GRAIN, "jitter": _raw_and_final(jitter(raw), jitter(final))}


def _landmarkers() -> list[str]:
    """Those that can be built here."""
    built = []
    for name in get_args(AnalysisOptions.model_fields["landmarker"].annotation):
        try:
            build_landmarker(name, None)
        except ComponentError:
            continue
        built.append(name)
    return built


def followed_largest(plate: str, landmarker: str, events: Events) -> list[Followed]:
    """The largest face of a plate, frame by frame, extracted anew."""
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        out = Path(folder) / "faces"
        options: dict[str, Any] = {"landmarker": landmarker, "face": "largest", "crop_size": 64}
        extract.run(ExtractSettings(plate=plate, out=out, **options), events)
        tracks = read_tracks(out).tracks
    return sorted((one for track in tracks for one in track.frames.values()), key=lambda one: one.frame)


def _raw_corners(one: Followed) -> Any:
    """The crop's corners as the raw landmarks alone would lay them."""
    return None if one.raw is None else crop_corners(fit_head(one.raw), KIND)


def _errors(pairs: Sequence[tuple[Followed, TrueFace]], low: int, high: int) -> dict[str, Any]:
    own = [(one, true) for one, true in pairs if low <= abs(true.head.angles[0]) < high]
    raw = [landmark_error(one.raw, true.landmarks, true.head) for one, true in own if one.raw is not None]
    refined = [landmark_error(one.refined, true.landmarks, true.head) for one, true in own]
    final = [landmark_error(one.landmarks, true.landmarks, true.head) for one, true in own]
    return {
        "frames": len(own),
        "landmarked": len(raw),
        "raw": _mean(raw),
        "refined": _mean(refined),
        "final": _mean(final),
    }


def _raw_and_final(raw: Any, final: Any) -> dict[str, float | None]:
    """Means of both where both have a figure, and their ratio."""
    both = np.isfinite(raw) & np.isfinite(final)
    if not both.any():
        return {"raw": None, "final": _mean(final), "ratio": None}
    before, after = float(raw[both].mean()), float(final[both].mean())
    return {"raw": before, "final": after, "ratio": after / before if before > 0 else None}


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
