"""Pack a faceset into one file."""

from __future__ import annotations

from typing import Any

from understudy.events import Events
from understudy.faceset.pack import write_pack
from understudy.settings import PackSettings
from understudy.stages._holding import beside, existing, holding
from understudy.stages.faceset._curation import open_to_change


@holding(lambda settings: beside(settings.out, "faceset pack"))
@holding(lambda settings: existing(settings.faceset, "faceset pack"))
def run(settings: PackSettings, events: Events) -> dict[str, Any]:
    """Pack ``settings.faceset`` into ``settings.out``, whole or not at all; its trash stays behind.

    Returns ``pack``, ``faces`` and ``megabytes``. Raises FacesetError, OutputError and Interrupted.
    """
    faceset, faces = open_to_change(settings.faceset)
    size = write_pack(settings.out, faceset.folder, faces, events)
    return {"pack": str(settings.out), "faces": len(faces), "megabytes": round(size / 1e6, 1)}
