"""Where a measure is taken: the soft regions of a frame that a matte and a holdout cut out."""

from __future__ import annotations

import numpy as np

from understudy.plate.frame import Header
from understudy.plate.matte import Matte
from understudy.review.metrics import Mask


def regions(frame: int, header: Header, matte: Matte | None, holdout: Matte | None) -> dict[str, Mask]:
    """The weights of ``inside`` and ``outside`` the matte, or of the ``whole`` frame where there is none.

    All are multiplied by one minus the holdout. Raises as :meth:`Matte.weights`.
    """
    kept = np.ones((header.display.height, header.display.width), np.float32)
    if holdout:
        kept -= holdout.weights(frame, header, header.display)
    if matte is None:
        return {"whole": kept}
    inside = matte.weights(frame, header, header.display)
    return {"inside": inside * kept, "outside": (1 - inside) * kept}
