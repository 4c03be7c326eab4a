"""Measures how near sequence A is to sequence B, inside and outside a matte."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import MissingInputError, UsageError
from understudy.events import Events
from understudy.plate.colour import ColourManager
from understudy.plate.files import write_json
from understudy.plate.frame import Frame
from understudy.plate.matte import Matte, laid_over
from understudy.plate.ranges import format_range
from understudy.plate.reader import probe, read_frames
from understudy.plate.sequence import Plate, open_plate
from understudy.review.metrics import (
    Mask,
    Measures,
    Picture,
    Steadiness,
    compare_motion,
    compare_pictures,
    mean,
    measure,
    pooled_mse,
    psnr,
)
from understudy.review.regions import regions
from understudy.settings import CompareSettings

_PANELS = {"psnr": "PSNR dB", "ssim": "SSIM", "de2000": "dE2000", "flicker": "flicker", "residual": "residual flicker"}
_UNCHANGED = Steadiness(None, None, None)  # of a first frame


def run(settings: CompareSettings, events: Events) -> dict[str, Any]:
    """Compare A with B over A's display window, as they look under the view (plain sRGB by default).

    The report's ``frames`` hold one record a frame, ``shot`` the summary; each has ``inside`` and ``outside`` the
    matte, or only ``whole`` where no matte is given. Figures of a frame: ``pixels`` (sum of the matte), ``not_finite``
    (pixels that are Inf or NaN in A or B: left out of every figure), ``mse``, ``psnr`` (null when the pictures are the
    same there), ``ssim``, ``de2000``, and against the frame before ``change_a``, ``change_b``, ``flicker``,
    ``residual``: see :class:`Steadiness`. Of a shot: ``psnr_shot`` of the mean squared error over all frames' pixels,
    ``psnr_mean`` the mean of the frames' values (without those that are the same), and for the rest the mean of the
    frames' values; ``flicker`` is the ratio of the mean changes. What cannot be measured is null.

    Writes compare.json and compare.png when ``out`` is given. Raises MissingInputError when frames of A are missing
    in B, UsageError when sizes differ, and as the plate room does.
    """
    a = open_plate(settings.a, settings.frames)
    b = _partner(a, settings.b)
    colours = ColourManager.discover(settings.ocio)
    looks = [_Look(plate, colours, settings, events) for plate in (a, b)]
    matte = Matte.open(settings.matte, a.frames) if settings.matte else None
    holdout = Matte.open(settings.holdout, a.frames) if settings.holdout else None
    pictures = zip(read_frames(a), read_frames(b), strict=True)
    records: list[_Record] = []
    before: _Pair | None = None
    for number, (frame_a, frame_b) in enumerate(pictures, 1):
        events.raise_if_stopping()
        masks = regions(frame_a.number, frame_a.header, matte, holdout)
        pair = _Pair.of(frame_a, frame_b, looks, masks)
        records.append(_Record.of(frame_a.number, pair, before))
        before = pair
        events.progress(number, len(a.frames), "frames")
    report: dict[str, Any] = {
        "a": a.pattern,
        "b": b.pattern,
        "matte": settings.matte,
        "holdout": settings.holdout,
        "view": settings.view or "sRGB",
        "colour_space": {"a": looks[0].space.name, "b": looks[1].space.name},
        "first": a.frames[0],
        "last": a.frames[-1],
        "shot": {region: _summary(records, region) for region in records[0].measures},
        "frames": [record.told() for record in records],
        "files": [],
    }
    if settings.out:
        _write(settings.out, report, events)
    return report


class _Look:
    """How a plate's frames look: display-encoded, over the display window."""

    def __init__(self, plate: Plate, colours: ColourManager, settings: CompareSettings, events: Events) -> None:
        self._colours = colours
        self._view = settings.view
        self.space = colours.input_space(plate, probe(plate), settings.colour_space)
        events.note(f"{plate.pattern} is in {self.space.name} ({self.space.reason}).")

    def __call__(self, frame: Frame) -> tuple[Picture, NDArray[np.bool_]]:
        """(H, W, 3) in 0..1, and (H, W) where its pixels are finite. Outside the data window it is black."""
        rgb = laid_over(frame.rgb, frame.header.data, frame.header.display)
        finite = np.isfinite(rgb).all(axis=2)
        return self._colours.to_display(self._colours.to_working(rgb, self.space.name), self._view), finite


@dataclass(frozen=True)
class _Pair:
    """One frame of A and of B as they are judged, and the weight of each region."""

    a: Picture
    b: Picture
    regions: dict[str, Mask]
    not_finite: dict[str, int]

    @staticmethod
    def of(frame_a: Frame, frame_b: Frame, looks: list[_Look], regions: dict[str, Mask]) -> _Pair:
        (a, finite_a), (b, finite_b) = looks[0](frame_a), looks[1](frame_b)
        if a.shape != b.shape:
            raise UsageError(
                f"Frame {frame_a.number} of A is {a.shape[1]} x {a.shape[0]} pixels, "
                f"but that of B is {b.shape[1]} x {b.shape[0]}.",
                "Compare sequences of one size.",
            )
        strange = ~(finite_a & finite_b)
        if strange.any():
            a[strange] = b[strange] = 0.0  # alike, so that they do not leak through a window into their neighbours
        counts = {name: int(np.count_nonzero(strange & (mask > 0))) for name, mask in regions.items()}
        kept = {name: np.where(strange, np.float32(0), mask) for name, mask in regions.items()}
        return _Pair(a, b, kept, counts)

    def steadiness(self, region: str, before: _Pair | None) -> Steadiness:
        if before is None or before.a.shape != self.a.shape:
            return _UNCHANGED
        mask = np.minimum(self.regions[region], before.regions[region])
        return compare_motion(self.a, before.a, self.b, before.b, mask)


@dataclass(frozen=True)
class _Record:
    """The figures of one frame by region; no pixels."""

    frame: int
    measures: dict[str, Measures]
    steadiness: dict[str, Steadiness]
    not_finite: dict[str, int]

    @staticmethod
    def of(frame: int, pair: _Pair, before: _Pair | None) -> _Record:
        maps = compare_pictures(pair.a, pair.b)
        return _Record(
            frame,
            {name: measure(maps, mask) for name, mask in pair.regions.items()},
            {name: pair.steadiness(name, before) for name in pair.regions},
            pair.not_finite,
        )

    def told(self) -> dict[str, Any]:
        record: dict[str, Any] = {"frame": self.frame}
        for name, measures in self.measures.items():
            steadiness = self.steadiness[name]
            record[name] = {
                "not_finite": self.not_finite[name],
                **asdict(measures),
                "psnr": measures.psnr,
                **asdict(steadiness),
                "flicker": steadiness.flicker,
            }
        return record


def _partner(a: Plate, text: str) -> Plate:
    """B, with the frames of A."""
    if a.kind == "still":
        b = open_plate(text)
        if b.kind == "still":
            return b  # two pictures are compared whatever their numbers
    try:
        return open_plate(text, format_range(a.frames))
    except MissingInputError as error:
        raise MissingInputError(error.message, "Compare frames that both have, with --frames.") from error


def _summary(records: list[_Record], region: str) -> dict[str, Any]:
    measures = [record.measures[region] for record in records]
    steadiness = [record.steadiness[region] for record in records]
    mse = pooled_mse(measures)
    change = Steadiness(
        mean(step.change_a for step in steadiness),
        mean(step.change_b for step in steadiness),
        mean(step.residual for step in steadiness),
    )
    return {
        "pixels": sum(frame.pixels for frame in measures),
        "not_finite": sum(record.not_finite[region] for record in records),
        "mse": mse,
        "psnr_shot": None if mse is None else psnr(mse),
        "psnr_mean": mean(frame.psnr for frame in measures),
        "ssim": mean(frame.ssim for frame in measures),
        "de2000": mean(frame.de2000 for frame in measures),
        **asdict(change),
        "flicker": change.flicker,
    }


def _write(folder: Path, report: dict[str, Any], events: Events) -> None:
    from understudy.review.plot import plot_frames

    table, plot = folder / "compare.json", folder / "compare.png"
    report["files"] = [str(table), str(plot)]
    frames = report["frames"]
    panels = {
        title: {region: [frame[region][name] for frame in frames] for region in report["shot"]}
        for name, title in _PANELS.items()
    }
    title = f"{report['a']} against {report['b']}"
    plot_frames(plot, title, [frame["frame"] for frame in frames], panels)
    write_json(table, report)
    events.preview(plot)
