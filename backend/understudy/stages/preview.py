"""Preview: one frame converted as pictures to look at, quick to ask for again with other options."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from understudy.convert.aligner import Located
from understudy.convert.animation import at_frame
from understudy.convert.cache import LatestCache
from understudy.convert.layers.compose import compose
from understudy.convert.matte.artist_mattes import ArtistMattes
from understudy.convert.network_renderer import NetworkRenderer
from understudy.convert.new_face import Frames, MadeOf, check_look, footage_renderer, made_of, source_faceset
from understudy.convert.select_faces import chosen_faces
from understudy.convert.shot_converter import ShotConverter
from understudy.errors import FacesetError
from understudy.events import Events
from understudy.extraction.shot import Shot, prepare_frame
from understudy.faceset.record import Face
from understudy.faceset.store import DESCRIPTION, Faceset
from understudy.imaging.half import as_half
from understudy.model.device import choose_device
from understudy.model.store import FILE, load_model
from understudy.plate.colour import ColourManager
from understudy.plate.files import stamp
from understudy.plate.frame import Frame
from understudy.plate.layers import Layer, LayerWriter
from understudy.plate.sequence import output_path
from understudy.settings import PreviewSettings

PICTURES = ("composite", "plate", "matte", "swap")
"""What is written, each as a file of its own."""

_KEPT = LatestCache()


def run(settings: PreviewSettings, events: Events, kept: LatestCache = _KEPT) -> dict[str, Any]:
    """Convert one frame; see :class:`PreviewSettings`.

    Writes four flat half-float EXRs over the display window, ``composite``, ``plate``, ``swap`` (premultiplied) and
    ``matte`` (R = G = B): in the plate's own space when that is scene-linear, else in the working space, the matte as
    data. The composite's pixels are those that conversion writes for this frame; without a face they are the plate's.
    ``kept`` holds what the next call in this process need not make again: the model, the faces, the shot's light, the
    frame, its mattes and the prediction, for as long as their files and their options are the same.

    Returns ``frame``, whether it has a ``face``, ``width`` and ``height``, ``files``, ``colour_space`` and ``seconds``.
    Raises FacesetError when no extraction is given: an answer must not take minutes.
    """
    started = time.perf_counter()
    if settings.faceset is None:
        raise FacesetError("A preview needs the faces of the plate, and no faceset is given.", "Find the faces first.")
    new = made_of(settings)
    check_look(settings, new.renderer)
    shot = _shot(settings, events, kept)
    mattes = ArtistMattes.open(settings.holdout, settings.roto, shot.plate.frames)
    faceset, faces = _faces(settings.faceset, settings.face, shot, kept)
    look = at_frame(settings, settings.frame)
    converter = _converter(settings, new, shot, faceset, faces, kept)
    picture = stamp(shot.plate.path(settings.frame)), settings.frame
    frame = kept.get("frame", picture, lambda: shot.read(settings.frame))
    given = tuple(
        None if matte is None else (stamp(matte.plate.path(settings.frame)), matte.channel)
        for matte in (mattes.holdout, mattes.roto)
    )
    limits = kept.get("limits", (picture, given), lambda: mattes.of(frame))
    events.raise_if_stopping()
    face = _painted(converter, frame, picture, kept)
    square = None if face is None else converter.lay(frame, face, look, limits, kept)
    placed = None if face is None or square is None else converter.in_plate(frame, face[0], square)
    frame = frame.as_stored
    shown = picture, shot.colour, shot.space
    plate = kept.get("plate", shown, lambda: shot.written(frame))
    layers = {layer.name or "composite": layer for layer in compose(plate, frame.alpha, placed)}
    layers["plate"] = kept.get("plate alone", shown, lambda: compose(plate, frame.alpha, None)[0])
    events.raise_if_stopping()
    files = _write(settings.out, frame, layers, shot, converter.attributes, kept, shown)
    events.preview(files["composite"])
    display = frame.header.display
    return {
        "frame": settings.frame,
        "face": face is not None,
        "width": display.width,
        "height": display.height,
        "files": files,
        "colour_space": shot.written_space,
        "seconds": round(time.perf_counter() - started, 3),
        **converter.renderer.report(),
    }


def _converter(
    settings: PreviewSettings, new: MadeOf, shot: Shot, faceset: Faceset, faces: dict[int, Face], kept: LatestCache
) -> ShotConverter:
    """What converts the shot, which takes as long to make as all of its faces to look through."""
    about = shot.key, shot.colour, shot.space, tuple(faces.values()), settings.occlusion
    if new.renderer == "footage":
        source, pinned = new.path, Frames(settings.reference_frames, settings.forbidden_frames)
        return kept.get(
            "converter",
            (source, tuple(source_faceset(source, kept).faces()), pinned, *about),
            lambda: ShotConverter(
                shot, footage_renderer(shot, source, faceset, faces, settings.occlusion, pinned, kept), faceset, faces
            ),
        )
    folder, device = new.path, choose_device(settings.device)
    network, card = kept.get("model", (stamp(folder / FILE), str(device)), lambda: load_model(folder, device))
    return kept.get(
        "converter",
        (network, *about, settings.convert_batch, settings.person, settings.morph),
        lambda: ShotConverter(
            shot,
            NetworkRenderer(
                shot, network, card, faceset, faces, occlusion=settings.occlusion, batch=settings.convert_batch,
                person=settings.person, morph=settings.morph,
            ),
            faceset,
            faces,
        ),
    )  # fmt: skip


def _shot(settings: PreviewSettings, events: Events, kept: LatestCache) -> Shot:
    """The plate's one frame; what is slow about it is the colour configuration."""
    wanted = ColourManager.wanted(settings.ocio)
    colour = kept.get("colour", (wanted, stamp(wanted[0])), lambda: ColourManager(*wanted))
    return prepare_frame(settings, settings.frame, events, colour)


def _faces(folder: Path, face: str, shot: Shot, kept: LatestCache) -> tuple[Faceset, dict[int, Face]]:
    """The extraction, which knows itself which of its files are new, and its faces to swap."""
    faceset = kept.get("faceset", stamp(folder / DESCRIPTION), lambda: Faceset.open(folder))
    return faceset, chosen_faces(faceset, face, shot)


def _painted(
    converter: ShotConverter, frame: Frame, picture: Hashable, kept: LatestCache
) -> tuple[Located, Any] | None:
    """The face cut out and its new one, where there is one; ``picture`` stands for the frame's file."""

    def paint() -> tuple[Located, Any] | None:
        aligned = converter.align(frame)
        if aligned is None:
            return None
        (prediction,) = converter.predict([aligned])
        aligned.hands.result()  # a failure must come now, or it would be kept
        return aligned, prediction

    return kept.get("painted", (converter, picture, converter.faces.get(frame.number)), paint)


def _write(
    folder: Path,
    frame: Frame,
    layers: dict[str, Layer],
    shot: Shot,
    about: Mapping[str, str | int | float],
    kept: LatestCache,
    shown: Hashable,
) -> dict[str, str]:
    """Write the pictures, cut or padded to the display window; returns their absolute paths by name.

    The plate is not written again while it, which ``shown`` stands for, and its file are as they were.
    """
    matte = layers["matte"]
    pictures = {**layers, "matte": replace(matte, pixels=np.repeat(matte.pixels, 3, axis=2))}
    header = replace(frame.header, data=frame.header.display, dtype="half")
    files = {name: output_path(f"{folder.absolute().as_posix()}/{name}.%04d.exr", frame.number) for name in PICTURES}
    written = shown, tuple(about.items())
    with LayerWriter(workers=len(PICTURES)) as writer:
        for name, path in files.items():
            if name == "plate" and kept.get("plate's file", (written, stamp(path)), lambda: False):
                continue
            writer.submit(
                path,
                [_picture(pictures[name], frame.origin)],
                header,
                profile="flat",
                compression="zip:2",  # lossless like any zip, and quicker
                interop_id="data" if name == "matte" else shot.written_id,
                attributes=about,
            )
    kept.get("plate's file", (written, stamp(files["plate"])), lambda: True)
    return {name: str(path) for name, path in files.items()}


def _picture(layer: Layer, shift: tuple[int, int]) -> Layer:
    """``layer`` as the main layer of a file of its own, ``shift`` from the frame's array to the display window."""
    pixels = as_half(layer.pixels)
    origin = layer.origin[0] + shift[0], layer.origin[1] + shift[1]
    return Layer("", tuple("RGBA"[: pixels.shape[2]]), pixels, origin)
