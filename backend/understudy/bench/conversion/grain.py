"""Whether the grain that is laid over a new face is the plate's: known grain is put on a plate, measured and laid again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from understudy.bench.rendering.plates import still
from understudy.convert.finish.grain import Grain
from understudy.convert.finish.grain_measure import measure_grain
from understudy.events import Events
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate
from understudy.review.truth import read_truth

GRAIN = 0.02
"""Standard deviation of the grain that is put on, at scene-linear 1; it falls with the root of the light."""

COARSENESS = {"white": 0.0, "coarse": 0.8}
"""By kind of grain: sigma in pixels of the blur that white noise went through."""

FRAMES = 3
"""Frames of the plate on which grain is measured."""

STILL = 12
"""Frames of the still plate."""

_MARGIN = 0.5  # the region reaches past the landmarks by this part of their extent

Picture = NDArray[np.float32]
Box = tuple[slice, slice]


def measure(events: Events, sample: Path) -> dict[str, Any]:
    """Put grain on the plate of the ``sample`` folder, measure it around the face, and lay it over the clean face.

    Returns for each kind of grain ``variance``, what is laid on the face as a part of what was put there, and
    ``correlation_1`` and ``correlation_2``, at one and two pixels along x, the same way (for white grain, which has none,
    what is laid). ``still`` is for a plate that stands still with white grain of its own: the standard deviation over
    time of a still face with the plate's grain laid on, as a part of the plate's. ``clean`` is the standard deviation
    that is found on the plate as it is, as a part of the light. The sample needs ``plate.truth.json``.
    """
    regions = _regions(sample)
    report: dict[str, Any] = {}
    faces = [picture[box] for picture, box in regions]
    clean = measure_grain([picture for picture, _ in regions])
    light = np.mean([face.mean((0, 1)) for face in faces], axis=0, dtype=np.float32)
    report["clean"] = float(np.sqrt(clean.variance(light[None])).mean() / light.mean())
    for done, (kind, sigma) in enumerate(COARSENESS.items(), 1):
        events.raise_if_stopping()
        report[kind] = _compared(regions, sigma)
        events.progress(done, len(COARSENESS) + 1, "grains")
    report["still"] = _flicker(sample)
    events.progress(len(COARSENESS) + 1, len(COARSENESS) + 1, "grains")
    return report


def _regions(sample: Path) -> list[tuple[Picture, Box]]:
    """Regions of a few frames of the plate around the face, with where the face is within each."""
    plate = open_plate((sample / "plate.%04d.exr").as_posix())
    true = read_truth(sample / "plate.truth.json")
    found = []
    for face in (true[len(true) * index // FRAMES] for index in range(FRAMES)):
        frame = read_frame(plate, face.frame)
        low, high = face.landmarks.min(0), face.landmarks.max(0)
        reach = _MARGIN * (high - low).max()
        x0, y0 = np.maximum(low - reach, 0).astype(int)
        x1, y1 = (high + reach).astype(int)
        (left, top), (right, bottom) = (low - (x0, y0)).astype(int), (high - (x0, y0)).astype(int)
        found.append((np.asarray(frame.rgb[y0:y1, x0:x1], np.float32), np.s_[top:bottom, left:right]))
    return found


def _compared(regions: list[tuple[Picture, Box]], sigma: float) -> dict[str, float]:
    """What is laid on the faces against what was put there, for grain of ``sigma``."""
    random = np.random.default_rng(1)
    put = [_known(picture, sigma, random) for picture, _ in regions]
    grain = measure_grain([picture + noise for (picture, _), noise in zip(regions, put, strict=True)])
    laid = [grain.lay(picture, seed=seed) - picture for seed, (picture, _) in enumerate(regions)]
    true, made = (
        np.mean([_moments(noise[box]) for noise, (_, box) in zip(noises, regions, strict=True)], axis=0)
        for noises in (put, laid)
    )
    variance, near, far = made / (true if sigma else (true[0], 1.0, 1.0))
    return {"variance": float(variance), "correlation_1": float(near), "correlation_2": float(far)}


def _known(picture: Picture, sigma: float, random: np.random.Generator) -> Picture:
    """Grain for ``picture``, made in another way than :class:`Grain` makes it."""
    noise = random.standard_normal(picture.shape)
    if sigma:
        noise = gaussian_filter(noise, (sigma, sigma, 0), mode="wrap")
        noise /= noise.std()
    return np.asarray(GRAIN * np.sqrt(np.maximum(picture, 0) + 0.01) * noise, np.float32)


def _moments(noise: Picture) -> tuple[float, float, float]:
    """Variance, and correlation at one and two pixels along x."""
    variance = float(np.mean(noise**2))
    near, far = (float(np.mean(noise[:, step:] * noise[:, :-step])) / variance for step in (1, 2))
    return variance, near, far


def _flicker(sample: Path) -> float:
    """Standard deviation over time of a still face with grain, as a part of the still plate's under it."""
    (_, box), *_ = _regions(sample)
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as temporary:
        plate = open_plate(still(sample, Path(temporary), STILL, GRAIN))
        frames = [np.asarray(read_frame(plate, number).rgb, np.float32) for number in plate.frames]
    grain: Grain = measure_grain(frames[:: STILL // FRAMES])
    swap = np.mean(frames, axis=0)[box]
    laid = [grain.lay(swap, seed=number) for number in plate.frames]
    made, true = (np.std(shots, axis=0, ddof=1).mean() for shots in (laid, [frame[box] for frame in frames]))
    return float(made / true)
