"""Pictures for people: contact sheets and PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from understudy.plate.files import atomic_path
from understudy.safe_text import one_line

_BACKGROUND = (38, 38, 38)
_INK = (208, 208, 208)
_GAP = 8  # pixels between tiles and around them
_CAPTION = 12
_TITLE = 18
_ROW_NAME = 30
_COLUMN_NAME = 24
_LONGEST = 300  # letters: as many as fit on the widest sheet


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


def comparison_sheet(
    rows: Sequence[Sequence[NDArray[Any]]], names: Sequence[str], columns: Sequence[str], side: int, title: str = ""
) -> NDArray[np.uint8]:
    """Pictures to be compared from row to row: (H, W, 3) uint8, display-encoded.

    Each row has its name at the left, read upwards, and each column its own above the first row. Tiles are (h, w, 3) in
    0..1, display-encoded; each is scaled to ``side`` pixels each way. Rows touch, so that the eye wanders down easily.
    """
    row_font, column_font, title_font = (
        ImageFont.load_default(size) for size in (_ROW_NAME, _COLUMN_NAME, _COLUMN_NAME)
    )
    left, seam = 2 * _GAP + _ROW_NAME, 2
    top = _GAP + (_COLUMN_NAME + 2 * _GAP if title else 0) + _COLUMN_NAME + _GAP
    size = left + len(columns) * (side + seam) + _GAP, top + len(rows) * (side + seam) + _GAP
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((left, _GAP), _shortened(title, title_font, size[0] - left - _GAP), _INK, title_font)
    for index, name in enumerate(columns):
        draw.text(
            (left + index * (side + seam) + side / 2, top - _GAP),
            one_line(name, _LONGEST),
            _INK,
            column_font,
            anchor="ms",
        )
    for index, (name, tiles) in enumerate(zip(names, rows, strict=True)):
        y = top + index * (side + seam)
        written = Image.new("RGB", (side, left), _BACKGROUND)
        ImageDraw.Draw(written).text((side / 2, left / 2), one_line(name, _LONGEST), _INK, row_font, anchor="mm")
        sheet.paste(written.transpose(Image.Transpose.ROTATE_90), (0, y))
        for column, tile in enumerate(tiles):
            picture = Image.fromarray(_bytes(tile)).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(picture, (left + column * (side + seam), y))
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
    """``text`` on one line, cut and marked with dots where it is too wide for ``width`` pixels."""
    text = one_line(text, _LONGEST)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
