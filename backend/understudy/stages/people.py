"""Who was seen on a shot so far."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.errors import NoFaceError
from understudy.face.choose import BLIP, Choice, Reference, choose
from understudy.faceset.journal import Entry


@dataclass(frozen=True, slots=True, eq=False)
class _Sighted:
    frame: int
    track: int
    box: NDArray[np.float32]
    identity: NDArray[np.float32] | None


class People:
    """Everybody seen so far, and an early word on whether it is clear who is meant."""

    def __init__(self, choice: Choice) -> None:
        self.seen: list[_Sighted] = []
        self.reference: Reference | None = None
        self._choice = choice
        self._length: Counter[int] = Counter()
        self._crowded = 0  # frames with several faces
        self._next_check = BLIP + 1

    def add(self, entry: Entry) -> None:
        for one in entry.sightings:
            identity = None if one.identity is None else np.array(one.identity, np.float32)
            self.seen.append(_Sighted(entry.frame, one.track, np.array(one.box, np.float32), identity))
            self._length[one.track] += 1
        self._crowded += len(entry.sightings) > 1

    def check(self) -> None:
        """Raise AmbiguousFaceError as soon as two people who last stand where one is asked for."""
        if self._choice.kind != "one" or self._crowded < self._next_check:
            return
        self._next_check = 2 * self._crowded  # each check looks at everything: seldom is often enough
        lasting = [one for one in self.seen if self._length[one.track] > BLIP]
        with contextlib.suppress(NoFaceError):  # whom the reference means may come later
            choose(lasting, self._choice, self.reference)

    def chosen(self) -> set[tuple[int, int]]:
        """The (frame, track) that are meant. Raises NoFaceError and AmbiguousFaceError."""
        return choose(self.seen, self._choice, self.reference)
