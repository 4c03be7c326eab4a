"""Make a packed faceset a folder again."""

from __future__ import annotations

from typing import Any

from understudy.errors import FacesetError
from understudy.events import Events
from understudy.faceset.pack import unpack
from understudy.faceset.store import Faceset
from understudy.settings import UnpackSettings
from understudy.stages._holding import beside, holding


@holding(lambda settings: beside(settings.out, "faceset unpack"))
def run(settings: UnpackSettings, events: Events) -> dict[str, Any]:
    """Unpack ``settings.pack`` into the new folder ``settings.out``, whole or not at all.

    Returns ``faceset`` and ``faces``. Raises FacesetError, OutputError and Interrupted.
    """
    if not Faceset.open(settings.pack).packed:
        raise FacesetError(f"{settings.pack} is a folder already.", "Give a file that faceset pack wrote.")
    faces = unpack(settings.pack, settings.out, events)
    return {"faceset": str(settings.out), "faces": len(faces)}
