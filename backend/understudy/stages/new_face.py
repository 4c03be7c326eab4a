"""Whose new face, and who makes it: what the options of a conversion come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from understudy.errors import FacesetError, NoFaceError, UsageError
from understudy.face.mesh import HeadMesh
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.model.network import SIDES
from understudy.rendering.footage import Footage
from understudy.settings import ConversionOptions
from understudy.stages.analysis import Shot
from understudy.stages.footage_renderer import FootageRenderer
from understudy.tracks.document import tracks_of
from understudy.tracks.track import TRACKS

FRONTAL = 35.0
"""Degrees of yaw up to which a face shows both its halves."""

_FEWEST = 2

Renderer = Literal["footage", "network"]


def choose_renderer(asked: Literal["auto", "footage", "network"], source: Sequence[Path], model: Path | None) -> Renderer:
    """Who makes the new face: the footage where there is any, else a model's network.

    Raises UsageError where what was asked for lacks what it is made of, or what was given is not used.
    """
    if asked == "auto":
        asked = "footage" if source or model is None else "network"
    if asked == "footage" and not source:
        raise UsageError(
            "The new face is made of the source's footage, and no faceset of it is given.",
            "Give --source FACESET, or a trained --model.",
        )
    if asked == "network" and model is None:
        raise UsageError("The network paints the new face, and no model is given.", "Give --model MODEL.")
    if asked == "network" and source:
        raise UsageError("The network does not look at footage.", "Leave --source out, or add --renderer footage.")
    if asked == "footage" and model is not None:
        raise UsageError("The new face is made of footage, without a model.", "Leave --model out, or --source.")
    return asked


def check_look(look: ConversionOptions, renderer: Renderer) -> None:
    """Raise UsageError for an option of the look that ``renderer`` has no use for."""
    if renderer == "network":
        return
    usual = type(look).model_fields
    unused = {
        "--colour-match": look.colour_match not in ("none", usual["colour_match"].default),
        "--colour-encoding": look.colour_encoding != usual["colour_encoding"].default,
        "--colour-window": look.colour_window != usual["colour_window"].default,
        "--matte": look.matte not in (usual["matte"].default, "hull"),
        "--person": look.person != SIDES[0],
        "--morph": look.morph != usual["morph"].default,
    }
    for option, is_set in unused.items():
        if is_set:
            raise UsageError(
                f"{option} is for faces that a network paints; footage is lit by the plate.",
                "Leave it out, or use --renderer network with a --model.",
            )


def footage_renderer(
    shot: Shot, source: Sequence[Path], faceset: Faceset, faces: Mapping[int, Face],
    occlusion: Literal["hands", "none"],
) -> FootageRenderer:  # fmt: skip
    """The new face from the facesets ``source``, for ``faces`` of ``faceset`` in the ``shot``.

    Raises FacesetError, NoFaceError and UsageError for footage that a face cannot be made of.
    """
    (own,) = [source_footage(path, shot) for path in source[:1]]
    plate = list(faces.values())
    _check_space(faceset, plate, shot)
    return FootageRenderer(shot, own, Footage(faceset, plate, _mesh(faceset, plate)), occlusion=occlusion)


def source_footage(path: Path, shot: Shot) -> Footage:
    """The new person's footage. Raises FacesetError and NoFaceError where no face can be made of it."""
    faceset = Faceset.open(path)
    faces = faceset.faces()
    by_frame: dict[tuple[str, int], int] = {}
    for face in faces:
        key = face.plate, face.frame
        by_frame[key] = by_frame.get(key, 0) + 1
    if max(by_frame.values()) > 1:
        raise FacesetError(
            f"The faceset {path} shows several people on one frame.",
            "Keep one of them: understudy faceset cluster, or extract with --face.",
        )
    _check_space(faceset, faces, shot)
    if len(faces) < _FEWEST:
        raise NoFaceError(
            f"The faceset {path} holds one face, of which no other moment can be made.",
            "Film or extract more: different poses and expressions.",
        )
    if not any(abs(face.pose[0]) <= FRONTAL for face in faces):
        raise NoFaceError(
            f"The faceset {path} shows nobody from the front, and a face is fitted there.",
            f"Add frames with the head turned by less than {FRONTAL:.0f} degrees.",
        )
    return Footage(faceset, faces, _mesh(faceset, faces))


def _mesh(faceset: Faceset, faces: Sequence[Face]) -> HeadMesh:
    """The person's head: that of the track which most of the ``faces`` are of."""
    document = faceset.text(TRACKS)
    tracks = {track.number: track for track in tracks_of(faceset.folder, document).tracks} if document else {}
    counts: dict[int, int] = {}
    for face in faces:
        counts[face.track] = counts.get(face.track, 0) + 1
    track = tracks.get(max(counts, key=lambda number: (counts[number], -number)))
    return HeadMesh() if track is None else HeadMesh(track.shape)


def _check_space(faceset: Faceset, faces: Sequence[Face], shot: Shot) -> None:
    for face in faces:
        if face.colour_space != shot.working_id:
            raise FacesetError(
                f"The faceset {faceset.folder} is in {face.colour_space}, and the shot's working space is {shot.working_id}.",
                "Extract it with the show's OpenColorIO configuration (--ocio).",
            )
