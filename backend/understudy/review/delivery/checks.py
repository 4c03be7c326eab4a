"""Whether a converted shot can be delivered: every check by name, what was found over the frames, and the verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from understudy.plate.header import FINGERPRINT
from understudy.review.delivery.delivered import Delivered, Finding
from understudy.review.delivery.pixel_checks import CONFIDENCE, DELTA, MATTE, SWAP

Verdict = Literal["pass", "warn", "fail", "not checked"]


LISTED = 8
"""Frames that a result names, the worst first."""

_NEIGHBOURS = 7  # frames to either side that a file's size is held against
_OUTLIER = 2.0  # times as large, or as small, as its neighbours


@dataclass(frozen=True)
class Check:
    """One thing that is looked at: what it says when all is well, and what has to be there to look at it."""

    name: str
    well: str
    needs: tuple[str, ...] = ("file",)


CHECKS = (
    Check("frames", "Every frame is there.", ()),
    Check("files", "Every file is an EXR with all its pixels.", ()),
    Check("layers", "Every frame has every layer."),
    Check("types", "Every channel has its type."),
    Check("windows", "Data and display windows are as they should be."),
    Check("rate", "Every frame tells the same frame rate."),
    Check("timecode", "The timecode is right on every frame."),
    Check("colour tag", "Every frame tells the same colour space."),
    Check("made of", "Every frame was made of the same things.", ("file", "fingerprint")),
    Check("finite", "No layer holds NaN or Inf that the plate does not hold."),
    Check("untouched", "Outside the matte every bit is the plate's.", ("file", "plate", "colour", "matte")),
    Check("composite", "The matte is applied exactly once.", ("file", "colour", "matte", "swap", "plate or delta")),
    Check("matte", "Mattes and confidence are within 0 and 1.", ("file", "matte")),
    Check("premultiplied", "The swap is premultiplied by the matte.", ("file", "matte", "swap")),
    Check("empty", "Every face that was found has a matte.", ("file", "matte", "confidence")),
    Check("flicker", "The new face is as steady as the plate.", ("file", "plate", "colour", "matte", "movement")),
    Check("edge", "The matte's edge does not show.", ("file", "plate", "colour", "matte", "edge")),
    Check("lossless", "The compression is lossless."),
    Check("half", "The composite is 16-bit half.", ("file", "colour")),
    Check("linear", "The colour space is scene-linear.", ("file", "tag")),
    Check("width", "The picture is wide enough.", ("file", "least width")),
    Check("size", "No file is much larger or smaller than its neighbours.", ()),
)
"""In the order in which they are told."""

_LACKS = {
    "file": "no file could be read",
    "plate": "the plate is not known (--plate)",
    "colour": "there is no composite",
    "matte": "there is no layer matte",
    "swap": "there is no layer swap",
    "confidence": "there is no layer confidence",
    "plate or delta": "there is neither the plate nor a layer delta",
    "movement": "no two frames in a row have a matte and a plate that moves",
    "edge": "no matte has an edge inside the picture",
    "tag": "no file tells its colour space",
    "fingerprint": "no file tells what it was made of",
    "least width": "no width was asked for (--min-width)",
}


@dataclass(frozen=True)
class Result:
    """The outcome of one check: on how many frames something was found, the worst of them, and one sentence."""

    check: str
    verdict: Verdict
    frames: int
    worst: tuple[int, ...]
    told: str


def there_is(frame: Delivered, *, plate: bool) -> set[str]:
    """What of the checks' needs ``frame`` meets by itself, with its ``plate`` or without."""
    met = {
        "file": True,
        "plate": plate,
        "colour": frame.has_colour,
        "matte": MATTE in frame.types,
        "swap": f"{SWAP}.R" in frame.types,
        "confidence": CONFIDENCE in frame.types,
        "plate or delta": plate or f"{DELTA}.R" in frame.types,
        "fingerprint": FINGERPRINT in frame.header.attributes,
        "tag": frame.header.interop_id not in (None, "unknown"),
    }
    return {need for need, is_met in met.items() if is_met}


class Ledger:
    """Collects what is found, frame by frame, and judges at the end."""

    def __init__(self) -> None:
        self._findings: dict[str, list[Finding]] = defaultdict(list)
        self._over_shot: dict[str, str] = {}
        self._looked: dict[str, int] = defaultdict(int)
        self._lacking: dict[str, str] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Keep ``findings``."""
        for finding in findings:
            self._findings[finding.check].append(finding)

    def looked(self, met: Collection[str]) -> None:
        """A frame was looked at that meets so many of the checks' needs."""
        for check in CHECKS:
            lacking = next((need for need in check.needs if need not in met), None)
            if lacking is None:
                self._looked[check.name] += 1
            else:
                self._lacking[check.name] = lacking

    def fail_shot(self, check: str, told: str) -> None:
        """The shot as a whole fails ``check``; ``told`` is a sentence."""
        self._over_shot[check] = told

    def results(self, *, strict: bool = False) -> list[Result]:
        """One result a check. ``strict``: a warning is a failure."""
        return [self._result(check, strict) for check in CHECKS]

    def _result(self, check: Check, strict: bool) -> Result:
        found = self._findings[check.name]
        if not found and check.name not in self._over_shot:
            if check.needs and not self._looked[check.name]:
                why = _LACKS[self._lacking.get(check.name, "file")]
                return Result(check.name, "not checked", 0, (), f"{why[0].upper()}{why[1:]}.")
            return Result(check.name, "pass", 0, (), check.well)
        grave = [finding for finding in found if not finding.warns]
        failed = bool(grave) or check.name in self._over_shot
        # A failure is told before a warning, and the worst one first; of the same the first.
        ordered = sorted(found, key=lambda finding: (finding.warns, -finding.weight, finding.frame))
        frames = list(dict.fromkeys(finding.frame for finding in ordered))
        told = self._over_shot.get(check.name) or f"Frame {ordered[0].frame}: {ordered[0].told}."
        verdict: Verdict = "fail" if failed or strict else "warn"
        return Result(check.name, verdict, len(frames), tuple(frames[:LISTED]), told)


def overall(results: Sequence[Result]) -> Verdict:
    """``fail`` where one check fails, else ``warn`` where one warns, else ``pass``."""
    verdicts = {result.verdict for result in results}
    return "fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "pass"


def check_sizes(sizes: Mapping[int, int], kinds: Mapping[int, bool]) -> list[Finding]:
    """Warnings of files whose size in bytes (by frame) is far from that of the frames around them of the same kind."""
    findings = []
    for kind in (False, True):
        frames = [frame for frame in sorted(sizes) if kinds.get(frame, False) is kind]
        for place, frame in enumerate(frames):
            around = frames[max(place - _NEIGHBOURS, 0) : place] + frames[place + 1 : place + 1 + _NEIGHBOURS]
            if len(around) < 4:
                continue
            usual = median(sizes[other] for other in around)
            ratio = max(sizes[frame], 1) / max(usual, 1)
            if not 1 / _OUTLIER <= ratio <= _OUTLIER:
                told = f"its {sizes[frame]} bytes are {ratio:.2g} times what the frames around it have"
                findings.append(Finding("size", frame, max(ratio, 1 / ratio), told, warns=True))
    return findings
