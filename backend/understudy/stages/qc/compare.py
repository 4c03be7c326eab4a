"""Measures how near sequence A is to sequence B: the pictures, inside and outside a matte, and the faces in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from understudy.plate.square import stretch_of
from understudy.review.bands import band_errors, face_size
from understudy.review.compared_faces import FaceJudge, check_faces_asked, yaws
from understudy.review.comparison import FaceFigures, FrameFigures, RegionFigures, by_pose, summarise, summarise_faces
from understudy.review.detail import measure_detail
from understudy.review.metrics import Mask, Picture, Steadiness, compare_motion, compare_pictures, measure
from understudy.review.regions import regions
from understudy.settings import CompareSettings

_PANELS = {"psnr": "PSNR dB", "ssim": "SSIM", "de2000": "dE2000", "flicker": "flicker", "residual": "residual flicker"}
_FACE_PANELS = {
    "error by band": ("light", "features", "detail"),
    "correlation": ("detail_correlation", "gradient_correlation"),
    "sharpness": ("sharpness_ratio",),
}
"""Of the inside of a matte alone."""

_UNCHANGED = Steadiness(None, None, None)  # of a first frame


def run(settings: CompareSettings, events: Events) -> dict[str, Any]:
    """Compare A with B over A's display window, as they look under the view (plain sRGB by default).

    The report's ``frames`` hold one record a frame, ``shot`` the summary; each has ``inside`` and ``outside`` the
    matte, or only ``whole`` where no matte is given. Figures of a frame: ``pixels`` (sum of the matte), ``not_finite``
    (pixels that are Inf or NaN in A or B: left out of every figure), ``mse``, ``psnr`` (null when the pictures are the
    same there), ``ssim``, ``de2000``, and against the frame before ``change_a``, ``change_b``, ``flicker``,
    ``residual``: see :class:`Steadiness`. Inside a matte also ``light``, ``features``, ``detail`` (:class:`BandErrors`),
    ``detail_correlation``, ``gradient_correlation`` and ``sharpness_ratio`` (:class:`DetailMeasures`).
    Of a shot: ``psnr_shot`` of the mean squared error over all frames' pixels, ``psnr_mean`` the mean of the frames'
    values (without those that are the same), and for the rest the mean of the frames' values; ``flicker`` is the ratio
    of the mean changes. What cannot be measured is null.

    About the faces, over the frames on which B's is landmarked, seen and within 45 degrees of yaw: ``landmarks``, how far A's lie
    from B's (``pixels``, ``percent`` of the eye distance, ``frames``, ``not_found`` on A), and ``identity``
    (``gained`` on the way from the plate, 0, to B, 1; the mean cosines ``a``, ``b``, ``plate`` to the source; ``frames``).
    ``poses`` has all of this for ``frontal``, ``three_quarter`` and ``profile`` frames by themselves, where the yaw is
    known. Each of the three is null where it was not asked for.

    Writes compare.json and compare.png when ``out`` is given. Raises MissingInputError when frames of A are missing
    in B, UsageError when sizes differ and for options of which nothing comes, ComponentError when a recogniser or
    landmarker is missing, FacesetError, and as the plate room does.
    """
    a = open_plate(settings.a, settings.frames)
    b = _partner(a, settings.b, "both")
    plate = _partner(a, settings.plate, "all") if settings.plate else None
    check_faces_asked(settings, b, plate)
    colours = ColourManager.discover(settings.ocio)
    judge = FaceJudge.of(settings, colours, b, events)
    turns = yaws(settings, b, plate, events)
    untouched = plate if settings.source else None
    looks = {
        name: _Look(one, colours, settings, events)
        for name, one in (("A", a), ("B", b), ("the plate", untouched))
        if one
    }
    matte = Matte.open(settings.matte, a.frames) if settings.matte else None
    holdout = Matte.open(settings.holdout, a.frames) if settings.holdout else None
    records: list[FrameFigures] = []
    before: _Pair | None = None
    for number, frames in enumerate(_together(a, b, untouched), 1):
        events.raise_if_stopping()
        first = frames[0]
        pair = _Pair.of(frames, looks, regions(first.number, first.header, matte, holdout))
        yaw = turns.get(first.number)
        stretch = stretch_of(first.header.pixel_aspect)
        inside = pair.regions.get("inside")
        face = judge(pair.a, pair.b, pair.plate, inside, yaw, stretch) if judge else FaceFigures()
        records.append(FrameFigures(first.number, pair.figures(before), yaw, face))
        before = pair
        events.progress(number, len(a.frames), "frames")
    names = list(records[0].regions)
    report: dict[str, Any] = {
        "a": a.pattern,
        "b": b.pattern,
        "matte": settings.matte,
        "holdout": settings.holdout,
        "view": settings.view or "sRGB",
        "colour_space": {"a": looks["A"].space.name, "b": looks["B"].space.name},
        "source": None if settings.source is None else settings.source.as_posix(),
        "plate": None if plate is None else plate.pattern,
        "recogniser": str(judge.recogniser) if judge and judge.recogniser else None,
        "first": a.frames[0],
        "last": a.frames[-1],
        "shot": {region: summarise(records, region) for region in names},
        **summarise_faces(records),
        "poses": by_pose(records, names[0]),
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
    """One frame of A, of B and of the plate as they are judged, and the weight of each region."""

    a: Picture
    b: Picture
    plate: Picture | None
    regions: dict[str, Mask]
    not_finite: dict[str, int]

    @staticmethod
    def of(frames: tuple[Frame, ...], looks: dict[str, _Look], regions: dict[str, Mask]) -> _Pair:
        shown = {name: look(frame) for (name, look), frame in zip(looks.items(), frames, strict=True)}
        (a, finite_a), (b, finite_b) = shown["A"], shown["B"]
        for name, (picture, _) in shown.items():
            if picture.shape != a.shape:
                raise UsageError(
                    f"Frame {frames[0].number} of A is {a.shape[1]} x {a.shape[0]} pixels, "
                    f"but that of {name} is {picture.shape[1]} x {picture.shape[0]}.",
                    "Compare sequences of one size.",
                )
        strange = ~(finite_a & finite_b)
        if strange.any():
            a[strange] = b[strange] = 0.0  # alike, so that they do not leak through a window into their neighbours
        counts = {name: int(np.count_nonzero(strange & (mask > 0))) for name, mask in regions.items()}
        kept = {name: np.where(strange, np.float32(0), mask) for name, mask in regions.items()}
        plate = shown["the plate"][0] if "the plate" in shown else None
        return _Pair(a, b, plate, kept, counts)

    def figures(self, before: _Pair | None) -> dict[str, RegionFigures]:
        """By region; ``before`` is the frame before."""
        maps = compare_pictures(self.a, self.b)
        figures = {}
        for name, mask in self.regions.items():
            structure: dict[str, Any] = {}
            if name == "inside":
                size = face_size(mask)
                structure = {
                    "bands": band_errors(self.a, self.b, mask, size),
                    "detail": measure_detail(self.a, self.b, mask, size),
                }
            steadiness = self._steadiness(name, before)
            figures[name] = RegionFigures(measure(maps, mask), steadiness, self.not_finite[name], **structure)
        return figures

    def _steadiness(self, region: str, before: _Pair | None) -> Steadiness:
        if before is None or before.a.shape != self.a.shape:
            return _UNCHANGED
        mask = np.minimum(self.regions[region], before.regions[region])
        return compare_motion(self.a, before.a, self.b, before.b, mask)


def _together(a: Plate, b: Plate, plate: Plate | None) -> Iterator[tuple[Frame, ...]]:
    """A's, B's and, where it is given, the plate's pictures, frame by frame."""
    return zip(*(read_frames(one) for one in (a, b, plate) if one), strict=True)


def _partner(a: Plate, text: str, who: str) -> Plate:
    """B or the plate, with the frames of A; ``who`` has to have them."""
    if a.kind == "still":
        b = open_plate(text)
        if b.kind == "still":
            return b  # two pictures are compared whatever their numbers
    try:
        return open_plate(text, format_range(a.frames))
    except MissingInputError as error:
        raise MissingInputError(error.message, f"Compare frames that {who} have, with --frames.") from error


def _write(folder: Path, report: dict[str, Any], events: Events) -> None:
    from understudy.review.pages.plot import plot_frames

    table, plot = folder / "compare.json", folder / "compare.png"
    report["files"] = [str(table), str(plot)]
    frames = report["frames"]
    panels = {
        title: {region: [frame[region][name] for frame in frames] for region in report["shot"]}
        for name, title in _PANELS.items()
    }
    if "inside" in report["shot"]:
        panels |= {
            title: {name.replace("_", " "): [frame["inside"][name] for frame in frames] for name in names}
            for title, names in _FACE_PANELS.items()
        }
    if report["landmarks"]:
        panels["landmarks %"] = {"A from B": [(frame["landmarks"] or {}).get("percent") for frame in frames]}
    if report["identity"]:
        panels["likeness"] = {
            name: [(frame["likeness"] or {}).get(name) for frame in frames] for name in ("a", "b", "plate")
        }
    title = f"{report['a']} against {report['b']}"
    plot_frames(plot, title, [frame["frame"] for frame in frames], panels)
    write_json(table, report)
    events.preview(plot)
