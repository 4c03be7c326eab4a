"""Face boxes and landmarks as strokes. Plain lists, no Blender; everything in plate pixels from the top left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .programs import Stroke
    from .state import Face

Colour = tuple[float, float, float, float]

CHOSEN: Colour = (1.0, 0.62, 0.16, 1.0)
OTHER: Colour = (0.86, 0.88, 0.90, 1.0)
HALO: Colour = (0.0, 0.0, 0.0, 0.35)

_PARTS = (
    (0, 17, False), (17, 22, False), (22, 27, False), (27, 31, False), (31, 36, False),
    (36, 42, True), (42, 48, True), (48, 60, True), (60, 68, True),
)  # fmt: skip
"""The runs of the 68 iBUG points that a line joins (first, end, closed): jaw, brows, nose, eyes, lips."""


def strokes_of(face: Face, chosen: bool, landmarks: bool, size: float) -> list[Stroke]:
    """One face: a chosen one has a whole frame and its landmarks joined, another the corners of a frame and dots.

    ``landmarks`` says whether there is room for them, ``size`` is how many region pixels a line of width 1 takes (the
    interface's scale).
    """
    colour = CHOSEN if chosen else OTHER
    lines = _frame(face["box"]) if chosen else _corners(face["box"])
    strokes: list[Stroke] = [(a, b, colour, 0.75 * size) for a, b in lines]
    points = (face.get("landmarks") or []) if landmarks else []
    if chosen and len(points) == 68:
        faint = (*colour[:3], 0.55)
        strokes += [(a, b, faint, 0.5 * size) for a, b in _joined(points)]
    strokes += [(point, point, colour, (1.5 if chosen else 1.1) * size) for point in points]
    # Every halo lies under every line, or a line would be cut where the next one's halo crosses it.
    return [(a, b, HALO, radius + size) for a, b, _, radius in strokes] + strokes


def _frame(box: Sequence[float]) -> list[tuple[Any, Any]]:
    x0, y0, x1, y1 = box
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return list(zip(corners, corners[1:] + corners[:1], strict=True))


def _corners(box: Sequence[float]) -> list[tuple[Any, Any]]:
    """Both arms of each corner, a fifth of the shorter side long."""
    x0, y0, x1, y1 = box
    arm = 0.2 * min(x1 - x0, y1 - y0)
    places = [(x0, y0, arm, arm), (x1, y0, -arm, arm), (x1, y1, -arm, -arm), (x0, y1, arm, -arm)]
    return [((x, y), end) for x, y, dx, dy in places for end in ((x + dx, y), (x, y + dy))]


def _joined(points: Sequence[Sequence[float]]) -> list[tuple[Any, Any]]:
    lines: list[tuple[Any, Any]] = []
    for first, end, closed in _PARTS:
        run = list(points[first:end])
        lines += zip(run, run[1:] + run[:1] if closed else run[1:], strict=False)
    return lines
