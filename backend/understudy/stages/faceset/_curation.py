"""What the stages that tidy a faceset share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from understudy.errors import FacesetError
from understudy.faceset.record import Face
from understudy.faceset.sheet import sheet_of
from understudy.faceset.store import Faceset
from understudy.faceset.trash import Trash
from understudy.plate.colour import ColourManager
from understudy.plate.sheet import write_png


def open_to_change(folder: Path) -> tuple[Faceset, list[Face]]:
    """The faceset and its faces. Raises FacesetError when there is none, when it holds no face, and for a pack."""
    faceset = Faceset.open(folder)
    faceset.check_writable()
    return faceset, faceset.faces()


def discard(faceset: Faceset, faces: Sequence[Face], gone: Sequence[Face], why: str, *, dry_run: bool = False) -> None:
    """Put ``gone``, some of the ``faces`` of ``faceset``, into its trash; only check that on a ``dry_run``.

    Raises FacesetError when no face would be left, and OutputError.
    """
    if len(gone) == len(faces):
        raise FacesetError(
            f"This would put all {len(faces)} faces of {faceset.folder} into the trash; nothing was done.",
            "Ask for less.",
        )
    if gone and not dry_run:
        Trash(faceset.folder).discard([face.file for face in gone], why)


def write_sheet(path: Path, faceset: Faceset, faces: Sequence[Face], captions: Sequence[str], title: str) -> None:
    """Write a contact sheet of ``faces``. Raises OutputError, and ColourError when the OCIO configuration is gone."""
    # The crops are in the working space of the configuration that they were extracted with.
    colour = ColourManager.discover(faceset.provenance.get("settings", {}).get("ocio"))
    write_png(path, sheet_of(faceset, faces, captions, colour.to_display, title=title))
