"""What tells one set of faces from another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from understudy.faceset.record import Face


def fingerprint(faces: Iterable[Face]) -> str:
    """The SHA-256 of the records of ``faces``: of what was found and how, and where each crop was cut.

    It is the same whatever the order, the folder and the names of the files, and for a pack.
    """
    digest = hashlib.sha256()
    for record in sorted(hashlib.sha256(replace(face, file="").to_json().encode()).digest() for face in faces):
        digest.update(record)
    return digest.hexdigest()
