"""Frames of a plate whose files were replaced since they were looked at, as when a plate is delivered again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from understudy.extraction.deletions import deleted_places, listed
from understudy.extraction.shot import Shot
from understudy.faceset.journal import Entry, Journal
from understudy.faceset.store import Faceset
from understudy.plate.files import file_mark


def replaced_frames(entries: Sequence[Entry], shot: Shot) -> list[int]:
    """The frames of ``entries`` whose files are others now; a journal of an older version tells of none."""
    return [one.frame for one in entries if one.file and one.file != file_mark(shot.plate.path(one.frame))]


def forget(faceset: Faceset, shot: Shot, entries: Sequence[Entry], replaced: Collection[int]) -> list[Entry]:
    """The ``entries`` before the first of the ``replaced`` frames, all that the faceset's journal holds afterwards.

    Faces are followed from frame to frame, so all later frames have to be looked at again. Crops of replaced frames are
    removed, which counts as nobody's deletion; those of other frames stay. Raises OutputError.
    """
    own = [face for face in faceset.faces() if face.plate == shot.key]
    places = deleted_places(faceset.provenance, own)
    stay = [face for face in own if face.frame not in replaced]
    faceset.describe(wanted=None, cut=listed(stay), deleted=places)
    faceset.remove(face for face in own if face.frame in replaced)
    first = min(replaced)
    count = next(index for index, one in enumerate(entries) if one.frame == first)
    # Last of all: who is killed before finds the same frames replaced again.
    Journal(faceset.folder).keep(count)
    return list(entries[:count])
