"""Keep the best faces of a faceset, evenly over the poses."""

from __future__ import annotations

from typing import Any

from understudy.events import Events
from understudy.faceset.choice import pose_bins, select
from understudy.settings import SelectSettings
from understudy.stages._holding import existing, holding
from understudy.stages.faceset._curation import discard, open_to_change


@holding(lambda settings: existing(settings.faceset, "faceset select", unless=settings.dry_run))
def run(settings: SelectSettings, events: Events) -> dict[str, Any]:
    """Put all but the best ``settings.count`` faces into the trash, unless it is a dry run.

    Returns ``faceset``, ``faces`` (before), ``kept``, ``trashed``, ``poses`` (bins that have a face) before and
    ``poses_kept``, ``dry_run``, and ``files``, the names of the crops that are kept, best first.
    Raises FacesetError and OutputError.
    """
    faceset, faces = open_to_change(settings.faceset)
    chosen = select(faces, settings.count, settings.pose_bin)
    kept = {face.file for face in chosen}
    gone = [face for face in faces if face.file not in kept]
    discard(faceset, faces, gone, f"select --count {settings.count}", dry_run=settings.dry_run)
    events.progress(len(faces), len(faces), "faces")
    return {
        "faceset": str(faceset.folder),
        "faces": len(faces),
        "kept": len(chosen),
        "trashed": len(gone),
        "poses": len(set(pose_bins(faces, settings.pose_bin))),
        "poses_kept": len(set(pose_bins(chosen, settings.pose_bin))),
        "dry_run": settings.dry_run,
        "files": [face.file for face in chosen],
    }
