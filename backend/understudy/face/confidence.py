"""From what a detector says in its own measure to one confidence that means the same for all of them.

The curves of the detectors were fitted to what each of them showed, at its lowest gate, on 964 pictures: rendered people
as they are and small, noisy or with the face blurred away, footage of real people, and enlarged pieces of all of these.
A box was on a face where its intersection over union with the true box (in footage: one on which two other detectors
agreed) was above 0.35, and a false alarm below 0.15.
"""

from __future__ import annotations

import math


def logistic(raw: float, slope: float, middle: float) -> float:
    """Platt's curve (1999): the share of boxes of the score ``raw`` that show a face, 0..1, one half at ``middle``."""
    return 1.0 / (1.0 + math.exp(-min(max(slope * (raw - middle), -60.0), 60.0)))


def logit(share: float) -> float:
    """What the logistic function makes ``share`` of: a network's last number before its sigmoid."""
    share = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))
