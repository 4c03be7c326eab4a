"""Pictures of a training: what the model paints now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from understudy.errors import cannot_write
from understudy.faceset.aligned import evenly
from understudy.model.log_curve import decode_bounded
from understudy.model.normalisation import ColourStats
from understudy.plate.colour import ColourManager
from understudy.plate.sheet import contact_sheet, write_png

FILE = "preview.png"

REQUEST = "preview.now"
"""A file of this name in the model's folder asks the training there for a preview."""

ROWS = (
    "source",
    "source rebuilt",
    "source mask",
    "source mask rebuilt",
    "target",
    "target rebuilt",
    "target mask",
    "target mask rebuilt",
    "swap",
    "swap mask",
)
"""What a sheet shows, from top to bottom; a row that is not given is left out."""

TILE = 160  # pixels

STRIP_FACES = 4
"""Faces of a time-lapse: few, so that each is large enough to see it change."""


def write_preview(
    path: Path, rows: Mapping[str, torch.Tensor], lights: Mapping[str, ColourStats], colour: ColourManager, title: str
) -> None:
    """Write a sheet of those of :data:`ROWS` that ``rows`` has.

    Pictures are (N, 3, R, R) in normalised code values, masks (N, 1, R, R) in 0..1; ``lights`` are those of both sides.
    Raises :class:`OutputError`.
    """
    tiles: list[NDArray[np.floating[Any]]] = []
    captions: list[str] = []
    shown = [name for name in ROWS if name in rows]
    for name in shown:
        row = _displayed(name, rows[name], lights, colour)
        tiles += row
        captions += [name] + [""] * (len(row) - 1)
    columns = len(tiles) // len(shown)
    write_png(path, contact_sheet(tiles, captions, columns=columns, tile_height=TILE, title=title))


def swap_strip(
    rows: Mapping[str, torch.Tensor], lights: Mapping[str, ColourStats], colour: ColourManager
) -> NDArray[np.uint8]:
    """A few of the swapped faces side by side, always the same ones: (H, W, 3) uint8, a picture of a time-lapse."""
    faces = evenly(_displayed("swap", rows["swap"], lights, colour), STRIP_FACES)
    return contact_sheet(faces, [""] * len(faces), columns=len(faces), tile_height=TILE)


def preview_title(step: int, psnr: float | None = None, ssim: float | None = None) -> str:
    """The title of a sheet: the step, and how well faces that are never trained on are rebuilt."""
    figures = [f"PSNR {psnr:.2f} dB"] if psnr is not None else []
    figures += [f"SSIM {ssim:.4f}"] if ssim is not None else []
    return f"step {step}" + (f", held-out faces rebuilt with {', '.join(figures)}" if figures else "")


def ask_preview(folder: Path) -> None:
    """Ask the training in the model's ``folder`` for a preview. Raises :class:`OutputError`."""
    try:
        (folder / REQUEST).touch()
    except OSError as error:
        raise cannot_write(folder / REQUEST, error) from error


def preview_wanted(folder: Path) -> bool:
    """Whether someone asked for a preview since this was asked last."""
    try:
        (folder / REQUEST).unlink()
    except OSError:  # mostly because there is none; on Windows also while it is being made, so it is seen the next time
        return False
    return True


def _displayed(
    name: str, pictures: torch.Tensor, lights: Mapping[str, ColourStats], colour: ColourManager
) -> list[NDArray[np.float32]]:
    """The pictures of a row (N, 1 or 3, R, R) as (R, R, 3) in 0..1, display-encoded."""
    if "mask" in name:
        return [_channels_last(picture) for picture in pictures.expand(-1, 3, -1, -1)]
    light = lights["source" if name.startswith("source") else "target"]
    linear = decode_bounded(light.restore(pictures))
    return [np.asarray(colour.to_display(_channels_last(picture)), np.float32) for picture in linear]


def _channels_last(picture: torch.Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy(), np.float32)
