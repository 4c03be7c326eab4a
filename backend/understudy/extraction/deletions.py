"""Faces that somebody deleted from a faceset, which must not come back when its shot is extracted again.

A track's number may change from one extraction to the next, and so a deleted face is known by its place: a frame and the
middle of its box. In the faceset's provenance ``cut`` lists the faces that the last extraction left there, ``deleted`` the
places of those that are gone since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from understudy.faceset.record import Face
from understudy.faceset.store import Faceset


class DeletedPlace(NamedTuple):
    """A point of the plate on a frame."""

    frame: int
    x: float
    y: float

    def lies_in(self, face: Face) -> bool:
        """Whether the box of ``face`` covers it."""
        x0, y0, x1, y1 = face.box.tolist()
        return self.frame == face.frame and x0 <= self.x <= x1 and y0 <= self.y <= y1


def deleted_places(provenance: Mapping[str, Any], held: Sequence[Face]) -> list[DeletedPlace]:
    """Where faces were deleted, given those that the faceset holds now. One that was restored since is none of them."""
    keys = {(face.frame, face.track) for face in held}
    gone = [DeletedPlace(frame, x, y) for frame, track, x, y in provenance.get("cut", ()) if (frame, track) not in keys]
    by_frame: dict[int, list[Face]] = {}
    for face in held:
        by_frame.setdefault(face.frame, []).append(face)
    places = {*(DeletedPlace(*place) for place in provenance.get("deleted", ())), *gone}
    return sorted(place for place in places if not any(map(place.lies_in, by_frame.get(place.frame, ()))))


def without_deleted(faces: Iterable[Face], places: Sequence[DeletedPlace]) -> list[Face]:
    """``faces`` but those that were deleted."""
    by_frame: dict[int, list[DeletedPlace]] = {}
    for place in places:
        by_frame.setdefault(place.frame, []).append(place)
    return [face for face in faces if not any(place.lies_in(face) for place in by_frame.get(face.frame, ()))]


def drop_damaged(faceset: Faceset) -> list[str]:
    """Delete crops that were cut short, which is nobody's wish, and return their names. Raises OutputError."""
    names = faceset.damaged()
    if names:
        left = [
            row
            for row in faceset.provenance.get("cut", ())
            if not any(name.endswith(f".{row[0]:04d}.{row[1]:02d}.exr") for name in names)
        ]
        faceset.describe(cut=left, wanted=None)
        faceset.drop(names)
    return names


def listed(faces: Iterable[Face]) -> list[list[float]]:
    """``faces`` as ``cut`` lists them."""
    return [
        [face.frame, face.track, *((face.box[:2] + face.box[2:]) / 2).round(1).astype(float).tolist()] for face in faces
    ]
