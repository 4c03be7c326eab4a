"""Whether tracks turn as the true heads do, and eyes shut and look as the true ones do: on several people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from understudy.bench.extraction.tracks import BINS, followed_largest
from understudy.events import Events
from understudy.face.geometry import HEAD_68, RIGID
from understudy.review.alignment import rank_correlation
from understudy.review.truth import TrueFace, read_truth
from understudy.tracks.openings import usual_eyes
from understudy.tracks.track import Followed

BESIDE = ("full", "side", "cd")
"""Folders beside the sample's, with other people and other light, that are measured as well where they are."""

SHUT, OPEN = 0.6, 0.3
"""How far an eye is truly closed, 0..1, from where on it counts as shut, and up to where as open."""

_SEEN = 0.5  # trust in the better eye from which a frame's opening counts


def measure_heads(sample: Path, events: Events) -> dict[str, Any]:
    """Extract every rendered sequence with a truth document, in the ``sample`` folder and those of :data:`BESIDE`.

    The truth renders are left out: they show a face on somebody else's head. Returns by sequence (``folder/name``) what
    :func:`compare_heads` tells.
    """
    report: dict[str, Any] = {}
    for folder in dict.fromkeys((sample, *(sample.parent / name for name in BESIDE))):
        for name, document in _sequences(folder):
            events.raise_if_stopping()
            title = f"{folder.name}/{name}"
            tracked = followed_largest((folder / f"{name}.%04d.exr").as_posix(), "mediapipe", events.within(title))
            report[title] = compare_heads(tracked, read_truth(document))
    return report


def compare_heads(followed: Sequence[Followed], truth: Sequence[TrueFace]) -> dict[str, Any]:
    """One sequence's figures.

    ``heads`` by bin of true yaw: ``frames``, ``tracked``, ``yaw`` and ``most_yaw`` (mean and largest error, degrees),
    ``pixels`` and ``most_pixels`` (mean and largest over frames of the mean distance of the mean head's rigid points from
    where they truly are, plate pixels). ``eyes``: ``frames`` on which an eye is seen well, ``opening_rank`` and
    ``gaze_rank`` (Spearman's correlation of opening and of gaze to the right with the truth), ``told_apart`` (the share of
    pairs of a shut and an open eye of which the shut one has the smaller opening), and ``shut`` and ``open`` (the mean
    opening where eyes truly are, parts of the usual one); None where the truth does not tell of eyes.
    """
    by_frame = {one.frame: one for one in followed}
    pairs = [(by_frame[true.frame], true) for true in truth if true.frame in by_frame]
    return {
        "heads": {f"{low}-{high}": _heads(pairs, truth, low, high) for low, high in BINS},
        "eyes": _eyes(followed, pairs),
    }


def _sequences(folder: Path) -> Iterator[tuple[str, Path]]:
    for document in sorted(folder.glob("*.truth.json")):
        name = document.name.removesuffix(".truth.json")
        if name != "truth" and list(folder.glob(f"{name}.*.exr")):
            yield name, document


def _within(true: TrueFace, low: float, high: float) -> bool:
    """Whether the true yaw is in a bin; the last one goes on behind the profile."""
    yaw = abs(true.head.angles[0])
    return low <= yaw and (yaw < high or high == BINS[-1][1])


def _heads(
    pairs: Sequence[tuple[Followed, TrueFace]], truth: Sequence[TrueFace], low: int, high: int
) -> dict[str, Any]:
    own = [(one, true) for one, true in pairs if _within(true, low, high)]
    rigid = HEAD_68[RIGID >= 0.5]
    yaw = [abs(one.head.angles[0] - true.head.angles[0]) for one, true in own]
    apart = [np.linalg.norm(one.head.project(rigid) - true.head.project(rigid), axis=1).mean() for one, true in own]
    return {
        "frames": sum(_within(true, low, high) for true in truth),
        "tracked": len(own),
        "yaw": float(np.mean(yaw)) if own else None,
        "most_yaw": float(max(yaw)) if own else None,
        "pixels": float(np.mean(apart)) if own else None,
        "most_pixels": float(max(apart)) if own else None,
    }


def _eyes(followed: Sequence[Followed], pairs: Sequence[tuple[Followed, TrueFace]]) -> dict[str, Any] | None:
    usual = usual_eyes(followed)
    rows = []
    for one, true in pairs:
        if usual is None or one.eye_opening is None or one.eye_trust is None or true.closure is None:
            continue
        better = int(np.argmax(one.eye_trust))
        if one.eye_trust[better] >= _SEEN:
            rows.append((one.eye_opening[better] / usual[better], true.closure[better], one, true))
    if not rows:
        return None
    opening, closed = (np.array([row[column] for row in rows], np.float64) for column in (0, 1))
    looking = [
        (float(one.gaze[0]), -float(true.gaze[0]))
        for *_, one, true in rows
        if one.gaze is not None and true.gaze is not None and true.closure is not None and true.closure.max() < OPEN
    ]
    return {
        "frames": len(rows),
        "opening_rank": rank_correlation(opening.tolist(), closed.tolist()),
        "gaze_rank": rank_correlation(*map(list, zip(*looking, strict=True))) if looking else None,
        "told_apart": float((opening[closed > SHUT][:, None] < opening[closed < OPEN]).mean())
        if (closed > SHUT).any() and (closed < OPEN).any()
        else None,
        "shut": float(opening[closed > SHUT].mean()) if (closed > SHUT).any() else None,
        "open": float(opening[closed < OPEN].mean()) if (closed < OPEN).any() else None,
    }
