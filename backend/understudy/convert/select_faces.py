"""The faces of a plate's extraction that a conversion swaps."""

from __future__ import annotations

from pathlib import Path

from understudy.errors import AmbiguousFaceError, FacesetError, NoFaceError
from understudy.extraction.shot import Shot
from understudy.face.choose import choose, parse_choice
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset


def chosen_faces(faceset: Faceset, face: str, shot: Shot) -> dict[int, Face]:
    """One face a frame, in the order of frames and in square pixels; ``face`` says whose, as the option does.

    Raises when the faceset holds none (NoFaceError), several a frame (AmbiguousFaceError), or those of another plate
    (FacesetError).
    """
    name = Path(shot.key).name
    # Names, not whole paths: a job may be rendered on a machine that mounts the show elsewhere.
    everybody = faceset.faces()
    faces = [one for one in everybody if Path(one.plate).name == name]
    if everybody and not faces:
        raise FacesetError(
            f"The faceset {faceset.folder} was extracted from {Path(everybody[0].plate).name}, not from {name}.",
            "Give the extraction of this plate, or none.",
        )
    kept = choose(faces, parse_choice(face))
    by_frame: dict[int, Face] = {}
    for one in faces:
        if (one.frame, one.track) not in kept:
            continue
        if one.frame in by_frame:
            raise AmbiguousFaceError(
                f"Several faces of {faceset.folder} stand in frame {one.frame}.",
                "Choose one with --face largest, index:N, track:N or point:FRAME,X,Y.",
            )
        by_frame[one.frame] = one.square
    if not by_frame:
        raise NoFaceError(f"The faceset {faceset.folder} holds no face to swap.")
    return by_frame
