"""Numbers that may change over a shot: a constant, or keys at frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, ValidationError

from understudy.settings.option import Options, first_problem

Way = Literal["linear", "constant", "smooth"]
"""How a value runs from one key to the next."""


class Keys(Options):
    """Values at frames, and how to go from one to the next; before the first and after the last their values hold."""

    keys: dict[int, float] = Field(min_length=1, description="Frame to value.")
    interpolation: Way = Field("linear", description="How a value runs from key to key; smooth never overshoots.")

    # A range of the schema (``ge``, ``le``) holds for keys when it holds for each of them: so pydantic checks it.
    def __ge__(self, least: float) -> bool:
        return self._each(lambda value: value >= least)

    def __le__(self, most: float) -> bool:
        return self._each(lambda value: value <= most)

    def _each(self, holds: Callable[[float], bool]) -> bool:
        return all(holds(value) for value in self.keys.values())

    def __str__(self) -> str:
        keys = " ".join(f"{frame}:{value:g}" for frame, value in self.keys.items())
        return keys if self.interpolation == "linear" else f"{keys} {self.interpolation}"

    def __hash__(self) -> int:
        return hash((tuple(self.keys.items()), self.interpolation))


def parse_value(value: Any) -> Any:
    """What an option is given: a number, keys as a job document has them, or either as text (``1001:0 1010:1 smooth``).

    Raises ValueError with one sentence that says what is wrong with it; a union would tell a story for each of its parts.
    """
    if isinstance(value, str):
        value = _keys_of(value) if ":" in value else _number(value)
    if isinstance(value, dict):
        try:
            return Keys.model_validate(value)
        except ValidationError as error:
            raise ValueError(first_problem(error)) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no finite number")
    return value


def _keys_of(text: str) -> dict[str, Any]:
    keys, way = dict[int, float](), "linear"
    for word in text.replace(",", " ").split():
        frame, colon, number = word.partition(":")
        if not colon and word in get_args(Way):
            way = word
        elif not colon or not frame.lstrip("-").isdecimal():
            raise ValueError(f"{word!r} is neither frame:value nor one of {', '.join(get_args(Way))}")
        elif int(frame) in keys:
            raise ValueError(f"frame {frame} has two values")
        else:
            keys[int(frame)] = _number(number)
    return {"keys": keys, "interpolation": way}


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number, and no keys such as 1001:0,1010:1") from None
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no finite number")
    return number


def animates(annotation: Any) -> bool:
    """Whether a field of this type takes keys."""
    return bool(annotation == float | Keys)


if TYPE_CHECKING:
    # Who works with a value has taken it at a frame before (stages.animation.at_frame), and then it is a number.
    Animated = float
else:
    Animated = Annotated[float | Keys, BeforeValidator(parse_value)]
    """The type of an option that takes a constant or keys."""
