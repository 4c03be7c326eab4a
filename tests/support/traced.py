"""Settings that know which of their options somebody read."""

from __future__ import annotations

import sys
from collections.abc import Collection
from types import FrameType
from typing import Any, TypeVar

from understudy.settings import Options

S = TypeVar("S", bound=Options)

_LOOKS_AT_ALL = ("settings/option.py", "convert/animation.py", "stages/_outputs.py", "convert/frame_fingerprint.py")
"""Files that go through all options whatever they are: that one is looked at there does not say that it does anything."""


def traced(settings: S, seen: set[str], replaced: Collection[str] = ()) -> S:
    """The same settings, which enter into ``seen`` the options that are read; of a copy not those that it was given."""
    model = type(settings)
    names = set(model.model_fields) - set(replaced)

    def enter(read: Collection[str], caller: FrameType) -> None:
        if not caller.f_code.co_filename.replace("\\", "/").endswith(_LOOKS_AT_ALL):
            seen.update(names.intersection(read))

    class Traced(model):  # type: ignore[misc, valid-type]
        def __getattribute__(self, name: str) -> Any:
            enter((name,), sys._getframe(1))
            return super().__getattribute__(name)

        def model_dump(self, *, include: Any = None, **how: Any) -> dict[str, Any]:
            enter(names if include is None else include, sys._getframe(1))
            return super().model_dump(include=include, **how)

        def model_copy(self, *, update: Any = None, deep: bool = False) -> Any:
            return traced(plain.model_copy(update=update, deep=deep), seen, {*replaced, *(update or ())})

    plain = settings.model_copy()
    copy = settings.model_copy()
    object.__setattr__(copy, "__class__", Traced)
    return copy
