"""Names for the 68 landmarks, as people and other programs call them.

Left and right are the person's own: ``left_eye`` lies at image right in a frontal face. Numbers are iBUG's, from 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from understudy.errors import UsageError
from understudy.safe_text import shortened

GROUPS: dict[str, tuple[int, ...]] = {
    "jaw": tuple(range(17)),
    "right_brow": tuple(range(17, 22)),
    "left_brow": tuple(range(22, 27)),
    "nose": tuple(range(27, 36)),
    "right_eye": tuple(range(36, 42)),
    "left_eye": tuple(range(42, 48)),
    "mouth": tuple(range(48, 68)),
    "outer_lips": tuple(range(48, 60)),
    "inner_lips": tuple(range(60, 68)),
    "corners": (36, 39, 42, 45, 30, 48, 54),
    "all": tuple(range(68)),
}
"""Several landmarks under one name; ``corners`` are those of the eyes and the mouth, and the tip of the nose."""

SINGLE: dict[str, int] = {
    "chin": 8,
    "nose_bridge": 27,
    "nose_tip": 30,
    "right_eye_outer": 36,
    "right_eye_inner": 39,
    "left_eye_inner": 42,
    "left_eye_outer": 45,
    "mouth_right": 48,
    "mouth_left": 54,
}
"""Landmarks that have a name of their own; every other is called ``landmark_NN``."""

_NUMBER = re.compile(r"[0-9]{1,3}")
_NAMES = {index: name for name, index in SINGLE.items()}
_INDICES = SINGLE | {f"landmark_{index:02d}": index for index in range(68)}


def name_of(index: int) -> str:
    """What the landmark ``index`` is called."""
    return _NAMES.get(index, f"landmark_{index:02d}")


def indices(names: Sequence[str | int]) -> tuple[int, ...]:
    """The landmarks that ``names`` (names of points or groups, or numbers from 0 to 67) stand for, each once, in order.

    Raises :class:`UsageError` for a name or a number that there is not.
    """
    found: dict[int, None] = {}
    for name in names:
        number = int(name) if isinstance(name, int) or _NUMBER.fullmatch(name) else None
        if number is not None and 0 <= number < 68:
            found[number] = None
        elif isinstance(name, str) and name in GROUPS:
            found |= dict.fromkeys(GROUPS[name])
        elif isinstance(name, str) and name in _INDICES:
            found[_INDICES[name]] = None
        else:
            raise UsageError(
                f"There is no landmark called {shortened(repr(name), 60)}.",
                f"Use a number from 0 to 67, or one of {', '.join((*GROUPS, *SINGLE))}.",
            )
    return tuple(found)
