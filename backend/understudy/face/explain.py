"""A picture of a search for faces: every box that the detector gave, and why it became a face or did not."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from understudy.face.boxes import sides
from understudy.face.detect import BELOW, CUT, ELSEWHERE, FAINT, KEPT, PART, SMALL, TURNED, Candidate, DetectionReport
from understudy.face.interfaces import Image
from understudy.face.tiles import Tile
from understudy.safe_text import one_line

_NARROWEST, _WIDEST = 960, 1600  # pixels of the picture: writing needs room, and a screen ends somewhere
_ROWS = 40
_TEXT, _LINE, _GAP = 14, 20, 10
_BACKGROUND, _INK = (38, 38, 38), (208, 208, 208)
_FACE = (255, 255, 255)
_COLOURS = {
    KEPT: (90, 220, 90),
    BELOW: (255, 80, 80),
    SMALL: (255, 160, 40),
    CUT: (240, 230, 60),
    FAINT: (240, 130, 230),
    PART: (90, 170, 255),
    TURNED: (70, 220, 220),
    ELSEWHERE: (170, 150, 240),
}
_COLUMNS = (0, 40, 300, 410, 500, 620)  # pixels: number, look, size, raw score, confidence, verdict


def picture(image: Image, survey: DetectionReport, title: str, scale: float = 1.0) -> Image:
    """``image`` (H, W, 3) uint8 RGB under the boxes of its ``survey``, with a table of them below: (h, w, 3) uint8 RGB.

    Raw boxes are thin, in the colour of their verdict, and numbered from the surest down as in the table; the faces that
    came of them are white. ``scale`` is how large a pixel of ``image`` is in pixels of the plate, which the table counts.
    """
    height, width = image.shape[:2]
    factor = float(np.clip(1.0, _NARROWEST / width, _WIDEST / width))
    shown = Pillow.fromarray(image).resize((round(width * factor), round(height * factor)), Pillow.Resampling.LANCZOS)
    boxes = sorted(survey.candidates, key=lambda one: (-one.face.score, *one.face.box.tolist()))
    lines = 2 + min(len(boxes), _ROWS) + (len(boxes) > _ROWS)
    sheet = Pillow.new("RGB", (shown.width, shown.height + lines * _LINE + 2 * _GAP), _BACKGROUND)
    _draw_boxes(shown, survey, boxes, factor)
    sheet.paste(shown)
    _write_table(ImageDraw.Draw(sheet), shown.height + _GAP, boxes, title, scale)
    return np.asarray(sheet)


def _draw_boxes(shown: Pillow.Image, survey: DetectionReport, boxes: list[Candidate], factor: float) -> None:
    draw = ImageDraw.Draw(shown)
    for face in survey.faces:
        corners = (face.box * factor).tolist()
        outer = [corners[0] - 2, corners[1] - 2, corners[2] + 2, corners[3] + 2]  # a small face must stay visible
        draw.rectangle(outer, outline=_FACE, width=3)
    for one in reversed(boxes):  # the surest on top
        draw.rectangle((one.face.box * factor).tolist(), outline=_colour(one), width=1)
    font, taken = ImageFont.load_default(_TEXT - 2), np.zeros((shown.height, shown.width), bool)
    for number, one in enumerate(boxes[:_ROWS], 1):
        text, room = str(number), (int(font.getlength(str(number))) + 4, _TEXT)
        x, y = _free_place(taken, one, factor, room)
        taken[y : y + room[1], x : x + room[0]] = True
        draw.rectangle((x, y, x + room[0], y + room[1] - 1), fill=(0, 0, 0))
        draw.text((x + 2, y), text, _colour(one), font)


def _free_place(taken: Any, one: Candidate, factor: float, room: tuple[int, int]) -> tuple[int, int]:
    """Where outside its box a number hides no other one: along the left edge, then the right one, then below."""
    height, width = taken.shape
    x0, y0, x1, y1 = np.rint(one.face.box * factor).astype(int).tolist()
    edges = (x0 - room[0] - 4, x1 + 5)
    places = [(x, y) for x in edges for y in range(y0, max(y1 - room[1], y0) + 1, room[1])]
    places += [(x, y1 + 5 + row * room[1]) for row in range(6) for x in range(x0, max(x1, x0 + 60), room[0] + 2)]
    inside = [(min(max(x, 0), max(width - room[0], 0)), min(max(y, 0), max(height - room[1], 0))) for x, y in places]
    return next((place for place in inside if not _covers(taken, place, room)), inside[0])


def _covers(taken: Any, place: tuple[int, int], room: tuple[int, int]) -> bool:
    x, y = place
    return bool(taken[y : y + room[1], x : x + room[0]].any())


def _write_table(draw: ImageDraw.ImageDraw, top: int, boxes: list[Candidate], title: str, scale: float) -> None:
    font = ImageFont.load_default(_TEXT)
    draw.text((_GAP, top), one_line(title, 300), _FACE, font)
    rows = [((("", "look", "size", "score", "confidence", "verdict")), _INK)]
    for number, one in enumerate(boxes[:_ROWS], 1):
        wide, high = (side * scale for side in sides(one.face.box))
        raw = one.face.score if one.face.raw is None else one.face.raw
        cells = (str(number), _looked(one.view, scale), f"{wide:.0f} x {high:.0f}", f"{raw:.3f}")
        rows.append(((*cells, f"{one.face.score:.3f}", one.verdict), _colour(one)))
    if len(boxes) > _ROWS:
        rows.append((("", f"and {len(boxes) - _ROWS} less sure", "", "", "", ""), _INK))
    for line, (texts, colour) in enumerate(rows, 1):
        for left, text in zip(_COLUMNS, texts, strict=True):
            draw.text((_GAP + left, top + line * _LINE), text, colour, font)


def _looked(view: Tile, scale: float) -> str:
    """A view in few words, in pixels of the plate."""
    left, top, side = (round(value * scale) for value in (view.left, view.top, view.side))
    where = "reduced copy" if view.left < 0 and view.top < 0 and not view.turns else f"{side} px at {left},{top}"
    return f"{where}, turned {view.turns * 90}°" if view.turns else where


def _colour(one: Candidate) -> tuple[int, int, int]:
    return next(colour for verdict, colour in _COLOURS.items() if one.verdict.startswith(verdict))
