"""Pictures for people: contact sheets and PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from understudy.plate.files import atomic_path

_BACKGROUND = (38, 38, 38)
_INK = (208, 208, 208)
_GAP = 8  # pixels between tiles and around them
_CAPTION = 12
_TITLE = 18


def contact_sheet(
    tiles: Sequence[NDArray[Any]], captions: Sequence[str], columns: int, tile_height: int, title: str = ""
) -> NDArray[np.uint8]:
    """The ``tiles`` in rows of ``columns``, each with its caption below: (H, W, 3) uint8, display-encoded.

    Tiles are (h, w, 3) in 0..1, display-encoded; each is scaled to ``tile_height`` pixels and centred in its cell,
    which is as wide as the widest of them. An empty caption leaves its room free.
    """
    pictures = [_scaled(tile, tile_height) for tile in tiles]
    caption_font = ImageFont.load_default(_CAPTION)
    title_font = ImageFont.load_default(_TITLE)
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    width = max((picture.width for picture in pictures), default=tile_height)
    cell_height = tile_height + (_CAPTION + _GAP if any(captions) else 0)
    top = _GAP + (_TITLE + 2 * _GAP if title else 0)
    size = _GAP + columns * (width + _GAP), top + rows * (cell_height + _GAP)
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP), _shortened(title, title_font, size[0] - 2 * _GAP), _INK, title_font)
    for index, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x = _GAP + index % columns * (width + _GAP)
        y = top + index // columns * (cell_height + _GAP)
        sheet.paste(picture, (x + (width - picture.width) // 2, y))
        text = _shortened(caption, caption_font, width)
        draw.text((x + width / 2, y + tile_height + _GAP / 2), text, _INK, caption_font, anchor="ma")
    return np.asarray(sheet)


def write_png(path: str | Path, image: NDArray[Any]) -> None:
    """Write (H, W, 3) or (H, W) ``image`` as an 8-bit PNG: uint8, or float in 0..1. Raises OutputError."""
    with atomic_path(path) as temporary:
        Image.fromarray(_bytes(image)).save(temporary, format="PNG")


def _scaled(tile: NDArray[Any], height: int) -> Image.Image:
    picture = Image.fromarray(_bytes(tile))
    width = max(1, round(picture.width * height / picture.height))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    finite = np.nan_to_num(image.astype(np.float32), nan=0.0)
    scaled: NDArray[np.uint8] = np.rint(np.clip(finite, 0.0, 1.0) * 255.0).astype(np.uint8)
    return scaled


def _shortened(text: str, font: Any, width: int) -> str:
    """``text``, cut and marked with dots where it is too wide for ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
