"""Keep the sharpest of faces that look the same."""

from __future__ import annotations

from typing import Any

from understudy.events import Events
from understudy.faceset.choice import duplicates
from understudy.settings import DedupeSettings
from understudy.stages._holding import existing, holding
from understudy.stages.faceset._curation import discard, open_to_change


@holding(lambda settings: existing(settings.faceset, "faceset dedupe", unless=settings.dry_run))
def run(settings: DedupeSettings, events: Events) -> dict[str, Any]:
    """Put the faces that look like a sharper one into the trash, unless it is a dry run.

    Returns ``faceset``, ``faces`` (before), ``kept``, ``trashed``, ``groups`` of faces that looked the same,
    ``dry_run``, and ``files``: each that went to the one that is kept for it. Raises FacesetError and OutputError.
    """
    faceset, faces = open_to_change(settings.faceset)
    pairs = duplicates(faces, settings.threshold)
    gone = [face for face, _ in pairs]
    discard(faceset, faces, gone, f"dedupe --threshold {settings.threshold:g}", dry_run=settings.dry_run)
    events.progress(len(faces), len(faces), "faces")
    return {
        "faceset": str(faceset.folder),
        "faces": len(faces),
        "kept": len(faces) - len(gone),
        "trashed": len(gone),
        "groups": len({kept.file for _, kept in pairs}),
        "dry_run": settings.dry_run,
        "files": [f"{face.file} for {kept.file}" for face, kept in pairs],
    }
