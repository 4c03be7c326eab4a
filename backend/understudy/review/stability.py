"""What of a new face strikes the eye: it flickers more than the plate, or shows where it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.review.delivery.delivered import Box, Delivered, Finding, UnderFrame
from understudy.review.delivery.pixel_checks import MATTE, box_of
from understudy.review.metrics import Picture, Steadiness, compare_motion, mean
from understudy.review.seam import REACH, Edge, edge_error

Look = Callable[[NDArray[Any]], Picture]
"""From a delivery's colours (H, W, 3) to display-encoded ones in 0..1."""

_MARGIN = int(REACH) + 4  # pixels around a matte that its edge is judged with
_SEEN = 0.004  # a change below one 8-bit code value is not seen, however steady the plate
_POP = 2.0  # times the allowed flicker: one such frame spoils a shot


@dataclass(frozen=True)
class Unrest:
    """The figures of one frame. None where there is nothing to measure."""

    steadiness: Steadiness
    edge: Edge | None


@dataclass(frozen=True, eq=False)
class _FrameFace:
    """A frame's new face and the plate under it, as they look, inside ``box`` of the frame's array."""

    number: int
    shape: tuple[int, ...]
    box: Box
    composite: Picture
    plate: Picture
    matte: NDArray[np.float32]


class UnrestWatch:
    """Follows a new face through its frames, in order; keeps the face of the frame before."""

    def __init__(self, look: Look, most_flicker: float, most_edge: float) -> None:
        """``most_flicker`` is a multiple of the plate's own change, ``most_edge`` an excess in CIEDE2000."""
        self._look = look
        self._most_flicker, self._most_edge = most_flicker, most_edge
        self._before: _FrameFace | None = None
        self._changes: list[Steadiness] = []

    def see(self, frame: Delivered, plate: UnderFrame | None) -> Unrest:
        """The figures of ``frame``, beside the frame before it. Raises ColourError."""
        face = self._face(frame, plate)
        steadiness = Steadiness(None, None, None)
        before, self._before = self._before, face
        if face and before and before.shape == face.shape and face.number == before.number + 1:
            steadiness = _steadiness(face, before)
            self._changes.append(steadiness)
        return Unrest(steadiness, edge_error(face.composite, face.plate, face.matte) if face else None)

    def judge(self, frame: int, seen: Unrest) -> Iterator[Finding]:
        """What is above the limits. One frame that flickers a little is a warning, for a performance may do that."""
        for finding in self.tell(frame, seen):
            if finding.check == "edge" and finding.weight > self._most_edge:
                yield finding
            elif finding.check == "flicker" and finding.weight > _SEEN:
                allowed = _POP * self._most_flicker * (seen.steadiness.change_b or 0.0)
                yield replace(finding, warns=(seen.steadiness.change_a or 0.0) <= allowed)

    def tell(self, frame: int, seen: Unrest) -> Iterator[Finding]:
        """The figures in words, within the limits or not; ``weight`` is the change above what is allowed, or the excess."""
        changed, still = seen.steadiness.change_a, seen.steadiness.change_b
        if changed is not None and still is not None:
            flicker = seen.steadiness.flicker
            many = f"{flicker:.3g} times as much as the plate" if flicker is not None else "and the plate does not"
            told = f"from the frame before it changes {many}, inside the matte"
            yield Finding("flicker", frame, changed - self._most_flicker * still, told)
        if seen.edge:
            told = (
                f"across the matte's edge colours differ by {seen.edge.composite:.2f} (dE2000), "
                f"in the plate by {seen.edge.plate:.2f}"
            )
            yield Finding("edge", frame, seen.edge.excess, told)

    @property
    def over_shot(self) -> Steadiness:
        """The means over all frames so far."""
        return Steadiness(
            mean(step.change_a for step in self._changes),
            mean(step.change_b for step in self._changes),
            mean(step.residual for step in self._changes),
        )

    def failure(self) -> str | None:
        """A sentence, where the shot as a whole flickers more than it may."""
        shot = self.over_shot
        if not shot.flicker or shot.flicker <= self._most_flicker:
            return None
        return (
            f"From frame to frame the new face changes {shot.flicker:.2f} times as much as the plate does; "
            f"{self._most_flicker:g} times is allowed."
        )

    def _face(self, frame: Delivered, plate: UnderFrame | None) -> _FrameFace | None:
        matte = frame.plane(MATTE)
        box = None if matte is None else box_of(matte, _MARGIN)
        over = None if box is None else frame.colour("", box)
        if plate is None or matte is None or box is None or over is None:
            return None
        under = plate.over(frame.window)[0][box]
        strange = ~(np.isfinite(over) & np.isfinite(under)).all(axis=2)
        pictures = [self._look(np.where(strange[..., None], 0, pixels)) for pixels in (over, under)]
        weights = np.where(strange, 0, np.clip(np.nan_to_num(matte[box]), 0, 1)).astype(np.float32)
        return _FrameFace(frame.number, matte.shape, box, pictures[0], pictures[1], weights)


def _steadiness(face: _FrameFace, before: _FrameFace) -> Steadiness:
    """Over what both boxes hold: outside it one of the mattes is 0."""
    both = [
        slice(max(a.start, b.start), max(min(a.stop, b.stop), a.start, b.start))
        for a, b in zip(face.box, before.box, strict=True)
    ]

    def cut(one: _FrameFace, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        rows, columns = (
            slice(common.start - own.start, common.stop - own.start) for common, own in zip(both, one.box, strict=True)
        )
        return pixels[rows, columns]

    return compare_motion(
        cut(face, face.composite),
        cut(before, before.composite),
        cut(face, face.plate),
        cut(before, before.plate),
        np.minimum(cut(face, face.matte), cut(before, before.matte)),
    )
