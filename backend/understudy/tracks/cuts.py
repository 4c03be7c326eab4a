"""Where a shot is cut: a picture that has little in common with the one before."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.face.roles import Image

_SIDE = 24  # pixels of the small picture that is compared
_CHANGE = 0.7  # mean difference from frame to frame, in standard deviations of both pictures
_SUDDEN = 3.0  # times the usual change of the frames before
_MEMORY = 12  # frames


class CutFinder:
    """Shown the frames of a plate in order, says which begin something new."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._changes: deque[float] = deque(maxlen=_MEMORY)

    def update(self, image: Image) -> bool:
        """Whether ``image`` (H, W, 3) uint8, display-encoded, begins a new shot; the first one does not."""
        luma = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        small = np.asarray(luma, np.float32)
        before, self._before = self._before, small
        if before is None:
            return False
        spread = max(float(np.sqrt((small.var() + before.var()) / 2)), 4.0)
        change = float(np.abs(small - before).mean()) / spread
        usual = float(np.median(self._changes)) if self._changes else 0.0
        cut = change > _CHANGE and change > _SUDDEN * usual
        if cut:
            self._changes.clear()
        else:
            self._changes.append(change)
        return cut
