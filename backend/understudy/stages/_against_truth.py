"""A converted shot judged by its true render: every measure in one place, for the demo and the benches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.errors import ComponentError
from understudy.events import Events
from understudy.plate.sequence import open_plate
from understudy.review.compared_faces import choose_recogniser
from understudy.review.truth import truth_beside
from understudy.settings import CompareSettings
from understudy.stages.qc import compare

_DIGITS = 4

_NAMES = {
    "psnr": "psnr_mean",
    "ssim": "ssim",
    "de2000": "de2000",
    "light": "light",
    "features": "features",
    "detail": "detail",
    "detail_correlation": "detail_correlation",
    "gradient_correlation": "gradient_correlation",
    "sharpness_ratio": "sharpness_ratio",
    "flicker_ratio": "flicker",
    "error_change": "residual",
}
"""Measures of the picture, and what :func:`understudy.stages.qc.compare.run` calls them."""


def measure_against_truth(
    a: str,
    truth: str,
    plate: str | None,
    source: Path | None,
    events: Events,
    *,
    colour_space: str | None = None,
    recogniser: str = "auto",
    pack: str | None = None,
    faceset: Path | None = None,
    frames: str | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """How near the shot ``a`` is to its ``truth``, a render with channels ``mask.face`` and ``mask.occluder``.

    Inside the face's mask without what stands before it, display-encoded, means over the frames: ``psnr`` (dB),
    ``ssim``, ``de2000``; the root mean squared error by band, ``light``, ``features`` and ``detail`` (0..1);
    ``detail_correlation``, ``gradient_correlation``, ``sharpness_ratio``; ``flicker_ratio``, change from frame to frame
    as a multiple of the truth's; ``error_change``, change of the error from frame to frame (0..1). Of the faces:
    ``landmark_distance``, percent of the eye distance, and ``identity``, how much of the way from the untouched
    ``plate`` (0) to the truth (1) the face has gone towards the ``source`` faceset; None without these two, and with the
    recogniser ``auto`` where none is installed. ``by_pose`` has the same for ``frontal``, ``three_quarter`` and
    ``profile`` frames, with the count of ``frames``; None where nothing knows the yaw (as ``compare`` finds it).

    ``out`` keeps compare.json and compare.png. Raises what :func:`understudy.stages.qc.compare.run` raises.
    """
    wanted: dict[str, Any] = {}
    if plate is not None and truth_beside(open_plate(plate)) is not None:
        wanted = {"plate": plate}  # it knows which way the face looks
    if plate is not None and source is not None and _can_recognise(recogniser, pack, events):
        wanted = {"plate": plate, "source": source, "recogniser": recogniser, "pack": pack}
    report = compare.run(
        CompareSettings(
            a=a,
            b=truth,
            matte=f"{truth}:mask.face",
            holdout=f"{truth}:mask.occluder",
            frames=frames,
            colour_space=colour_space,
            landmarks="yes",
            faceset=faceset,
            out=out,
            **wanted,
        ),
        events,
    )
    poses = report["poses"]
    return {
        **_told(report["shot"]["inside"], report),
        "by_pose": poses and {pose: {"frames": one["frames"], **_told(one, one)} for pose, one in poses.items()},
    }


def _told(inside: dict[str, Any], faces: dict[str, Any]) -> dict[str, float | None]:
    figures = {name: inside[key] for name, key in _NAMES.items()}
    figures["landmark_distance"] = faces["landmarks"] and faces["landmarks"]["percent"]
    figures["identity"] = faces["identity"] and faces["identity"]["gained"]
    return {name: None if value is None else round(value, _DIGITS) for name, value in figures.items()}


def _can_recognise(recogniser: str, pack: str | None, events: Events) -> bool:
    """Whether the recogniser is there; one that was named and is not is for :mod:`compare` to complain of."""
    if recogniser != "auto" or pack is not None:
        return True
    try:
        choose_recogniser(recogniser, pack)
    except ComponentError as error:
        events.note(f"{error.message} Identity is not measured. {error.hint}")
        return False
    return True
