"""Where a shot is cut: a picture that has little in common with the one before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.errors import UsageError
from understudy.face.interfaces import Image
from understudy.plate.ranges import parse_range

_SIDE = 24  # pixels of the small picture that is compared
_CHANGE = 0.7  # mean difference from frame to frame, in standard deviations of both pictures
_SUDDEN = 3.0  # times the usual change of the frames before, and the latest: a whip pan changes all on every frame
_MEMORY = 12  # frames


def small_picture(image: Image) -> NDArray[np.uint8]:
    """The (24, 24) uint8 luma of ``image`` (H, W, 3) uint8, display-encoded, by which cuts are found."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


class CutFinder:
    """Shown the frames of a plate in order, says which begin something new."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._changes: deque[float] = deque(maxlen=_MEMORY)

    def begins(self, small: NDArray[np.uint8]) -> bool:
        """Whether the frame whose :func:`small_picture` this is begins a new shot; the first one does not.

        Of a flash only its first frame does, and of a whip pan from rest.
        """
        now, before = small.astype(np.float32), self._before
        self._before = now
        if before is None:
            return False
        spread = max(float(np.sqrt((now.var() + before.var()) / 2)), 4.0)
        change = float(np.abs(now - before).mean()) / spread
        usual = max(float(np.median(self._changes)), self._changes[-1]) if self._changes else 0.0
        self._changes.append(change)
        return change > max(_CHANGE, _SUDDEN * usual)


@dataclass(frozen=True)
class CutRule:
    """Which frames begin a new shot."""

    given: frozenset[int] | None = None  # these; None: those that are found
    added: frozenset[int] = frozenset()
    removed: frozenset[int] = frozenset()

    def applies(self, frame: int, found: bool) -> bool:
        """Whether ``frame`` begins a new shot, which is ``found`` to look like one."""
        begins = found if self.given is None else frame in self.given
        return frame in self.added or (begins and frame not in self.removed)


def given_cuts(text: str) -> frozenset[int] | None:
    """The frames that ``text`` names; none for ``none``, and None for ``auto``: to be found. Raises UsageError."""
    word = text.strip()
    if word == "auto":
        return None
    if word == "none":
        return frozenset()
    try:
        return frozenset(parse_range(word))
    except UsageError as error:
        raise UsageError(f"--cuts {text!r} is neither auto, none nor frames.", error.hint) from error
