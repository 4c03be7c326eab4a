"""The three roles of face analysis, and what each hands to the next.

Pictures are uint8 (H, W, 3) RGB, display-encoded. Coordinates are pixels of that picture, x right, y down, pixel
centres at +0.5. A component belongs to one thread at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Detection:
    """A face seen by a detector."""

    box: NDArray[np.float32]  # (4,) x0 y0 x1 y1
    score: float  # 0..1: the share of boxes with such a score that show a face; nothing about whose or how well placed
    points: Points | None = None
    """(5, 2) eye, eye, nose tip, mouth corner, mouth corner, image left first on an upright face. A detector that
    knows only the mouth's centre gives it for both corners."""
    raw: float | None = None
    """What the network itself says, in its own measure; the detector tells what that is. None: nothing else than score."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """A face's points."""

    points68: Points  # (68, 2) iBUG order
    dense: Points | None  # (N, 2) all points of the landmarker
    score: float  # 0..1: how far to trust them


@dataclass(frozen=True)
class ComponentCard:
    """Where a component comes from and what it may be used for."""

    name: str
    role: str
    licence: str
    commercial: bool | None  # None: not known
    sha256: str  # of the weight files, concatenated in the order given in ``origin``
    origin: str

    def __str__(self) -> str:
        return f"{self.name} (sha256 {self.sha256}; {self.licence})"


class Detector(Protocol):
    """Finds faces."""

    @property
    def card(self) -> ComponentCard: ...

    @property
    def side(self) -> int:
        """Long side in pixels at which its network looks at a picture; larger pictures show it no more."""

    @property
    def smallest(self) -> int:
        """Side in pixels of the smallest face that it finds reliably at that size."""

    def detect(self, image: Image) -> list[Detection]:
        """Faces in ``image``; overlapping boxes of one face are allowed."""


class Landmarker(Protocol):
    """Finds the points of faces whose boxes are known."""

    @property
    def card(self) -> ComponentCard: ...

    def landmarks(self, image: Image, detections: Sequence[Detection]) -> list[Landmarks | None]:
        """One entry for each detection; None where it sees no face that it could mark."""


class Recogniser(Protocol):
    """Tells people apart."""

    @property
    def card(self) -> ComponentCard: ...

    def embed(self, image: Image, landmarks: Landmarks) -> NDArray[np.float32]:
        """(D,) unit vector; the cosine of two vectors says how alike two faces are."""


SAME_PERSON = {"insightface": 0.35, "dlib": 0.93}
"""By a recogniser's name: the mean cosine from which two groups of faces are one person.

Of dlib's vectors all have much in common: on the footage at hand two people's cosines lie below 0.89 and one person's above
0.98; two rendered people, whose skin is alike, lie between 0.92 and 0.96, one of them at 0.97. ArcFace's: below 0.26 and above
0.87 in footage.
"""


def digest(*files: Path) -> str:
    """The sha256 of ``files`` read one after the other, as ``cat FILES | sha256sum`` prints it."""
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                total.update(chunk)
    return total.hexdigest()
