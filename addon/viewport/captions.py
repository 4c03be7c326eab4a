"""Short texts over the picture, with a shadow so that they read on any plate."""

from __future__ import annotations

from collections.abc import Sequence

import blf


def caption(text: str, x: float, y: float, colour: Sequence[float], size: float, *, right: bool = False) -> None:
    """Write ``text`` in a display colour (r, g, b, a), its baseline at ``y`` and its left (or right) end at ``x``.

    Region pixels; ``size`` is the interface's scale.
    """
    font = 0
    blf.size(font, 11.0 * size)
    if right:
        x -= blf.dimensions(font, text)[0]
    blf.enable(font, blf.SHADOW)
    blf.shadow(font, 5, 0.0, 0.0, 0.0, 0.9)
    blf.shadow_offset(font, 0, 0)
    blf.position(font, round(x), round(y), 0.0)
    blf.color(font, *colour)
    blf.draw(font, text)
    blf.disable(font, blf.SHADOW)
