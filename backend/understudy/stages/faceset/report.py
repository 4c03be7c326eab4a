"""A faceset on one page, to open in any browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.errors import FacesetError, OutputError
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.plate.colour import ColourManager
from understudy.plate.files import write_text
from understudy.review.faceset.faceset_report import Subject, report_page
from understudy.settings import FacesetReportSettings

NAME = "report.html"
"""The page in a faceset's folder."""


def run(settings: FacesetReportSettings, events: Events) -> dict[str, Any]:
    """Write the page on ``settings.faceset``: into its folder, or beside a pack, where no other place is given.

    Returns ``faceset``, ``target`` or None, ``faces``, ``doubtful`` among them, ``lacks`` (sentences), ``pictures``
    shown and ``page``, the file. Raises FacesetError, OutputError, and ColourError when a faceset's OCIO configuration
    is gone.
    """
    source = _subject("source", settings.faceset)
    target = _subject("target", settings.target) if settings.target else None
    out = settings.out or _beside(source.faceset)
    if out.is_dir():
        raise OutputError(f"{out} is a folder, not a page to write.", "Give a file, such as --out report.html.")
    events.progress(0, 1, "pages")
    events.raise_if_stopping()
    findings = report_page(source, target, settings.pose_bin)
    write_text(out, findings.html)
    events.progress(1, 1, "pages")
    return {
        "faceset": str(source.faceset.folder),
        "target": str(target.faceset.folder) if target else None,
        "faces": len(source.faces),
        "doubtful": findings.doubtful,
        "lacks": findings.lacks,
        "pictures": findings.pictures,
        "page": str(out),
    }


def _subject(role: str, folder: Path) -> Subject:
    faceset = Faceset.open(folder)
    faces = faceset.faces()
    if not faces:
        raise FacesetError(f"The faceset {folder} holds no face.", "Extract its footage again.")
    # The crops are in the working space of the configuration that they were extracted with.
    colour = ColourManager.discover(faceset.provenance.get("settings", {}).get("ocio"))
    return Subject(role, faceset, faces, colour.to_display)


def _beside(faceset: Faceset) -> Path:
    return faceset.folder.with_suffix(".html") if faceset.packed else faceset.folder / NAME
