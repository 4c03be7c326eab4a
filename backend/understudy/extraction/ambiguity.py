"""Who was seen on a shot so far, and whether it is clear who of them is meant."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence

from understudy.errors import NoFaceError
from understudy.face.choose import BLIP, Choice, Reference, Sighted, choose


class PeopleSeen:
    """Everybody seen so far, and an early word on whether it is clear who is meant."""

    def __init__(self, choice: Choice) -> None:
        self.seen: list[Sighted] = []
        self.reference: Reference | None = None
        self._choice = choice
        self._length: Counter[int] = Counter()
        self._crowded = 0  # frames with several faces
        self._next_check = BLIP + 1

    def add(self, together: Sequence[Sighted]) -> None:
        """Everybody on one more frame."""
        self.seen += together
        self._length.update(one.track for one in together)
        self._crowded += len(together) > 1

    def check(self) -> None:
        """Raise AmbiguousFaceError as soon as two people who last stand where one is asked for."""
        if self._choice.kind != "one" or self._crowded < self._next_check:
            return
        self._next_check = 2 * self._crowded  # each check looks at everything: seldom is often enough
        lasting = [one for one in self.seen if self._length[one.track] > BLIP]
        with contextlib.suppress(NoFaceError):  # whom the reference means may come later
            choose(lasting, self._choice, self.reference)
