"""Options that animate, at one frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from understudy.errors import UsageError
from understudy.settings import Keys, Options
from understudy.tracks.curves import value_at

O = TypeVar("O", bound=Options)  # noqa: E741 - the usual letter for it


def number_at(value: Any, frame: int) -> Any:
    """``value`` at ``frame``: of keys their value there, of anything else itself."""
    if not isinstance(value, Keys):
        return value
    frames = sorted(value.keys)
    return float(value_at(frames, np.array([value.keys[key] for key in frames]), frame, value.interpolation))


def at_frame(options: O, frame: int) -> O:
    """``options`` with the values that they have at ``frame``."""
    changed = {
        name: number_at(value, frame)
        for name in type(options).model_fields
        if isinstance(value := getattr(options, name), Keys)
    }
    return options.model_copy(update=changed) if changed else options


def check_keys(options: Options, frames: Sequence[int]) -> None:
    """Raise UsageError for a key outside the plate's ascending ``frames``, which would be a slip of the pen."""
    for name in type(options).model_fields:
        value = getattr(options, name)
        if not isinstance(value, Keys):
            continue
        if outside := [key for key in value.keys if not frames[0] <= key <= frames[-1]]:
            raise UsageError(
                f"--{name.replace('_', '-')} has a key at frame {outside[0]}, "
                f"but the plate runs from {frames[0]} to {frames[-1]}.",
                "Give keys at frames of the plate.",
            )
