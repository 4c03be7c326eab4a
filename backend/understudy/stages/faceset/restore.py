"""Undo what was trashed or renamed in a faceset."""

from __future__ import annotations

from typing import Any

from understudy.errors import cannot_write
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.faceset.trash import Trash
from understudy.settings import RestoreSettings
from understudy.stages._holding import existing, holding
from understudy.stages.faceset.sort import ORDER


@holding(lambda settings: existing(settings.faceset, "faceset restore"))
def run(settings: RestoreSettings, events: Events) -> dict[str, Any]:
    """Undo the last operation on ``settings.faceset``, or all.

    Returns ``faceset``, ``undone`` (the operations, in words), ``restored`` and ``renamed`` files, ``left`` (files whose
    place another has taken since: they stay in the trash) and ``faces``, how many there are now.
    Raises FacesetError when there is nothing to undo, and OutputError.
    """
    faceset = Faceset.open(settings.faceset, allow_empty=True)
    faceset.check_writable()
    trash = Trash(faceset.folder)
    operations = trash.operations()
    # Before anything moves: who is killed in between and runs it again finds nothing left to undo.
    due = {one.kind for one in (operations if settings.everything else operations[-1:])}
    if "rename" in due:
        order = faceset.folder / ORDER  # tells of names that are no more
        try:
            order.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(order, error) from error
    if "trash" in due:
        faceset.describe(wanted=None)  # they may be of an older solve: the next extraction looks at them
    undone = trash.undo(settings.everything)
    if undone.left:
        events.note(f"{len(undone.left)} files stay where they are: others have taken their place since.")
    return {
        "faceset": str(faceset.folder),
        "undone": [one.why for one in (operations if settings.everything else operations[-1:])],
        "restored": undone.restored,
        "renamed": undone.renamed,
        "left": list(undone.left),
        "faces": len(faceset.faces()),
    }
