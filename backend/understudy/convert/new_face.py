"""Whose new face, and who makes it: what the options of a conversion come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.convert.cache import LatestCache
from understudy.convert.footage_renderer import FootageRenderer
from understudy.convert.other_people import who_is_before
from understudy.errors import FacesetError, NoFaceError, UsageError
from understudy.extraction.shot import Shot
from understudy.face.mesh import HeadMesh, at_landmarks
from understudy.faceset.head_shape import kept_head_shape
from understudy.faceset.record import Face
from understudy.faceset.store import DESCRIPTION, Faceset
from understudy.model.network import SIDES
from understudy.plate.files import stamp
from understudy.plate.ranges import format_range, parse_range
from understudy.rendering.footage import Footage
from understudy.rendering.shape import FIT, fit_shape
from understudy.settings import ConversionOptions, NewFaceOptions

FRONTAL = 35.0
"""Degrees of yaw up to which a face shows both its halves."""

_FEWEST = 2

Renderer = Literal["footage", "network"]


@dataclass(frozen=True)
class MadeOf:
    """What makes a new face."""

    renderer: Renderer
    path: Path  # of the source's faceset, or of the model


def made_of(settings: NewFaceOptions) -> MadeOf:
    """What makes the new face: the source's footage where there is any, else a model's network.

    Raises UsageError where what is asked for lacks what it is made of, or where what is given is not used.
    """
    asked, source, model = settings.renderer, settings.source, settings.model
    if asked == "auto":
        asked = "network" if source is None and model is not None else "footage"
    if asked == "footage":
        if source is None:
            raise UsageError(
                "The new face is made of the source's footage, and no faceset of it is given.",
                "Give --source FACESET, or a trained --model.",
            )
        if model is not None:
            raise UsageError(
                "The new face is made of footage, without a model.", "Leave --model out, or use --renderer network."
            )
        return MadeOf("footage", source)
    if settings.reference_frames or settings.forbidden_frames:
        raise UsageError("A network has no reference frames.", "Leave them out, or give a --source.")
    if model is None:
        raise UsageError("A network paints the new face, and no model is given.", "Give --model MODEL.")
    if source is not None:
        raise UsageError("A network does not look at footage.", "Leave --source out, or use --renderer footage.")
    return MadeOf("network", model)


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
        "--device": getattr(look, "device", "auto") not in ("auto", "cpu"),
    }
    for option, is_set in unused.items():
        if is_set:
            raise UsageError(
                f"{option} is for faces that a network paints; footage is lit by the plate.",
                "Leave it out, or use --renderer network with a --model.",
            )


@dataclass(frozen=True)
class Frames:
    """Which frames of the source a new face may be made of, in Nuke form; None leaves the choice."""

    only: str | None = None
    never: str | None = None

    def allowed(self, faces: Sequence[Face]) -> NDArray[np.bool_]:
        """(N,) of ``faces``. Raises UsageError for frames that are not there, and where none is left."""
        numbers = np.array([face.frame for face in faces])
        allowed = np.ones(len(faces), np.bool_)
        for option, spec in (("--reference-frames", self.only), ("--forbidden-frames", self.never)):
            if spec is None:
                continue
            named = parse_range(spec)
            if missing := sorted(set(named) - set(numbers.tolist())):
                raise UsageError(
                    f"{option} names {format_range(missing)}, of which the source has no face.",
                    "See which frames it has: understudy faceset list.",
                )
            allowed &= np.isin(numbers, named) == (option == "--reference-frames")
        if not allowed.any():
            raise UsageError("No frame of the source is left to make a face of.", "Forbid fewer frames.")
        return allowed


def footage_renderer(
    shot: Shot, source: Path, faceset: Faceset, faces: Mapping[int, Face], occlusion: Literal["hands", "none"],
    frames: Frames, kept: LatestCache | None = None,
) -> FootageRenderer:  # fmt: skip
    """The new face from the faceset ``source``, for ``faces`` of ``faceset`` in the ``shot``.

    ``kept`` keeps the heads that are fitted to all of the footage, which takes longest. Raises FacesetError and
    NoFaceError for footage that a face cannot be made of, UsageError for its ``frames``.
    """
    kept = kept or LatestCache()
    own_faceset, own_faces = check_source(source, shot, frames, kept)
    plate = list(faces.values())
    _check_space(faceset, plate, shot)
    own = kept.get("source's footage", (own_faceset.folder, tuple(own_faces)), lambda: _footage(own_faceset, own_faces))
    target = kept.get("plate's footage", (faceset.folder, tuple(plate)), lambda: _footage(faceset, plate))
    return FootageRenderer(
        shot, own, target, frames.allowed(own_faces), occlusion=occlusion, before=who_is_before(shot, faceset, faces)
    )


def source_faceset(source: Path, kept: LatestCache) -> Faceset:
    """The faceset of the new person, which knows itself which of its files are new. Raises FacesetError."""
    return kept.get("source", stamp(source / DESCRIPTION), lambda: Faceset.open(source))


def check_source(
    source: Path, shot: Shot, frames: Frames, kept: LatestCache | None = None
) -> tuple[Faceset, list[Face]]:
    """The faces of the new person. Raises FacesetError, NoFaceError and UsageError where no face can be made of them."""
    faceset = source_faceset(source, kept or LatestCache())
    faces = [face.square for face in faceset.faces()]
    if max(Counter((face.plate, face.frame) for face in faces).values()) > 1:
        raise FacesetError(
            f"The faceset {source} shows several people on one frame.",
            "Keep one of them: understudy faceset cluster, or extract with --face.",
        )
    _check_space(faceset, faces, shot)
    if len(faces) < _FEWEST:
        raise NoFaceError(
            f"The faceset {source} holds one face, of which no other moment can be made.",
            "Film or extract more: different poses and expressions.",
        )
    if not any(abs(face.pose[0]) <= FRONTAL and face.dense is not None for face in faces):
        raise NoFaceError(
            f"The faceset {source} shows nobody from the front, and a head is fitted to what is seen there.",
            f"Add frames on which the head is turned by less than {FRONTAL:.0f} degrees.",
        )
    frames.allowed(faces)
    return faceset, faces


def _footage(faceset: Faceset, faces: Sequence[Face]) -> Footage:
    """One person's footage, with the head fitted to all of it; the mean one where the landmarker told too little."""
    if all(face.dense is None for face in faces):
        return Footage(faceset, faces, HeadMesh())

    def fit() -> NDArray[np.float64]:
        return fit_shape(faces, lambda index: np.asarray(faceset.read_sound(faces[index])[..., :3], np.float32)).placed

    fitted = kept_head_shape(faceset, faces, FIT, fit)
    return Footage(faceset, faces, HeadMesh(at_landmarks(fitted), fitted))


def _check_space(faceset: Faceset, faces: Sequence[Face], shot: Shot) -> None:
    for face in faces:
        if face.colour_space != shot.working_id:
            raise FacesetError(
                f"The faceset {faceset.folder} is in {face.colour_space}, and the working space is {shot.working_id}.",
                "Extract it with the configuration that the shot is converted with (--ocio).",
            )
