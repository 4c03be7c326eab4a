"""The head that was fitted to a faceset's faces, kept beside them: fitting takes seconds, and each job needs it.

``heads/KEY.json``: the 468 vertices in mean-face units, after the faces and the fit that KEY stands for. The folder may
be deleted at any time; of a pack, and where the faceset cannot be written, nothing is kept.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from understudy.errors import OutputError
from understudy.faceset.fingerprint import fingerprint
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.json_reader import parse_json
from understudy.plate.files import write_json
from understudy.tracks.formats.values import array_of

FOLDER = "heads"
_SHAPE = (468, 3)

_log = logging.getLogger(__name__)


def kept_head_shape(
    faceset: Faceset, faces: Iterable[Face], fit: str, make: Callable[[], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """(468, 3) the head at rest of the one person in ``faces``: as it was kept, else as ``make`` fits it.

    ``fit`` names all that the result depends on beside the faces and their files. The same bits come back.
    """
    if faceset.packed:
        return make()
    faces = list(faces)
    # The records do not tell of pixels that were retouched in place.
    files = sorted(stamp[1:] for stamp in faceset.stamps(faces))
    key = hashlib.sha256(f"{fit} {fingerprint(faces)} {files}".encode()).hexdigest()[:24]
    path = faceset.folder / FOLDER / f"{key}.json"
    if (kept := _read(path)) is not None:
        return kept
    made = make()
    try:
        write_json(path, made.tolist())
    except OutputError as why:
        _log.info("The fitted head is not kept: %s", why)
    return made


def _read(path: Path) -> NDArray[np.float64] | None:
    """What is kept there; None where that is nothing, or damaged."""
    try:
        return array_of(parse_json(path.read_bytes()), _SHAPE, np.float64)
    except (OSError, ValueError):
        return None
