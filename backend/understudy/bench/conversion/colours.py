"""Whether the colour match brings wrong light back: a perfect prediction under another light, matched to the plate."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.convert.colour.colour_over_time import MatchOverTime, Samples
from understudy.convert.colour.relight import relit
from understudy.convert.colour_match import Method, Pixels, Space, pixels_under
from understudy.events import Events
from understudy.face.geometry import CropKind, crop_matrix
from understudy.face.hull import eye_mask, face_mask
from understudy.faceset.aligned import load_aligned
from understudy.faceset.store import Faceset
from understudy.imaging.affine import FloatArray
from understudy.imaging.resample import warp
from understudy.model.log_curve import decode, encode
from understudy.model.normalisation import ColourStats, gate, measure_light
from understudy.plate.colour import ColourManager
from understudy.plate.reader import probe, read_channel, read_frame
from understudy.plate.sequence import Plate, open_plate
from understudy.review.metrics import compare_pictures, mean, weighted_mean
from understudy.review.truth import read_truth
from understudy.settings import ConversionOptions, ExtractSettings
from understudy.stages import extract

KIND: CropKind = "whole"
SIZE = 128
"""Side of the crops in pixels."""

SLOPE = 0.5
"""Stops by which the wrong light rises from one side of the crop's middle half to the other: no one map undoes that."""

WARM_FRAMES = "1001-1024x3"
"""Frames of the other set on which its light is measured."""

STILL_FRAMES = 24
GRAIN = 0.02
"""Standard deviation of the still plate's grain at scene-linear 1."""

WINDOW = 8
"""Frames of the window whose steadiness is told beside that of one map for the shot."""


@dataclass(frozen=True, eq=False)
class Cut:
    """One frame's crops, (SIZE, SIZE, 3) scene-linear in the working space, and where its face is seen."""

    frame: int
    plate: Pixels
    truth: Pixels
    face: NDArray[np.float32]  # (SIZE, SIZE) 0..1 without what stands before it
    hull: NDArray[np.float32]  # (SIZE, SIZE) the landmarks' outline
    covered: NDArray[np.float32]  # (SIZE, SIZE) eyes, brows and what stands before the face


def measure(events: Events, sample: Path) -> dict[str, Any]:
    """Give the true render of the ``sample`` folder another light, and match it to the plate's face by every method.

    That light is what the sample's warm set does to the same person: mean and spread of each channel of her skin in
    ``target_A`` against the plate, in code values, and a slope of :data:`SLOPE` stops across the face.

    Returns ``frames``; ``unmatched``, the mean dE2000 against the truth inside the true mask of the face; ``relit``, the
    same where only the broad light is laid on; ``methods`` by name and space with ``matched`` and ``relit`` (the match,
    then the broad light); ``default`` with ``method``, ``space``, ``relight`` and ``de2000`` as conversion's options
    say, and its ``ratio`` to ``unmatched``; and ``still``, the largest change of scene-linear light from frame to frame
    that the default's map makes of one picture over a plate that stands still under grain: ``shot`` and, with a window
    of :data:`WINDOW` frames, ``window``. Raises MissingInputError when the sample lacks a picture.
    """
    events.note("Matching a true face in another light.")
    colours = ColourManager.discover()
    cuts = _cuts(sample, colours, events)
    light = _WrongLight.measure(sample, cuts, events)
    painted = [light(cut.truth) for cut in cuts]
    options = ConversionOptions()
    judge = _Judge(colours, cuts, options.relight_reach)
    samples = {cut.frame: pixels_under(one, cut.plate, cut.face) for cut, one in zip(cuts, painted, strict=True)}
    methods: dict[str, dict[str, dict[str, float]]] = {}
    ways = [(method, space) for method in get_args(Method) if method != "none" for space in get_args(Space)]
    for done, (method, space) in enumerate(ways, 1):
        events.raise_if_stopping()
        over_time = MatchOverTime(samples, method, space, seed=0, window=0)
        matched = [over_time.at(cut.frame)(one) for cut, one in zip(cuts, painted, strict=True)]
        methods.setdefault(method, {})[space] = {"matched": judge(matched), "relit": judge(matched, relight=1.0)}
        events.progress(done, len(ways), "colour matches")
    unmatched = judge(painted)
    return {
        "frames": len(cuts),
        "unmatched": unmatched,
        "relit": judge(painted, relight=1.0),
        "methods": methods,
        "default": _default(options, samples, painted, judge, unmatched),
        "still": _still(options, cuts[0], painted[0]),
    }


@dataclass(frozen=True)
class _WrongLight:
    """What a change of light does to the colours of a crop."""

    here: ColourStats
    there: ColourStats

    @staticmethod
    def measure(sample: Path, cuts: Sequence[Cut], events: Events) -> _WrongLight:
        """From the light of the shot to that of the sample's other set, in which there is no truth about the face."""
        with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
            out = Path(folder) / "faces"
            pattern = (sample / "target_A.%04d.exr").as_posix()
            extract.run(ExtractSettings(plate=pattern, frames=WARM_FRAMES, out=out), events.within("extract"))
            faceset = Faceset.open(out)
            warm = load_aligned(faceset, faceset.faces(), SIZE)
        here = _light(np.stack([cut.plate for cut in cuts]), np.stack([cut.hull for cut in cuts]))
        return _WrongLight(here, _light(warm.rgb, warm.mask))

    def __call__(self, picture: Pixels) -> Pixels:
        codes = self.there.restore(self.here.normalise(_codes(picture)[None]))[0]
        across = np.clip((np.arange(SIZE) + 0.5) / SIZE * 2 - 1, -0.5, 0.5)  # the middle half of the crop is the face
        return np.asarray(_linear(codes) * np.exp2(SLOPE * across)[None, :, None], np.float32)


class _Judge:
    """How far pictures of the shot's faces are from the truth."""

    def __init__(self, colours: ColourManager, cuts: Sequence[Cut], reach: float) -> None:
        self._colours, self._cuts, self._reach = colours, cuts, reach
        self._truth = [colours.to_display(cut.truth) for cut in cuts]

    def __call__(self, pictures: Sequence[Pixels], relight: float = 0.0) -> float:
        """The mean dE2000 inside the faces, by frames, with so much of the plate's broad light laid on before."""
        found = list[float | None]()
        for cut, picture, truth in zip(self._cuts, pictures, self._truth, strict=True):
            window = gate(torch.from_numpy(cut.face)[None, None])[0]
            covered = torch.from_numpy(cut.covered)[None]
            codes = relit(_codes(picture), _codes(cut.plate), window, covered, amount=relight, reach=self._reach)
            shown = self._colours.to_display(_linear(codes))
            found.append(weighted_mean(compare_pictures(shown, truth).de2000, cut.face))
        return mean(found) or 0.0


def _default(
    options: ConversionOptions, samples: Samples, painted: Sequence[Pixels], judge: _Judge, unmatched: float
) -> dict[str, Any]:
    """The figures of the match that conversion makes when it is told nothing."""
    over_time = MatchOverTime(samples, options.colour_match, options.colour_encoding, seed=0, window=0)
    matched = [over_time.at(frame)(one) for frame, one in zip(samples, painted, strict=True)]
    found = judge(matched, options.relight)
    return {
        "method": options.colour_match,
        "space": options.colour_encoding,
        "relight": options.relight,
        "de2000": found,
        "ratio": found / unmatched,
    }


def _still(options: ConversionOptions, cut: Cut, painted: Pixels) -> dict[str, float]:
    """The largest change from frame to frame of one picture's light, over a plate that is ``cut`` under new grain."""
    random = np.random.default_rng(1)
    samples = {}
    for frame in range(STILL_FRAMES):
        grain = random.normal(0.0, GRAIN, cut.plate.shape) * np.sqrt(np.maximum(cut.plate, 0.0))
        samples[frame] = pixels_under(painted, (cut.plate + grain).astype(np.float32), cut.face)
    found = {}
    for name, window in (("shot", 0), ("window", WINDOW)):
        over_time = MatchOverTime(samples, options.colour_match, options.colour_encoding, seed=0, window=window)
        pictures = [over_time.at(frame)(painted)[cut.face >= 0.5] for frame in samples]
        found[name] = max(float(np.abs(after - before).max()) for before, after in pairwise(pictures))
    return found


def _cuts(sample: Path, colours: ColourManager, events: Events) -> list[Cut]:
    """Plate and truth through the true crops of the plate's face."""
    plate, truth = (open_plate((sample / f"{name}.%04d.exr").as_posix()) for name in ("plate", "truth"))
    cuts = []
    for true in read_truth(sample / "plate.truth.json"):
        events.raise_if_stopping()
        matrix = crop_matrix(true.head, KIND, SIZE)
        face, occluder = (
            np.clip(warp(read_channel(truth.path(true.frame), name)[..., None], matrix, SIZE)[..., 0], 0, 1)
            for name in ("mask.face", "mask.occluder")
        )
        cuts.append(
            Cut(
                frame=true.frame,
                plate=_crop(plate, true.frame, matrix, colours),
                truth=_crop(truth, true.frame, matrix, colours),
                face=face * (1 - occluder),
                hull=face_mask(true.landmarks, matrix, SIZE) * (1 - occluder),
                covered=np.maximum(eye_mask(true.landmarks, matrix, SIZE), occluder),
            )
        )
    return cuts


def _crop(plate: Plate, frame: int, matrix: FloatArray, colours: ColourManager) -> Pixels:
    space = colours.input_space(plate, probe(plate), None).name
    return colours.to_working(warp(read_frame(plate, frame).rgb, matrix, SIZE), space)


def _light(faces: NDArray[np.floating[Any]], masks: NDArray[np.floating[Any]]) -> ColourStats:
    """The light of (N, SIZE, SIZE, 3) crops under their (N, SIZE, SIZE) masks."""
    codes = encode(torch.from_numpy(faces).permute(0, 3, 1, 2).float())
    return measure_light(codes, torch.from_numpy(masks)[:, None].float())


def _codes(picture: Pixels) -> torch.Tensor:
    """(SIZE, SIZE, 3) scene-linear as (3, SIZE, SIZE) code values."""
    return encode(torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1))


def _linear(codes: torch.Tensor) -> Pixels:
    """The inverse of :func:`_codes`."""
    return decode(codes).permute(1, 2, 0).contiguous().numpy()
