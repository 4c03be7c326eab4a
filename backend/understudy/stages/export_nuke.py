"""A converted shot handed over to Nuke, as a script that rebuilds it from its layers."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from understudy.convert.layers.compose import LAYERS
from understudy.errors import UnreadableError, UsageError
from understudy.events import Events
from understudy.nuke.comp import NEEDED, ReadSequence, nuke_comp
from understudy.plate.files import write_text
from understudy.plate.frame import Header
from understudy.plate.matte import laid_over
from understudy.plate.picture import channel_names
from understudy.plate.ranges import format_range
from understudy.plate.reader import probe, read_channel, read_frame
from understudy.plate.sequence import Plate, open_plate
from understudy.settings import ExportNukeSettings


def run(settings: ExportNukeSettings, events: Events) -> dict[str, Any]:
    """Write ``settings.out``, a Nuke script for the converted shot ``settings.result``.

    Returns ``file``, ``result`` and ``plate`` (as the script names them; None where the plate is computed), ``frames`` in
    Nuke form, ``fps`` and ``colour_space`` (None where it is not known). Raises MissingInputError (no such sequence, frames
    that are missing), UnreadableError (no layers of a conversion), UsageError (no .nk, a plate that was not the one converted)
    and OutputError.
    """
    if settings.out.suffix.lower() != ".nk":
        raise UsageError(f"{settings.out} is not the name of a Nuke script.", "Name it like comp.nk.")
    result = _pictures(settings.result, settings.frames, settings)
    layers = _layers(result, events)
    header = probe(result)
    plate = None
    if settings.plate is not None:
        plate = _pictures(settings.plate, format_range(result.frames), settings)
        _check_same(plate, result, header)
    folder = settings.out.resolve().parent
    shown, under = _footage(result, folder), None if plate is None else _footage(plate, folder)
    space = header.attributes.get("understudy/colour_space")
    write_text(settings.out, nuke_comp(settings.out.stem, shown, under, header, space=space, layers=layers))
    return {
        "file": str(settings.out.resolve()),
        "result": shown.file,
        "plate": under.file if under else None,
        "frames": format_range(result.frames),
        "fps": f"{header.fps[0]}/{header.fps[1]}" if header.fps else None,
        "colour_space": space,
    }


def _pictures(name: str, frames: str | None, settings: ExportNukeSettings) -> Plate:
    found = open_plate(name, frames, settings.missing)
    if found.kind == "movie":
        raise UsageError(
            f"{name} is a movie; its frames are no pictures of their own.", "Name a sequence of EXR files."
        )
    if found.kind == "stills":
        raise UsageError(f"{name} is a folder of single pictures.", "Name a sequence of EXR files.")
    return found


def _layers(result: Plate, events: Events) -> set[str]:
    """The layers that all frames of ``result`` have."""
    wanted = {f"{name}.{channel}" for name in NEEDED for channel in LAYERS[name][0]} | {*"RGBA"}
    common: set[str] | None = None
    for done, frame in enumerate(result.frames, 1):
        events.raise_if_stopping()
        channels = set[str]().union(*channel_names(result.path(frame)))
        if missing := sorted(wanted - channels):
            raise UnreadableError(
                f"{result.path(frame)} has no channels {', '.join(missing)}: it does not hold the layers of a conversion.",
                "Name what understudy convert wrote; convert the frame again where its layers are not complete.",
            )
        there = {channel.rpartition(".")[0] for channel in channels}
        common = there if common is None else common & there
        events.progress(done, len(result.frames), "frames")
    return common or set()


def _check_same(plate: Plate, result: Plate, header: Header) -> None:
    """Raise UsageError unless the first frame of both has the bits of ``plate`` wherever the result's matte is 0."""
    number = plate.frames[0]
    if layer := probe(plate).layer:
        raise UsageError(
            f"The picture of {plate.pattern} is its layer {layer}, which the script's Read does not show.",
            "Leave --plate out: then the script takes the plate from the result.",
        )
    under, over = read_frame(plate, number), read_frame(result, number)
    for name in ("display", "data"):
        mine, its = getattr(under.header, name), getattr(header, name)
        # A flat file holds the union of both windows.
        if name == "data" and its == under.header.data.union(under.header.display):
            continue
        if mine != its:
            raise UsageError(
                f"Frame {number} of {plate.pattern} is {mine.width} x {mine.height} pixels at {mine.x}, {mine.y} "
                f"({name} window), but that of {result.pattern} is {its.width} x {its.height} at {its.x}, {its.y}.",
                "Name the plate that was converted.",
            )
    window = under.header.data
    matte = laid_over(read_channel(result.path(number), "matte.A"), header.data, window)
    rgb = laid_over(over.rgb, header.data, window)
    same = (rgb == under.rgb) | (np.isnan(rgb) & np.isnan(under.rgb))
    if not same[matte == 0].all():
        raise UsageError(
            f"Frame {number} of {result.pattern} was not made from that of {plate.pattern}: they differ outside the matte.",
            "Name the plate that was converted. Leave --plate out where that is not scene-linear: "
            "then the script takes the plate from the result.",
        )


def _footage(pictures: Plate, folder: Path) -> ReadSequence:
    """``pictures`` as seen from the ``folder`` of the script; by their whole path where they lie on another drive."""
    path = Path(pictures.pattern).resolve()
    with suppress(ValueError):
        path = Path(os.path.relpath(path, folder))
    first, last = pictures.frames[0], pictures.frames[-1]
    return ReadSequence(path.as_posix(), first, last, gaps=len(pictures.frames) < last - first + 1)
