"""What a new face from footage promises, beside what was measured of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

HIGHER = ("psnr", "ssim", "detail_correlation", "gradient_correlation", "identity")
LOWER = ("de2000", "light", "features", "detail", "landmark_distance", "error_change")
AS_ONE = {"sharpness_ratio": (0.85, 1.1), "flicker_ratio": (0.0, 1.1)}
"""Measures of which more is nearer to the truth, less is, and 1 is; the last with the range that is good enough, for the
plate, a picture of the same camera, is as sharp and as steady as the truth by itself."""

PSNR_GAIN = 1.0
"""dB over the untouched plate."""

IDENTITY = 0.8
RANK = 0.9
FLICKER = 1.1
STILL = 1.0
SMALL_SECONDS, SMALL = 0.5, (512, 288)
HD_SECONDS = 1.5
GROWTH = 256 * 1024
"""Bytes a further frame: far below one crop of 256 px, 768 KiB, so that no picture is kept a frame."""


@dataclass(frozen=True)
class Limit:
    """A promise: ``measured`` has to be at least ``low`` and at most ``high``; what was not measured is None."""

    number: int  # of the promise
    what: str
    measured: float | None
    low: float | None = None
    high: float | None = None
    optional: bool = False  # whether it may be left unmeasured, for want of a recogniser or of blinks

    def told(self, pair: str) -> dict[str, Any]:
        """For a report; ``met`` is None where it was not to be measured."""
        met: bool | None = None
        if self.measured is not None:
            met = (self.low is None or self.measured >= self.low) and (self.high is None or self.measured <= self.high)
        elif not self.optional:
            met = False
        return {
            "number": self.number, "pair": pair, "what": self.what, "measured": self.measured,
            "low": self.low, "high": self.high, "met": met,
        }  # fmt: skip


KNOWN = {
    "psnr": (26.7, None),
    "ssim": (0.86, None),
    "de2000": (None, 3.25),
    "detail_correlation": (0.45, None),
    "sharpness_ratio": AS_ONE["sharpness_ratio"],
}
"""What the sample's own people, A and B, have to reach in the sample's own shot."""

KNOWN_IDENTITY = 0.9
KNOWN_PAIRS = ("sample", "demo", "full")
"""Folders of that shot."""


def worse(name: str, result: float | None, plate: float | None) -> bool:
    """Whether ``result`` is farther from the truth than the untouched ``plate`` by the measure ``name``."""
    if result is None or plate is None:
        return False
    if name in HIGHER:
        return result < plate
    if name in LOWER:
        return result > plate
    if name in AS_ONE:
        low, high = AS_ONE[name]
        return not low <= result <= high and abs(result - 1) > abs(plate - 1)
    return False


def worse_by_pose(result: dict[str, Any], plate: dict[str, Any]) -> dict[str, list[str]]:
    """By pose the measures by which ``result`` is worse than the ``plate``; both as ``measure_against_truth`` tells them."""
    ours, theirs = (one["by_pose"] or {} for one in (result, plate))
    return {
        pose: [name for name in (*HIGHER, *LOWER, *AS_ONE) if worse(name, told.get(name), theirs[pose].get(name))]
        for pose, told in ours.items()
    }


def render_criteria(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The promises with a limit, each with its ``number``, ``pair``, ``what``, ``measured``, ``low``, ``high``, ``met``.

    ``report`` is what :func:`~understudy.bench.rendering.render.measure` collects. None for ``met`` is what could not be
    measured and need not be: identity without a recogniser, lids of a shot without blinks.
    """
    found = [
        limit.told(name)
        for name, pair in report["pairs"].items()
        for limit in (
            *_likeness(name, pair),
            *_steady(pair),
            *_performance(pair["performance"]["result"]),
            *_seconds(pair),
        )
    ]
    cost, memory, first = report["hd"], report["memory"], next(iter(report["pairs"]))
    found.append(Limit(6, "the same at 1080p", cost["rendering"], high=HD_SECONDS).told(first))
    found.append(Limit(6, "memory a further frame, KiB", memory["growth"] / 1024, high=GROWTH / 1024).told(first))
    return found


def _likeness(name: str, pair: dict[str, Any]) -> Iterator[Limit]:
    plate, result = pair["untouched"], pair["result"]
    known = name in KNOWN_PAIRS
    limits = KNOWN if known else {
        "psnr": (plate["psnr"] + PSNR_GAIN, None),
        "ssim": (plate["ssim"], None),
        "de2000": (None, plate["de2000"]),
    }  # fmt: skip
    for measure, (low, high) in limits.items():
        yield Limit(1, measure, result[measure], low, high)
    yield Limit(1, "identity", result["identity"], KNOWN_IDENTITY if known else IDENTITY, optional=True)
    for pose, names in pair["worse"].items():
        yield Limit(3, f"{pose}: measures worse than the plate's", float(len(names)), high=0.0)


def _steady(pair: dict[str, Any]) -> Iterator[Limit]:
    yield Limit(4, "flicker_ratio", pair["result"]["flicker_ratio"], high=FLICKER)
    yield Limit(4, "a still plate's grain", pair["still"], high=STILL)


def _performance(told: dict[str, Any]) -> Iterator[Limit]:
    if told["blinks"]:
        yield Limit(5, "lids: rank correlation", told["lids"], low=RANK)
    yield Limit(5, "mouth: rank correlation", told["mouth"], low=RANK, optional=True)


def _seconds(pair: dict[str, Any]) -> Iterator[Limit]:
    if pair["cost"]["size"][0] * pair["cost"]["size"][1] <= SMALL[0] * SMALL[1]:
        yield Limit(6, "seconds of rendering a frame", pair["cost"]["rendering"], high=SMALL_SECONDS)
